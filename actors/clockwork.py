"""The supervisor's timers with the one alarm that wakes it for the earliest of them."""

from collections.abc import Callable, Iterator
from typing import Protocol

from ..domain.schedule import Flight, Scheduled
from ..domain.timers import Timers
from .dispatch import Alarm

TimerKey = Scheduled | Flight | tuple[str, ...]
"""A target's own tick, an attempt's own deadline, or a kind with what it concerns."""


class SetAlarm(Protocol):
    """A dispatcher's way to be called back once at a monotonic time."""

    def __call__(self, at_ns: int, callback: Callable[[], None], /) -> Alarm: ...


class Clockwork:
    """Keeps one alarm set for the earliest timer, however many there are."""

    def __init__(self, set_alarm: SetAlarm, wake: Callable[[int], None]) -> None:
        self.timers: Timers[TimerKey] = Timers()
        self._set_alarm = set_alarm
        self._wake = wake
        self._alarm: Alarm | None = None
        self._alarm_ns = 0

    def wind(self) -> None:
        """See to it that the alarm is not later than the earliest timer."""
        next_ns = self.timers.next_ns()
        if next_ns is None or (self._alarm is not None and self._alarm_ns <= next_ns):
            return
        self.stop()
        self._alarm_ns = next_ns
        self._alarm = self._set_alarm(next_ns, self._ring)

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
