"""The only file that imports `time`."""

import time
from time import clock_gettime_ns, monotonic_ns, time_ns
from typing import Any, Protocol

from ..domain.time.moment import Moment

MONOTONIC_CLOCK = time.CLOCK_MONOTONIC
"""The number by which the system knows the clock of a kernel's timers."""


def boot_clock(names: Any) -> int:
    """Which of a system's clocks goes on while the machine is suspended, where the monotonic hand stands still.

    Linux: CLOCK_BOOTTIME. macOS: the monotonic hand is its CLOCK_UPTIME_RAW, and CLOCK_MONOTONIC_RAW is the same count
    with the time asleep; its CLOCK_MONOTONIC would be that, too, but is corrected by NTP, as the hand is not. Elsewhere:
    none is known, so the monotonic hand itself, and a suspend shows as a step of the wall clock only.
    """
    if hasattr(names, "CLOCK_BOOTTIME"):
        return int(names.CLOCK_BOOTTIME)
    return int(names.CLOCK_MONOTONIC_RAW if hasattr(names, "CLOCK_UPTIME_RAW") else names.CLOCK_MONOTONIC)


_BOOT_CLOCK = boot_clock(time)


class MomentClock(Protocol):
    """Both hands, read together."""

    def read(self) -> Moment: ...


class MonotonicClock(MomentClock, Protocol):
    """A clock whose monotonic reading can also be taken alone, at half the price."""

    def monotonic_ns(self) -> int: ...


class SystemClock:
    """The machine's clocks. The monotonic hand is Python's own, which stands still while the machine is suspended."""

    monotonic_ns = staticmethod(monotonic_ns)
    """The monotonic hand alone, for whoever only measures. Python's own function: one around it would cost as much again."""

    def read(self) -> Moment:
        return Moment(monotonic_ns(), time_ns())

    def boot_ns(self) -> int:
        """A count that includes suspended time; the monotonic hand's lag behind it shows a suspend."""
        return clock_gettime_ns(_BOOT_CLOCK)
