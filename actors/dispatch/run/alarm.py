"""Alarms: callbacks at a moment of the monotonic clock, and one timer for all alarms of an event loop."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol, TypeAlias

from ....domain.time.moment import NS_PER_MS
from ....domain.time.timers import Timers

logger = logging.getLogger(__name__)


class Alarm:
    """A callback at a monotonic time. Cancelled and rung on its dispatcher's thread; `run_turn` rings it."""

    __slots__ = ("_callback", "_forget")

    def __init__(
        self, callback: Callable[[], object], forget: "Callable[[Alarm], object] | None" = None
    ) -> None:
        self._callback: Callable[[], object] | None = callback
        self._forget = forget

    @property
    def armed(self) -> bool:
        """True until it has rung or was cancelled."""
        return self._callback is not None

    def cancel(self) -> None:
        """Prevents the callback. Harmless when repeated and after the alarm has rung."""
        if self._callback is not None:
            self._callback = None
            if self._forget is not None:
                self._forget(self)

    def run_turn(self) -> None:
        """Calls back, at most once and not after `cancel`. Logs an error, for which no caller waits."""
        callback, self._callback = self._callback, None
        if callback is not None:
            try:
                callback()
            except Exception:
                logger.exception("The callback of an alarm failed")


class LoopTimer(Protocol):
    """One timer of an event loop, used on the loop's thread."""

    def set(self, after_ns: int, /) -> None:
        """Calls back after this time, never earlier, and replaces the earlier setting; 0 means never."""
        ...

    def close(self) -> None:
        """Prevents every further callback."""
        ...


def ring_all(alarms: Sequence[Alarm]) -> None:
    """Rings alarms one after the other."""
    for alarm in alarms:
        alarm.run_turn()


MakeTimer: TypeAlias = Callable[[asyncio.AbstractEventLoop, Callable[[], None]], LoopTimer]


class MillisecondTimer:
    """The loop's own timer, up to one millisecond late on asyncio and two on uvloop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_time: Callable[[], None]) -> None:
        self._loop = loop
        self._on_time = on_time
        self._handle: asyncio.TimerHandle | None = None

    def set(self, after_ns: int) -> None:
        self.close()
        if after_ns:
            # Rounded up to a whole millisecond: the timer must never be early.
            self._handle = self._loop.call_later(-(-after_ns // NS_PER_MS) / 1_000, self._on_time)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class AlarmClock:
    """Keeps one timer set for the earliest alarm of a loop. Used only on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        monotonic_ns: Callable[[], int],
        make_timer: MakeTimer = MillisecondTimer,
        ring: Callable[[Sequence[Alarm]], None] = ring_all,
    ) -> None:
        self._loop = loop
        self._make_timer = make_timer
        self._monotonic_ns = monotonic_ns
        self._ring = ring
        self._alarms: Timers[Alarm] = Timers()
        self._timer: LoopTimer | None = None
        self._wakes_ns = inf
        """The time of the next call of `_on_time`; never later than the earliest alarm, and in the past once closed."""

    def call_at(self, monotonic_ns: int, callback: Callable[[], object]) -> Alarm:
        """Calls back at a moment or soon after; never before it, and never from within this call."""
        # Nearly every answer cancels a deadline; if its timer stayed, it would still wake the loop.
        alarm = Alarm(callback, self._alarms.cancel)
        self._alarms.arm(alarm, monotonic_ns)
        if monotonic_ns < self._wakes_ns:
            self._wakes_ns = monotonic_ns
            self._set_timer(monotonic_ns)
        return alarm

    def _set_timer(self, due_ns: int) -> None:
        if self._timer is None:
            self._timer = self._make_timer(self._loop, self._on_time)
        after_ns = due_ns - self._monotonic_ns()
        if after_ns > 0:
            self._timer.set(after_ns)
        else:
            # A due alarm rings in the next round of the loop; a timer would take up to a millisecond more.
            self._loop.call_soon(self._on_time)

    def _on_time(self) -> None:
        """Sets the timer for the next alarm, then rings those that are due: a callback may arm more."""
        if self._timer is None:
            return
        now_ns = self._monotonic_ns()
        due = list(self._alarms.due(now_ns))
        next_ns = self._alarms.next_ns()
        self._wakes_ns = inf if next_ns is None else next_ns
        self._timer.set(0 if next_ns is None else next_ns - now_ns)
        if due:
            self._ring([alarm for alarm, _ in due])

    def close(self) -> None:
        """Rings nothing more. Called on the loop's thread, or after the loop has ended."""
        timer, self._timer = self._timer, None
        # A task that is cancelled with the loop may still set alarms: none of them makes another timer.
        self._wakes_ns = -inf
        if timer is not None:
            timer.close()
