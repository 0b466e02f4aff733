"""The supervisor's timers, with the one alarm that wakes it for the earliest of them."""

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

    def rearm(self, at_most_ns: int | None = None) -> None:
        """Sets the alarm where it would ring later than the earliest timer, or than `at_most_ns`."""
        next_ns = self.timers.next_ns()
        if at_most_ns is not None:
            next_ns = at_most_ns if next_ns is None else min(next_ns, at_most_ns)
        # An alarm that is too early stays: its wake-up costs less than setting the alarm again after each answer.
        if next_ns is None or (self._alarm is not None and self._alarm_ns <= next_ns):
            return
        self.stop()
        self._alarm_ns = next_ns
        self._alarm = self._call_at(next_ns, self._ring)

    def relax(self) -> None:
        """Puts the alarm off to the earliest timer where it is set for an earlier moment, which nothing needs any more."""
        next_ns = self.timers.next_ns()
        if next_ns is not None and self._alarm is not None and self._alarm_ns < next_ns:
            self.stop()
            self.rearm()

    def _ring(self) -> None:
        self._wake(self._alarm_ns)

    def overdue_ns(self, now_ns: int) -> int | None:
        """Returns the time of the alarm where it has passed and `due` was not called since, else None."""
        return self._alarm_ns if self._alarm is not None and self._alarm_ns < now_ns else None

    def due(self, now_ns: int) -> Iterator[tuple[TimerKey, int]]:
        """Takes the timers that are due, after the alarm has rung; `rearm` must follow."""
        self._alarm = None
        return self.timers.due(now_ns)

    def stop(self) -> None:
        """Cancels the alarm; `rearm` sets it again."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
