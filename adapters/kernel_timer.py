"""A timer that the kernel keeps: a loop's own counts milliseconds, which makes everything a millisecond late."""

import asyncio
import ctypes
import os
from collections.abc import Callable

from ..domain.units import NS_PER_S
from .clock import MONOTONIC_CLOCK


class _Length(ctypes.Structure):
    """`struct timespec`."""

    _fields_ = (("seconds", ctypes.c_long), ("ns", ctypes.c_long))


class _Setting(ctypes.Structure):
    """`struct itimerspec`: how often again, and after what length at first; zero is never."""

    _fields_ = (("again", _Length), ("first", _Length))


# Python has these calls since 3.13 only. PyDLL keeps the interpreter's lock: given up for a call of half a microsecond, it
# would be gone for five milliseconds wherever a thread of the host computes.
_libc = ctypes.PyDLL(None, use_errno=True)


def has_kernel_timer() -> bool:
    """Whether the system has what a KernelTimer needs; without it an event loop's own timers are used."""
    return hasattr(_libc, "timerfd_create")


class KernelTimer:
    """Calls back on the loop's thread a tenth of a millisecond after its time. Linux: timerfd_create(2)."""

    __slots__ = ("_descriptor", "_loop", "_setting", "_setting_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_time: Callable[[], None]) -> None:
        self._loop = loop
        self._setting = _Setting()
        self._setting_at = ctypes.byref(self._setting)
        self._descriptor: int = _libc.timerfd_create(MONOTONIC_CLOCK, os.O_NONBLOCK | os.O_CLOEXEC)
        _raise_if(self._descriptor < 0)
        loop.add_reader(self._descriptor, on_time)

    def set(self, after_ns: int) -> None:
        """Call back so much later, whatever was set before; 0 is never. Nothing is read: what is set anew has not come."""
        self._setting.first.seconds, self._setting.first.ns = divmod(after_ns, NS_PER_S)
        _raise_if(_libc.timerfd_settime(self._descriptor, 0, self._setting_at, None) < 0)

    def close(self) -> None:
        """Never call back again. Harmless when repeated."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(descriptor)
        os.close(descriptor)

    def __repr__(self) -> str:
        return f"KernelTimer(descriptor={self._descriptor})"


def _raise_if(failed: bool) -> None:
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
