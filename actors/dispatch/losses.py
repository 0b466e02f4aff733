"""What a mailbox did not deliver: most mailboxes never need this."""

from ...domain.policy import OverflowPolicy
from .coalesced import Coalesced
from .tally import Tally


class Losses:
    """Counts of dropped messages, and the messages that newer ones may replace."""

    __slots__ = ("_drops", "coalesced")

    def __init__(self) -> None:
        self._drops: dict[tuple[str, OverflowPolicy], Tally] = {}
        self.coalesced = Coalesced()

    def count(self, message: object, overflow: OverflowPolicy) -> None:
        """Count a message that was dropped. Safe from any thread."""
        self._drops.setdefault((type(message).__name__, overflow), Tally()).add()

    def read(self) -> dict[tuple[str, OverflowPolicy], int]:
        """By name of the message class and policy: how many were dropped or replaced."""
        counts = {key: tally.read() for key, tally in list(self._drops.items())}
        for name, count in self.coalesced.replaced():
            key = (name, OverflowPolicy.COALESCE_LATEST)
            counts[key] = counts.get(key, 0) + count
        return counts
