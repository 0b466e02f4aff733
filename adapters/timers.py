"""Deadlines on an event loop, told by the clock that is injected."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..domain.moment import Moment
from ..domain.units import NS_PER_S


class Clock(Protocol):
    """Both hands, read together."""

    def read(self) -> Moment: ...


class MonotonicClock(Clock, Protocol):
    """A clock whose monotonic reading can also be taken alone, at half the price."""

    def monotonic_ns(self) -> int: ...


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """It will not. Harmless afterwards and when repeated."""
        ...


class Timers(Protocol):
    """Calls back on the dispatcher's thread."""

    def call_at(self, monotonic_ns: int, callback: Callable[[], None]) -> Timer:
        """Call once at the moment named, never before it and never from within this call; at once if it has passed."""
        ...


class LoopTimer:
    """One armed timer."""

    __slots__ = ("_callback", "_clock", "_due_ns", "_handle", "_loop")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Clock, due_ns: int, callback: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._due_ns = due_ns
        self._callback: Callable[[], None] | None = callback
        self._handle = self._arm()

    def cancel(self) -> None:
        self._callback = None
        self._handle.cancel()

    def _arm(self) -> asyncio.Handle:
        remaining_ns = self._due_ns - self._clock.read().monotonic_ns
        if remaining_ns <= 0:
            return self._loop.call_soon(self._fire)
        return self._loop.call_later(remaining_ns / NS_PER_S, self._fire)

    def _fire(self) -> None:
        # uvloop rounds to milliseconds and asyncio fires within its clock's resolution: either may be early.
        if self._clock.read().monotonic_ns < self._due_ns:
            self._handle = self._arm()
            return
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class LoopTimers:
    """Timers of one loop, set from the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        self._loop = loop
        self._clock = clock

    def call_at(self, monotonic_ns: int, callback: Callable[[], None]) -> LoopTimer:
        return LoopTimer(self._loop, self._clock, monotonic_ns, callback)

    def __repr__(self) -> str:
        return f"LoopTimers({self._loop!r})"
