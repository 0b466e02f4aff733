"""The rest that a test leaves behind: a thread, a descriptor or a call ends a little after the work that it did, on a busy machine later."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic

WITHIN_S = 60.0
_PAUSE = threading.Event()
"""Never set: waiting for it is a pause between two looks."""


def becomes_true(look: Callable[[], bool], within_s: float = WITHIN_S) -> bool:
    """Returns whether a look becomes true in time; where a loop has to run for that, it must run on another thread."""
    ends = monotonic() + within_s
    while not look():
        if monotonic() >= ends:
            return False
        _PAUSE.wait(0.005)
    return True


def threads_since(
    before: Iterable[threading.Thread], counts: Callable[[str], bool] = lambda _: True
) -> set[str]:
    """Returns the names of the threads that are not among those of before, and do not end in time; of those that count."""
    known = set(before)

    def left() -> set[str]:
        return {thread.name for thread in set(threading.enumerate()) - known if counts(thread.name)}

    becomes_true(lambda: not left())
    return left()


def descriptors() -> int:
    """Returns how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
