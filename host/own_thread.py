"""Runs a blocking call on its own thread and awaits it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

R = TypeVar("R")


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
