"""The alarms of one event loop, behind one timer."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, TypeAlias

from ...domain.moment import NS_PER_MS
from ...domain.timers import Timers
from .alarm import Alarm


class LoopTimer(Protocol):
    """One timer of an event loop, used on the loop's thread."""

    def set(self, after_ns: int, /) -> None:
        """Call back so much later, not sooner, in place of what was set before; 0 is never."""
        ...

    def close(self) -> None:
        """Never call back again."""
        ...


logger = logging.getLogger(__name__)

MakeTimer: TypeAlias = Callable[[asyncio.AbstractEventLoop, Callable[[], None]], LoopTimer]


class MillisecondTimer:
    """The loop's own, which is up to a millisecond late on asyncio and two on uvloop."""

    __slots__ = ("_handle", "_loop", "_on_time")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_time: Callable[[], None]) -> None:
        self._loop = loop
        self._on_time = on_time
        self._handle: asyncio.TimerHandle | None = None

    def set(self, after_ns: int) -> None:
        self.close()
        if after_ns:
            self._handle = self._loop.call_later(-(-after_ns // NS_PER_MS) / 1_000, self._on_time)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class AlarmClock:
    """Keeps the timer set for the earliest alarm. Used on the loop's thread alone."""

    __slots__ = ("_alarms", "_loop", "_make_timer", "_monotonic_ns", "_ring", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        make_timer: MakeTimer,
        monotonic_ns: Callable[[], int],
        ring: Callable[[Alarm, int], None],
    ) -> None:
        self._loop = loop
        self._make_timer = make_timer
        self._monotonic_ns = monotonic_ns
        self._ring = ring
        self._alarms: Timers[Alarm] = Timers()
        self._timer: LoopTimer | None = None

    def arm(self, alarm: Alarm) -> None:
        """Have it rung, and told how late, at its time or soon after; never before it, and never from within this call."""
        self._alarms.arm(alarm, alarm.due_ns)
        if self._timer is None:
            self._timer = self._make_timer(self._loop, self._on_time)
        if self._alarms.next_ns() == alarm.due_ns:
            self._timer.set(max(alarm.due_ns - self._monotonic_ns(), 1))

    def _on_time(self) -> None:
        """Set the timer anew before anything rings: what rings may arm more."""
        if self._timer is None:
            return
        now_ns = self._monotonic_ns()
        due = list(self._alarms.due(now_ns))
        next_ns = self._alarms.next_ns()
        self._timer.set(0 if next_ns is None else max(next_ns - now_ns, 1))
        for alarm, due_ns in due:
            try:
                if alarm.armed:
                    self._ring(alarm, now_ns - due_ns)
            except Exception:
                logger.exception("What an alarm called back failed")

    def close(self) -> None:
        """Ring nothing more. On the loop's thread, or when the loop runs no longer."""
        timer, self._timer = self._timer, None
        self._alarms = Timers()
        if timer is not None:
            timer.close()
