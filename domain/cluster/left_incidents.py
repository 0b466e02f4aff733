"""Open incidents that a shard has left, because their targets lie on another one by now: which shards are to take them."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from ..limits import NODE_TAKEN_AGAIN_NS
from ..time.moment import Moment
from .placement import Placement


class LeftIncident(NamedTuple):
    """An open incident that waits for the shard on which its target lies."""

    id: str
    shard: int
    """The one that has left it."""
    target: str


class TakingShards:
    """Says which shards of a node are to begin anew: a shard takes what others have left for it at its opening."""

    def __init__(self) -> None:
        self._begun_ns: dict[str, int] = {}
        """By incident, when (monotonic) a shard was to take it."""

    def shards_for(
        self, left: Iterable[LeftIncident], placement: Placement, running: Collection[int], now: Moment
    ) -> frozenset[int]:
        """Returns the running shards for which incidents wait; for the same incident again only `NODE_TAKEN_AGAIN_NS` after the last time."""
        before, self._begun_ns = self._begun_ns, {}
        shards = set()
        for each in left:
            begun_ns = before.get(each.id)
            if begun_ns is not None and now.monotonic_ns - begun_ns < NODE_TAKEN_AGAIN_NS:
                self._begun_ns[each.id] = begun_ns
                continue
            shard = placement.taker_of(each.target, each.shard)
            if shard in running:
                shards.add(shard)
                self._begun_ns[each.id] = now.monotonic_ns
        return frozenset(shards)
