"""Standard error written by its own thread: a reader that stops reading blocks that thread and nothing else."""

import os
from contextlib import suppress
from queue import Full, Queue
from threading import Thread

from ...adapters.clock import SystemClock
from ...domain.time.moment import wall_text
from ..streams import STANDARD_ERROR

LINES_WAITING_MAX = 1_000
"""Further lines are dropped: the reader of standard error has stopped."""
LAST_WORDS_S = 0.5
"""How long the end of the process waits for queued lines to be written."""


class Speaker:
    """Owns the writing thread and its queue. Bypasses the buffers of `sys.stderr`, whose lock could block the exit.

    It is also the stream that logging writes to.
    """

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._lines: Queue[str | None] = Queue(LINES_WAITING_MAX)
        self._thread = Thread(target=self._write, name="watchkeeper-said", daemon=True)
        self._thread.start()

    def say(self, text: str) -> None:
        """Queues lines, each with the time in UTC. Never blocks and never raises; a full queue drops them."""
        now = wall_text(self._clock.read().wall_ns)
        self.write("".join(f"{now} {line}\n" for line in text.splitlines()))

    def write(self, text: str | None) -> None:
        """Queues a text as `say` does; None ends the writing thread behind what is queued."""
        with suppress(Full):
            self._lines.put_nowait(text)

    def close(self) -> None:
        """Waits at most LAST_WORDS_S for the queued lines."""
        self.write(None)
        self._thread.join(LAST_WORDS_S)

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            left = text.encode("utf-8", "backslashreplace")
            with suppress(OSError):
                while left:
                    left = left[os.write(STANDARD_ERROR, left) :]
