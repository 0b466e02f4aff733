"""Signals as words on a queue: only the command installs handlers, the library never does."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from queue import Empty, SimpleQueue
from select import select
from types import FrameType
from typing import Any, TypeAlias

LISTEN_S = 0.5
"""How long a word is waited for at once."""
SignalHandler: TypeAlias = Callable[[int, FrameType | None], Any] | signal.Handlers


class Word(Enum):
    """A word on the queue of the main thread."""

    STOP = "stop"
    RELOAD = "reload"
    ENDED = "ended"
    """The runtime has stopped by itself."""


def next_word(words: "SimpleQueue[Word]", within_s: float = LISTEN_S) -> Word | None:
    """Returns the next word; None without one in time.

    A signal that arrives just before the wait begins, or that another thread has received, is handled only when the wait ends: it has
    a limit.
    """
    try:
        return words.get(timeout=within_s)
    except Empty:
        return None


@contextmanager
def handled(number: signal.Signals, handler: SignalHandler) -> Iterator[None]:
    """A context in which a signal has another handler."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def signals_heard(words: "SimpleQueue[Word]", line: Callable[[str], str]) -> Iterator[None]:
    """A context in which SIGTERM and SIGINT queue STOP and SIGHUP queues RELOAD; a second STOP ends the process.

    `line` makes the line that says so.
    """
    stopping = False

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        del frame
        if number == signal.SIGHUP:
            words.put(Word.RELOAD)
        elif stopping:
            _end_at_once(number, line)
        else:
            stopping = True
            words.put(Word.STOP)

    before = {
        number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_at_once(number: int, line: Callable[[str], str]) -> None:
    """Ends the process without flushing a buffer or waiting for a thread: every commit is on the disk already."""
    # Only where the write cannot block: a pipe without a reader would hold up the end.
    if select([], [2], [], 0)[1]:
        with suppress(OSError):
            os.write(2, line("ended at once by a second signal").encode())
    os._exit(128 + number)
