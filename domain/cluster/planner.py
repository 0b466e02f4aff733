"""The planner of a node: what it claims and releases at each look, by what it has seen over time on its own monotonic clock."""

from collections.abc import Collection

from .. import limits
from ..time.moment import Moment
from .membership import ClusterView, NodePlan, plan


class NodePlanner:
    """Decides for one node. It compares no clocks of two machines: lengths of time are its own."""

    def __init__(self, incarnation: str) -> None:
        self._incarnation = incarnation
        self._looked: Moment | None = None
        self._beating_since_ns: int | None = None
        """Since when the row was kept alive without a pause; None where the last try failed."""
        self._unserved_since_ns: dict[int, int] = {}
        self._epochs: dict[int, int] = {}

    def look_failed(self) -> None:
        """Notes that the store could not be reached: this node may look silent to the others."""
        self._beating_since_ns = None

    def look(self, view: ClusterView, running: Collection[int], now: Moment) -> NodePlan:
        """Takes what this node sees right after a sign of life that began at `now`, and the shards that it is not to claim now: see `plan`."""
        may_take_over = self._may_take_over(now)
        self._looked = now
        for row in view.shards:
            self._epochs[row.shard] = max(row.epoch, self.known_epoch(row.shard))
        self._watch_unserved(view, now)
        return plan(
            view,
            self._incarnation,
            running,
            may_take_over=may_take_over,
            abandoned=self.unserved_for(limits.NODE_OUTDATED_NS, now),
        )

    def known_epoch(self, shard: int) -> int:
        """Returns the highest epoch of a shard that was seen: a store that went back in time has forgotten some, which must not repeat."""
        return self._epochs.get(shard, 0)

    def _may_take_over(self, now: Moment) -> bool:
        """Whether this node has shown signs of life for a whole lease, without a pause in which it was frozen itself."""
        late = self._looked is not None and now.since(self._looked) > limits.TENURE_WATCH_GAP_NS
        if self._beating_since_ns is None or late:
            self._beating_since_ns = now.monotonic_ns
        return now.monotonic_ns - self._beating_since_ns >= limits.TENURE_LEASE_NS

    def _watch_unserved(self, view: ClusterView, now: Moment) -> None:
        unserved = [each.shard for each in view.shards if each.is_free or each.is_silent]
        self._unserved_since_ns = {
            shard: self._unserved_since_ns.get(shard, now.monotonic_ns) for shard in unserved
        }

    def unserved_for(self, length_ns: int, now: Moment) -> list[int]:
        """Returns the shards that no living node has run for some time, as this one has seen it."""
        since = self._unserved_since_ns.items()
        return sorted(shard for shard, since_ns in since if now.monotonic_ns - since_ns > length_ns)
