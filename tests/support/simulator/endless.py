"""The bound of a run: one that computes without end is stopped, and says where it was."""

import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

RUN_CPU_S = 120.0
"""Processor time, which a busy machine does not lengthen. A run of fifteen minutes takes 0.3 s, a slow one under 10 s."""
FRAMES_SHOWN = 6


class Endless(BaseException):  # not an Exception: no handler of production code may contain it
    """Ends the turn or the loop that computes when the bound is reached."""


@contextmanager
def bounded(complain: Callable[[str, str], None], *, cpu_s: float = RUN_CPU_S) -> Iterator[None]:
    """Complains and ends what runs once the process has computed for so long; works in the main thread alone.

    An actor takes the exception for a crash of its own; the complaint then ends the run after its turn.
    """

    def over(_: int, frame: FrameType | None) -> None:
        innermost = traceback.extract_stack(frame)[-FRAMES_SHOWN:]
        where = " > ".join(
            f"{each.filename.rsplit('/', 1)[-1]}:{each.lineno} {each.name}" for each in innermost
        )
        complain("BOUND", f"the run has not ended after {cpu_s:g} s of processor time: {where}")
        raise Endless

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, cpu_s, cpu_s)
    try:
        with suppress(Endless):
            yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
