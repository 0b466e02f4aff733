"""Standard streams without a buffer, so that a failed write raises where it is made and never at exit.

Python buffers standard output and flushes it again while it shuts down. When that flush fails the process ends with
status 120; when another thread is blocked in a write it aborts with "_enter_buffered_busy". `PYTHONUNBUFFERED` hides
both. Without a buffer neither can happen, and a write of a whole line still costs one system call.
"""

import io
import os
import sys
from select import select
from typing import Any, TextIO

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2


class OutputLost(Exception):
    """Standard output did not accept a write.

    It is no OSError: click and rich answer a broken pipe with an exit status of their own and without a message.
    """


class _Unbuffered(io.FileIO):
    """A descriptor that has accepted all bytes when `write` returns.

    A failed write to standard output ends the verb. One to standard error is ignored, because there is no place left to
    report it.
    """

    def write(self, data: Any, /) -> int:
        left = memoryview(data)
        try:
            while left:
                # A signal may cut a write short; on a descriptor that another process made non-blocking it is None.
                written = super().write(left)
                if written is None:
                    select([], [self], [])
                else:
                    left = left[written:]
        except OSError as error:
            if self.fileno() == STANDARD_OUTPUT:
                raise OutputLost(f"standard output cannot be written: {error.strerror}") from error
        return memoryview(data).nbytes


def open_standard_streams() -> None:
    """Replaces `sys.stdout` and `sys.stderr` by streams without a buffer; opens closed descriptors on /dev/null."""
    _fill_closed_descriptors()
    sys.stdout = _text(STANDARD_OUTPUT, sys.stdout)
    sys.stderr = _text(STANDARD_ERROR, sys.stderr)


def _text(descriptor: int, replaced: TextIO | None) -> io.TextIOWrapper:
    """Returns a text stream that writes characters which its encoding lacks as escapes, so that no output is lost."""
    encoding = getattr(replaced, "encoding", None) or "utf-8"
    raw = _Unbuffered(descriptor, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding, "backslashreplace", write_through=True)


def _fill_closed_descriptors() -> None:
    """Opens /dev/null for each closed standard stream: else a store or a socket gets its number, and its output.

    The replacement of standard output is read-only, so that a verb fails on it as on a closed one.
    """
    for descriptor in range(STANDARD_ERROR + 1):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if descriptor == STANDARD_ERROR else os.O_RDONLY)
