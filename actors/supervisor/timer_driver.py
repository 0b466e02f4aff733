"""The supervisor's timers with the one alarm that wakes it for the earliest of them."""

from collections.abc import Callable, Iterator

from ...domain.time.timers import CallAt, Timer, Timers
from .periodic_timers import TimerKey


class TimerDriver:
    """Keeps one alarm set for the earliest timer, however many there are."""

    def __init__(self, call_at: CallAt, wake: Callable[[int], None]) -> None:
        self.timers: Timers[TimerKey] = Timers()
        self._call_at = call_at
        self._wake = wake
        self._alarm: Timer | None = None
        self._alarm_ns = 0

    def rearm(self) -> None:
        """See to it that the alarm is not later than the earliest timer."""
        next_ns = self.timers.next_ns()
        if next_ns is None or (self._alarm is not None and self._alarm_ns <= next_ns):
            return
        self.stop()
        self._alarm_ns = next_ns
        self._alarm = self._call_at(next_ns, self._ring)

    def _ring(self) -> None:
        self._wake(self._alarm_ns)

    def overdue_ns(self, now_ns: int) -> int | None:
        """For when the alarm was set, if that has passed and nobody has looked since."""
        return self._alarm_ns if self._alarm is not None and self._alarm_ns < now_ns else None

    def due(self, now_ns: int) -> Iterator[tuple[TimerKey, int]]:
        """After the alarm: what is due by now."""
        self._alarm = None
        return self.timers.due(now_ns)

    def stop(self) -> None:
        """Wake nobody any more until wound again."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
