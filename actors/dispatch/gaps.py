"""How long scheduled work had to wait for its loop."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lag:
    """What the loop kept waiting: the time from being woken to running, and how late alarms rang."""

    last_ns: int
    worst_ns: int
    """The worst since the last `reset_lag`."""
    batch_worst_ns: int
    """The longest batch of turns since the last `reset_lag`."""


class Gaps:
    """Collects lag readings on the loop's thread."""

    __slots__ = ("_batch_worst_ns", "_last_ns", "_worst_ns")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the worst."""
        self._last_ns = 0
        self._worst_ns = 0
        self._batch_worst_ns = 0

    def waited(self, gap_ns: int) -> None:
        """Note that something ran `gap_ns` after it could have."""
        self._last_ns = gap_ns
        self._worst_ns = max(self._worst_ns, gap_ns)

    def worked(self, batch_ns: int) -> None:
        """Note that a batch kept everything else waiting."""
        self._batch_worst_ns = max(self._batch_worst_ns, batch_ns)

    def read(self) -> Lag:
        """The figures so far."""
        return Lag(self._last_ns, self._worst_ns, self._batch_worst_ns)
