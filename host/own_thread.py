"""Runs a blocking call on its own thread and awaits it; the pace of such a call."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from ..domain.limits import READ_PAUSE_NS, READ_SLICE_NS
from ..domain.units import NS_PER_S

R = TypeVar("R")


class ThreadPacing:
    """The pace of long work on one thread beside checks: called again and again, it pauses once a slice has lasted long enough.

    Without it a thread that computes keeps the lock of the interpreter for 5 ms each time that a check has given it away for a
    call to the system.
    """

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._never = threading.Event()
        self._until_ns = monotonic_ns() + READ_SLICE_NS

    def __call__(self) -> None:
        """Pauses, if it is time to."""
        if self._monotonic_ns() >= self._until_ns:
            self._never.wait(READ_PAUSE_NS / NS_PER_S)
            self._until_ns = self._monotonic_ns() + READ_SLICE_NS


async def in_own_thread(name: str, work: Callable[[], R], undo: Callable[[], object] | None = None) -> R:
    """Returns or raises the result of `work`. The thread has ended by then; a loop's default executor would stay.

    The work cannot be cancelled half-way: a cancelled caller waits for its end, then for `undo`, and only then raises
    the cancellation. The event loop runs on during all of it.
    """
    result: Future[R] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001  # the awaiting caller raises it again
            result.set_exception(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    arrived = asyncio.wrap_future(result)
    cancelled = await _outlasted(arrived)
    thread.join()
    if cancelled is not None:
        if arrived.exception() is None and undo is not None:
            await in_own_thread(name, undo)
        raise cancelled
    return arrived.result()


async def _outlasted(arrived: "asyncio.Future[R]") -> asyncio.CancelledError | None:
    """Waits for the future through any number of cancellations; returns the last of them, None without any."""
    cancelled = None
    while not arrived.done():
        # `wait` leaves the future alone: a cancellation ends this wait, and the loop waits again.
        try:
            await asyncio.wait((arrived,))
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled
