"""A standard stream written by its own thread: a reader that stops reading blocks that thread and nothing else."""

import os
from contextlib import suppress
from queue import Full, Queue
from threading import Thread

from ..streams import STANDARD_ERROR

LINES_WAITING_MAX = 1_000
"""Further lines are dropped: the reader of the stream has stopped."""
LAST_WORDS_S = 0.5
"""How long the end of the process waits for queued lines to be written."""


class Speaker:
    """Owns the writing thread and its queue. Bypasses the buffers of `sys.stderr`, whose lock could block the exit."""

    def __init__(self) -> None:
        self._lines: Queue[str | None] = Queue(LINES_WAITING_MAX)
        self._thread = Thread(target=self._write, name="watchkeeper-said", daemon=True)
        self._thread.start()

    def write(self, text: str | None) -> None:
        """Queues a text; None ends the thread behind what is queued. Never blocks and never raises; a full queue drops it."""
        with suppress(Full):
            self._lines.put_nowait(text)

    def close(self) -> None:
        """Waits at most LAST_WORDS_S for the queued lines."""
        self.write(None)
        self._thread.join(LAST_WORDS_S)

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            write_whole(STANDARD_ERROR, text.encode("utf-8", "backslashreplace"))


def write_whole(descriptor: int, text: bytes) -> None:
    """Writes all bytes to a descriptor; may block. Bytes that it does not take are dropped."""
    with suppress(OSError):
        while text:
            text = text[os.write(descriptor, text) :]
