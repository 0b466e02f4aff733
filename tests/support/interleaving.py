"""Runs a callback before a chosen line of a file, on the thread that executes it: a race put at its exact place."""

import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interleaving:
    """Counts the lines that a thread executes in some files, and calls back before one of them.

    A lost wake-up needs a sender that comes between two statements of the reader. With the line as parameter, a test
    visits every such place, whatever the statements are.
    """

    def __init__(self, files: tuple[str, ...], line: int, callback: Callable[[], object]) -> None:
        self._files = files
        self._left = line
        self._callback = callback
        self.happened = False
        """True once the callback was called; False where fewer lines than that were executed."""
        self.over = threading.Event()
        """Set as the watched function that led to `begin` returns; the watch ends with it."""
        self._caller: FrameType | None = None

    def begin(self) -> None:
        """Watches this thread from now on, including the rest of the function of these files that led here."""
        frame: FrameType | None = inspect.currentframe()
        while frame is not None and not self._is_watched(frame):
            frame = frame.f_back
        if frame is not None:
            self._caller, frame.f_trace = frame, self._in_file
        sys.settrace(self._on_call)

    def _is_watched(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename.endswith(self._files)

    def _on_call(self, frame: FrameType, _event: str, _argument: object) -> Any:
        return self._in_file if self._is_watched(frame) else None

    def _in_file(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "return" and frame is self._caller:
            sys.settrace(None)
            self._caller = None
            self.over.set()
        elif event == "line" and not self.happened:
            self._left -= 1
            if self._left < 0:
                self.happened = True
                # Python traces nothing from within a trace function: the callback itself is not counted.
                self._callback()
        return self._in_file


@contextmanager
def interleaved(files: tuple[str, ...], line: int, callback: Callable[[], object]) -> Iterator[Interleaving]:
    """Interleaves the callback with the code of the block, and restores the former trace function behind it."""
    former, interleaving = sys.gettrace(), Interleaving(files, line, callback)
    interleaving.begin()
    try:
        yield interleaving
    finally:
        sys.settrace(former)
