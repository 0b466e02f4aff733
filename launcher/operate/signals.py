"""Signals as words on a queue: only the command installs handlers, the library never does."""

import os
import signal
from contextlib import suppress
from enum import Enum
from queue import SimpleQueue
from select import select
from types import FrameType, TracebackType
from typing import Any, Self


class Word(Enum):
    """A word on the queue of the main thread."""

    STOP = "stop"
    RELOAD = "reload"
    ENDED = "ended"
    """The runtime has stopped by itself."""


_ENDING = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """A context in which SIGTERM and SIGINT queue STOP and SIGHUP queues RELOAD; a second STOP ends the process."""

    def __init__(self, words: "SimpleQueue[Word]") -> None:
        self._words = words
        self._stopping = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (*_ENDING, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGHUP:
            self._words.put(Word.RELOAD)
        elif self._stopping:
            _end_at_once(number)
        else:
            self._stopping = True
            self._words.put(Word.STOP)


def _end_at_once(number: int) -> None:
    """Ends the process without flushing a buffer or waiting for a thread: every commit is on the disk already."""
    # Only where the write cannot block: a pipe without a reader would hold up the end.
    if select([], [2], [], 0)[1]:
        with suppress(OSError):
            os.write(2, b"watchkeeper: ended at once by a second signal\n")
    os._exit(128 + number)
