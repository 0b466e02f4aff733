"""Runs a blocking call on its own thread and awaits it."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")


def _nothing() -> None:
    """The default of `undo`: the work leaves nothing to undo."""


async def in_own_thread(name: str, work: Callable[[], R], undo: Callable[[], object] = _nothing) -> R:
    """Returns or raises the result of `work`. The thread has ended by then; a loop's default executor would stay.

    The work cannot be cancelled half-way: a cancelled caller waits for its end, then for `undo`, and only then raises
    the cancellation. The event loop runs on during all of it.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()
    results: list[R] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  # the awaiting caller raises it again
            errors.append(error)
        loop.call_soon_threadsafe(_set, arrived)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    cancelled = await _outlasted(arrived)
    thread.join()
    if cancelled is not None:
        if results and undo is not _nothing:
            await in_own_thread(name, undo)
        raise cancelled
    if errors:
        raise errors[0]
    return results[0]


async def _outlasted(arrived: "asyncio.Future[None]") -> asyncio.CancelledError | None:
    """Waits for the future through any number of cancellations; returns the last of them, None without any."""
    cancelled = None
    while not arrived.done():
        # The shield keeps the future alive: a cancellation ends this wait, and the loop waits again.
        try:
            await asyncio.shield(arrived)
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


def _set(arrived: "asyncio.Future[None]") -> None:
    if not arrived.done():
        arrived.set_result(None)
