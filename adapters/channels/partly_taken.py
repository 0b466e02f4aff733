"""Notices that some of a channel's receivers have taken: the next try asks the others only."""

from collections.abc import Iterable

from ...domain.limits import GIVE_UP_NS_MAX, PARTLY_TAKEN_KEPT
from ...domain.policy import CachePolicy
from ...domain.time.moment import Moment
from ..cache import Recent

POLICY = CachePolicy(
    name="receivers of a notice that took it",
    key="notice key",
    owner="each channel with several receivers",
    fresh_for_ns=GIVE_UP_NS_MAX,
    entries_max=PARTLY_TAKEN_KEPT,
    invalidation="by age, and when the last receiver has taken it; a restart forgets it, and all receivers are asked again",
)


class PartlyTaken:
    """Remembers for each notice the receivers that have taken it, until all have."""

    def __init__(self) -> None:
        self._taken: Recent[str, frozenset[str]] = Recent(POLICY)

    def by(self, key: str, now: Moment) -> frozenset[str]:
        """Returns the receivers that have taken the notice with this key."""
        return self._taken.fresh(key, now) or frozenset()

    def note(self, key: str, receivers: Iterable[str], now: Moment) -> frozenset[str]:
        """Adds receivers that have taken it now, and returns all that have."""
        taken = self.by(key, now).union(receivers)
        if taken:
            self._taken.keep(key, taken, now.monotonic_ns)
        return taken

    def __repr__(self) -> str:
        return f"PartlyTaken({len(self._taken)} notices)"
