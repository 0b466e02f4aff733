"""A counter that any thread may raise without a lock."""

from itertools import repeat
from operator import length_hint

_FULL = 2**62


class Tally:
    """Counts exactly from any thread, also from a signal handler or a finalizer that interrupts a count.

    `+= 1` can lose a count between two threads and a lock can deadlock a signal handler; taking one item from
    `itertools.repeat` is one uninterruptible step, and its length hint says how many are left.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = repeat(None, _FULL)

    def add(self) -> None:
        """Count one."""
        next(self._left)

    def read(self) -> int:
        """How many were counted."""
        return _FULL - length_hint(self._left)
