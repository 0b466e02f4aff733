"""The one timer that libcurl asks for."""

from collections.abc import Callable

from ....domain.time.timers import CallAt, Timer
from ....domain.units import NS_PER_MS
from ...clock import MonotonicClock


class Wake:
    """The one timer that libcurl asks for, several times a request, and mostly for a later time than before.

    A later time moves nothing: a call that comes too early waits on.
    """

    def __init__(
        self,
        clock: MonotonicClock,
        call_at: CallAt,
        on_time: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._call_at = call_at
        self._on_time = on_time
        self._due_ns: int | None = None
        self._timer: Timer | None = None
        self._timer_ns = 0

    def set(self, in_ms: int) -> None:
        """Call back in so many milliseconds, as soon as the loop comes round for 0, never for a negative number."""
        self._due_ns = None if in_ms < 0 else self._clock.monotonic_ns() + in_ms * NS_PER_MS
        self._arm()

    def _arm(self) -> None:
        due_ns = self._due_ns
        if due_ns is None or (self._timer is not None and self._timer_ns <= due_ns):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_ns = self._call_at(due_ns, self._ring), due_ns

    def _ring(self) -> None:
        self._timer = None
        due_ns = self._due_ns
        if due_ns is not None and due_ns <= self._clock.monotonic_ns():
            self._due_ns = None
            self._on_time()
        else:
            self._arm()
