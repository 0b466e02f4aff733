"""The only file that imports `time`."""

import time

from ..domain.moment import Moment


class SystemClock:
    """The machine's clocks. The monotonic hand is CLOCK_MONOTONIC, which stands still while the machine is suspended."""

    def read(self) -> Moment:
        return Moment(time.monotonic_ns(), time.time_ns())

    def monotonic_ns(self) -> int:
        """The monotonic hand alone, for whoever only measures."""
        return time.monotonic_ns()

    def boot_ns(self) -> int:
        """Time since boot, suspended time included; apart from the monotonic hand it shows a suspend."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
