"""Running something that blocks on a thread made for it alone, awaited from an event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")


def _nothing() -> None:
    """What most work needs to be undone."""


async def in_own_thread(name: str, work: Callable[[], R], undo: Callable[[], object] = _nothing) -> R:
    """What `work` returns or raises. The thread is gone when this returns; a loop's default executor would stay.

    The work cannot be cancelled half-way: a caller that is cancelled waits for its end, then for `undo`, and is cancelled
    then. The loop goes on meanwhile.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()
    results: list[R] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  # raised again where it is awaited
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
    """Wait for it however often the caller is cancelled meanwhile; by what it was, if it was."""
    cancelled = None
    while not arrived.done():
        try:
            await asyncio.shield(arrived)
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


def _set(arrived: "asyncio.Future[None]") -> None:
    if not arrived.done():
        arrived.set_result(None)
