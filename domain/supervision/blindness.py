"""Blindness: intervals in which the process was suspended or stalled, or its wall clock stepped."""

from collections import deque

import msgspec

from .. import limits
from ..incidents.record import BlindInterval
from ..time.moment import Moment

CLOCK_STEPPED = "clock_stepped"
"""The wall clock was set: recorded, but samples stay valid, because no duration is measured by it."""

SUSPENDED = "suspended"
"""The machine was suspended: its monotonic clock stood still."""


class Reading(msgspec.Struct, frozen=True, gc=False):
    """A moment with the time since boot, which goes on during suspension."""

    at: Moment
    boot_ns: int


class BlindnessDetector:
    """Compares each wake-up with the last one: wall and boot time against monotonic, planned against actual time."""

    __slots__ = ("_lags", "_last")

    def __init__(self) -> None:
        self._last: Reading | None = None
        self._lags: deque[tuple[int, int]] = deque()

    def woke(self, reading: Reading, planned_ns: int | None) -> BlindInterval | None:
        """Notes a wake-up; returns the blind interval before it, if any.

        `planned_ns` is its planned moment (monotonic; None: unplanned).
        """
        last, self._last = self._last, reading
        now = reading.at
        # The process ran at the last wake-up: a timer planned for before it was armed late, and shows no stall since.
        seen_ns = 0 if last is None else last.at.monotonic_ns
        lag_ns = 0 if planned_ns is None else max(0, now.monotonic_ns - max(planned_ns, seen_ns))
        if lag_ns:
            self._note_lag(now.monotonic_ns, lag_ns)
        if last is None:
            return None
        elapsed_ns = now.since(last.at)
        if reading.boot_ns - last.boot_ns - elapsed_ns >= limits.SUSPEND_NS:
            return BlindInterval(last.at.wall_ns, now.wall_ns, SUSPENDED)
        if abs(now.wall_ns - last.at.wall_ns - elapsed_ns) >= limits.CLOCK_STEP_NS:
            return BlindInterval(last.at.wall_ns, now.wall_ns, CLOCK_STEPPED)
        if lag_ns >= limits.STALL_NS:
            return BlindInterval(now.wall_ns - lag_ns, now.wall_ns, "stalled")
        return None

    def _note_lag(self, now_ns: int, lag_ns: int) -> None:
        # The queue keeps lags that no later one reaches, so its first entry within a span is the worst of that span.
        lags = self._lags
        while lags and lags[-1][1] <= lag_ns:
            lags.pop()
        while lags and lags[0][0] < now_ns - limits.LAGS_KEPT_NS:
            lags.popleft()
        lags.append((now_ns, lag_ns))

    def worst_lag_ns(self, since_ns: int) -> int:
        """Returns the worst lateness of the process's wake-ups since `since_ns` (monotonic), within the last minute."""
        return next((lag for at, lag in self._lags if at >= since_ns), 0)
