"""The one timer that libcurl asks for, without a loop timer per request."""

import asyncio
from collections.abc import Callable

S_PER_MS = 0.001


class Alarm:
    """Calls `ring` when the time last set has come. Setting a later time moves nothing: an early waking re-arms itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._due_s: float | None = None
        self._timer: asyncio.Handle | None = None
        self._timer_s = 0.0
        self._soon: asyncio.Handle | None = None

    def set(self, in_ms: int) -> None:
        """Ring in so many milliseconds, as soon as the loop comes round for 0, never for a negative number."""
        if in_ms == 0:
            if self._soon is None:
                self._soon = self._loop.call_soon(self._ring_soon)
        elif in_ms < 0:
            self._due_s = None
        else:
            self._due_s = self._loop.time() + in_ms * S_PER_MS
            self._arm(self._due_s)

    def _arm(self, due_s: float) -> None:
        if self._timer is not None:
            if self._timer_s <= due_s:
                return
            self._timer.cancel()
        # The time is kept here: for one that has come uvloop gives a handle that cannot say when.
        self._timer, self._timer_s = self._loop.call_at(due_s, self._wake), due_s

    def _ring_soon(self) -> None:
        self._soon = None
        self._ring()

    def _wake(self) -> None:
        self._timer = None
        if self._due_s is None:
            return
        if self._loop.time() < self._due_s:
            self._arm(self._due_s)
            return
        self._due_s = None
        self._ring()

    def close(self) -> None:
        for handle in (self._timer, self._soon):
            if handle is not None:
                handle.cancel()
        self._timer = self._soon = self._due_s = None
