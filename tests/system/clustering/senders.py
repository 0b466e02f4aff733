"""The senders of notices: each notice that is told for the first time must come from an owner of its target's shard."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.system.clustering.judging import Finding
from tests.system.clustering.ledger import Told
from tests.system.clustering.nodes import Node
from tests.system.clustering.shards import Claim, ShardWatch

LOOKED_S = 0.3
"""The time before a turn in which a claim may have been seen that its finder did not know of yet."""


class Sent(NamedTuple):
    """A notice at its first arrival, and the process that sent it."""

    told: Told
    pid: int


class Senders:
    """Keeps the sender of each notice, and finds those that another node had replaced before they found the turn that they tell of."""

    def __init__(
        self, nodes: Sequence[Node], shards: ShardWatch, shard_of: Callable[[str], int | None]
    ) -> None:
        self._nodes, self._shards, self._shard_of = nodes, shards, shard_of
        self._waiting: list[Sent] = []
        self._found: list[Finding] = []

    def note(self, told: Told) -> None:
        """Finds the sender of a notice, while its connection is there."""
        pid = next((node.pid for node in self._nodes if node.has_connection(told.port, told.to)), None)
        if pid is not None:
            self._waiting.append(Sent(told, pid))

    def findings(self) -> list[Finding]:
        """Returns all notices of former owners, but for those of the last moments."""
        waiting, self._waiting = self._waiting, []
        for sent in waiting:
            # The claim of its sender may not have been seen yet.
            if sent.told.arrived_at >= self._shards.look_began_at:
                self._waiting.append(sent)
            else:
                self._judge(sent)
        return list(self._found)

    def _judge(self, sent: Sent) -> None:
        told, shard = sent.told, self._shard_of(sent.told.target)
        # A former owner may have had it in hand: its successor sends that again, under the same key.
        before = [each for each in self._shards.claims_of(shard) if each.at < told.said_at - LOOKED_S]
        since = [
            each
            for each in self._shards.claims_of(shard)
            if told.said_at - LOOKED_S <= each.at and each.after <= told.arrived_at
        ]
        if before and not any(_is_by(sent.pid, each) for each in (before[-1], *since)):
            late_s = told.said_at - before[-1].at
            said = f"{told.key} of {told.target} by process {sent.pid}, found {late_s:.1f} s after {before[-1].owner} had claimed its shard"
            self._found.append(Finding("former", told.arrived_at, said))


def _is_by(pid: int, claim: Claim) -> bool:
    return f"process {pid} on " in claim.owner
