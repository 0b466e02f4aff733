"""The lines about shards that a node has taken, handed over and lost: one for all of one moment."""

import logging
import threading
from collections.abc import Collection, Iterator

from ...domain.line import count_of, listed
from ...domain.read_model.node_status import shards_text

LOOKS_MAX = 20
"""The longest wait, in looks of the node, for shards that are on their way: five seconds."""


class ShardNews:
    """Compares the shards of a node with those that it told of last. Several threads call it."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._guard = threading.Lock()
        self._told: frozenset[int] = frozenset()
        self._silent_owners: dict[int, str] = {}
        self._lost: set[int] = set()
        self._waited = 0

    def begin(self, running: Collection[int]) -> None:
        """Takes the shards of a start as told."""
        with self._guard:
            self._told = frozenset(running)

    def claims(self, shard: int, silent_owner: str) -> None:
        """Notes that the node claims a shard; from an owner that is silent, or one that is free."""
        with self._guard:
            self._silent_owners[shard] = silent_owner

    def loses(self, shard: int) -> None:
        """Notes that another node has claimed a shard from this one."""
        with self._guard:
            self._lost.add(shard)

    def lines(self, running: Collection[int], shards: int, *, is_settled: bool) -> list[tuple[int, str]]:
        """Returns a level and a text for each kind of change since the last call, once no shard is on its way."""
        with self._guard:
            now = frozenset(running)
            if now == self._told and not self._lost:
                self._waited = 0
                return []
            self._waited += 1
            if not is_settled and self._waited < LOOKS_MAX:
                return []
            end = f"; it runs {len(now)} of {count_of(shards, 'shard')}"
            said = [(level, f"{text}{end}") for level, text in self._changes(now)]
            self._told, self._waited = now, 0
            self._lost.clear()
            return said

    def _changes(self, now: frozenset[int]) -> Iterator[tuple[int, str]]:
        gone, taken = self._told - now, sorted(now - self._told)
        if lost := sorted(gone & self._lost):
            yield (
                logging.WARNING,
                f"Other nodes have claimed {_counted(lost)} from node {self._node}, which was silent",
            )
        if back := sorted(self._told & now & self._lost):
            yield (
                logging.WARNING,
                f"Other nodes had claimed {_counted(back)} from node {self._node}, which was silent, and it has taken them again",
            )
        if given := sorted(gone - self._lost):
            yield logging.INFO, f"Node {self._node} has handed over {_counted(given)}"
        if taken:
            owners = sorted({owner for shard in taken if (owner := self._silent_owners.pop(shard, ""))})
            source = (
                f" of {listed(owners)}, which {'is' if len(owners) == 1 else 'are'} silent" if owners else ""
            )
            yield logging.INFO, f"Node {self._node} has taken {_counted(taken)}{source}"


def _counted(shards: Collection[int]) -> str:
    numbers = sorted(shards)
    return f"{count_of(len(numbers), 'shard')} ({shards_text(numbers)})"
