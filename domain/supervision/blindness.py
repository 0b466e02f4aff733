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

STALLED = "stalled"
"""The process stood still: it was stopped, or something held its loop."""


def waited_ns(gap: BlindInterval) -> int:
    """Returns how much of a gap waits on the monotonic clock have counted: nothing of a suspension."""
    return 0 if gap.cause == SUSPENDED else gap.ended_at_ns - gap.started_at_ns


class Reading(msgspec.Struct, frozen=True, gc=False):
    """A moment with the time since boot, which goes on during suspension."""

    at: Moment
    boot_ns: int


class BlindnessDetector:
    """Compares each wake-up with the last one: wall and boot time against monotonic, planned against actual time."""

    __slots__ = ("_lag_max_ns", "_lags", "_last", "_slept_ns")

    def __init__(self) -> None:
        self._last: Reading | None = None
        self._lags: deque[tuple[int, int]] = deque()
        self._lag_max_ns = 0
        self._slept_ns = 0

    def woke(self, reading: Reading, planned_ns: int | None) -> BlindInterval | None:
        """Notes a wake-up; returns the blind interval before it, if any.

        `planned_ns` is its planned moment (monotonic; None: unplanned).
        """
        last, self._last = self._last, reading
        now = reading.at
        lag_ns = _lag_ns(last, planned_ns, now)
        self._lag_max_ns = max(self._lag_max_ns, lag_ns)
        self._note_lag(last, now, lag_ns)
        if last is None:
            return None
        elapsed_ns = now.since(last.at)
        slept_ns = reading.boot_ns - last.boot_ns - elapsed_ns
        if slept_ns >= limits.SUSPEND_NS:
            self._slept_ns += slept_ns
            return BlindInterval(last.at.wall_ns, now.wall_ns, SUSPENDED)
        if abs(now.wall_ns - last.at.wall_ns - elapsed_ns) >= limits.CLOCK_STEP_NS:
            return BlindInterval(last.at.wall_ns, now.wall_ns, CLOCK_STEPPED)
        if lag_ns >= limits.STALL_NS:
            return BlindInterval(now.wall_ns - lag_ns, now.wall_ns, STALLED)
        return None

    def _note_lag(self, last: Reading | None, now: Moment, lag_ns: int) -> None:
        if lag_ns < limits.LAG_NOTED_NS:
            return
        lags, now_ns = self._lags, now.monotonic_ns
        while lags and lags[0][0] < now_ns - limits.LAGS_KEPT_NS:
            lags.popleft()
        # The block may have begun before the planned moment, but not before the last wake-up.
        blocked_ns = lag_ns + limits.LAG_LOOK_NS
        lags.append((now_ns, blocked_ns if last is None else min(blocked_ns, now.since(last.at))))

    def take_lag_ns(self) -> int:
        """Returns the greatest delay of a wake-up since this was last asked."""
        lag_ns, self._lag_max_ns = self._lag_max_ns, 0
        return lag_ns

    @property
    def has_slept(self) -> bool:
        """Whether the machine was suspended since `take_slept_ns` was called."""
        return self._slept_ns > 0

    def take_slept_ns(self) -> int:
        """Returns how long the machine was suspended since this was last asked."""
        slept_ns, self._slept_ns = self._slept_ns, 0
        return slept_ns

    def blocked_ns(self, since_ns: int) -> int:
        """Returns how long at most the process stood still since `since_ns` (monotonic), within the last minute.

        Short blocks add up: an attempt takes several turns of the loop, and each of them may have been late.
        """
        total_ns = 0
        for at_ns, blocked_ns in reversed(self._lags):
            if at_ns <= since_ns:
                break
            total_ns += min(blocked_ns, at_ns - since_ns)
        return total_ns


def _lag_ns(last: Reading | None, planned_ns: int | None, now: Moment) -> int:
    if planned_ns is None:
        return 0
    # The process ran at the last wake-up: a timer planned for before it was armed late, and shows no stall since.
    armed_ns = planned_ns if last is None else max(planned_ns, last.at.monotonic_ns)
    return max(0, now.monotonic_ns - armed_ns)
