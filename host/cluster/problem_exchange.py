"""The exchange of own problems: those of all shards and nodes reach the engine of the first shard, which tells of them."""

import threading
from collections.abc import Collection
from itertools import chain
from typing import Protocol

from ...actors.ports import Clock
from ...domain import limits
from ...domain.cluster.membership import ClusterView
from ...domain.cluster.node_problems import NodeProblems, report_text, reported_problems
from ...domain.incidents.own_problems import OwnProblem, joined_problems, node_part
from ...domain.time.moment import Moment
from .shard_configuration import FIRST_SHARD


class ReportMembership(Protocol):
    """The place for the own problems of a node in the store; see `Membership`."""

    name: str

    @property
    def skew_ns(self) -> int:
        """How far the wall clock of this machine is ahead of that of the store."""
        ...

    def exchange(self, problems: str, *, is_teller: bool) -> dict[str, str]: ...


class ProblemExchange:
    """Keeps what the engines of this node say of themselves, and passes it on by the store.

    Recorders and the node's thread use it. While the store is away, what was read last holds: the incidents of it neither open nor end.
    """

    def __init__(self, membership: ReportMembership, clock: Clock) -> None:
        self._membership, self._clock = membership, clock
        self._guard = threading.Lock()
        self._of_shards: dict[int, tuple[OwnProblem, ...]] = {}
        self._of_nodes: tuple[OwnProblem, ...] = ()
        """Of this node and of others, as of the last exchange."""
        self._seen = NodeProblems(membership.name)
        self._exchanged: Moment | None = None

    def with_others(self, shard: int, problems: tuple[OwnProblem, ...]) -> tuple[OwnProblem, ...]:
        """Takes all own problems of a shard, and returns those that its engine is to tell of: the first one of all."""
        with self._guard:
            self._of_shards[shard] = problems
            if shard != FIRST_SHARD:
                return problems
            return joined_problems((*self._of_shards.values(), self._of_nodes))

    def forget(self, shard: int) -> None:
        """Drops the problems of a shard that this node runs no longer."""
        with self._guard:
            self._of_shards.pop(shard, None)

    def look(self, view: ClusterView, own: str, running: Collection[int]) -> None:
        """Takes what the node has seen, and what is wrong with itself; exchanges it from time to time. Blocks. Raises: StoreError."""
        now = self._clock.read()
        self._seen.look(view, own, now)
        if self._exchanged is None or now.since(self._exchanged) >= limits.NODE_PROBLEMS_EVERY_NS:
            self._exchange(now, is_teller=FIRST_SHARD in running)
            self._exchanged = now

    def _exchange(self, now: Moment, *, is_teller: bool) -> None:
        seen, skew_ns = [*self._seen.all(now)], self._membership.skew_ns
        of_itself = [each for each in seen if each.part == node_part(self._membership.name)]
        with self._guard:
            mine = joined_problems((*self._of_shards.values(), of_itself))
        texts = self._membership.exchange(report_text(mine, skew_ns, now), is_teller=is_teller)
        others = chain.from_iterable(
            reported_problems(name, text, skew_ns, now) for name, text in texts.items()
        )
        with self._guard:
            self._of_nodes = joined_problems((seen, others))
