"""What the command says on standard error, said aside: a reader that does not read holds up nothing but the reading."""

import logging
import os
from contextlib import suppress
from queue import Full, Queue
from threading import Thread

from ..streams import STANDARD_ERROR

LINES_WAITING_MAX = 1_000
"""What is said beyond that is dropped: nobody listens."""
LAST_WORDS_S = 0.5
"""How long the end waits for what was said to be written."""


class Speaker:
    """Writes lines in order on a thread of its own, past the buffers of `sys.stderr`, whose lock the end would wait for."""

    def __init__(self) -> None:
        self._lines: Queue[str | None] = Queue(LINES_WAITING_MAX)
        self._thread = Thread(target=self._write, name="watchkeeper-said", daemon=True)
        self._thread.start()

    def say(self, text: str) -> None:
        """Never blocks and never raises."""
        self._put(f"{text}\n")

    def close(self) -> None:
        """Wait a moment for what was said."""
        self._put(None)
        self._thread.join(LAST_WORDS_S)

    def _put(self, text: str | None) -> None:
        with suppress(Full):
            self._lines.put_nowait(text)

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            left = text.encode("utf-8", "backslashreplace")
            with suppress(OSError):
                while left:
                    left = left[os.write(STANDARD_ERROR, left) :]


class SpokenLog(logging.Handler):
    """The log on standard error, by way of a speaker."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__()
        self._speaker = speaker

    def emit(self, record: logging.LogRecord) -> None:
        self._speaker.say(self.format(record))
