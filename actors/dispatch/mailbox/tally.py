"""A counter that any thread may increase without a lock."""

from itertools import repeat
from operator import length_hint

_FULL = 2**62
"""The items of a new counter: fits a C `ssize_t` and is never used up."""


class Tally:
    """Counts exactly from any thread, also from a signal handler or finalizer that interrupts a count.

    `+= 1` can lose a count between two threads, and a lock can deadlock a signal handler. Taking one item from
    `itertools.repeat` is one step that nothing interrupts, and its length hint is the number of items left.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = repeat(None, _FULL)

    def add(self) -> None:
        """Adds one."""
        next(self._left)

    def read(self) -> int:
        """Returns the count."""
        return _FULL - length_hint(self._left)
