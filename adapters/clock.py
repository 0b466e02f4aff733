"""The only file that imports `time`."""

from time import CLOCK_BOOTTIME, clock_gettime_ns, monotonic_ns, time_ns
from typing import Protocol

from ..domain.moment import Moment


class Clock(Protocol):
    """Both hands, read together."""

    def read(self) -> Moment: ...


class MonotonicClock(Clock, Protocol):
    """A clock whose monotonic reading can also be taken alone, at half the price."""

    def monotonic_ns(self) -> int: ...


class SystemClock:
    """The machine's clocks. The monotonic hand is CLOCK_MONOTONIC, which stands still while the machine is suspended."""

    monotonic_ns = staticmethod(monotonic_ns)
    """The monotonic hand alone, for whoever only measures. Python's own function: one around it would cost as much again."""

    def read(self) -> Moment:
        return Moment(monotonic_ns(), time_ns())

    def boot_ns(self) -> int:
        """Time since boot, suspended time included; apart from the monotonic hand it shows a suspend."""
        return clock_gettime_ns(CLOCK_BOOTTIME)
