"""Running something that blocks on a thread made for it alone, awaited from an event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")


async def in_own_thread(name: str, work: Callable[[], R]) -> R:
    """What `work` returns or raises. The thread is gone when this returns; a loop's default executor would stay."""
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
    # Shielded: the work cannot be cancelled half-way, so a cancelled caller waits for its end and is cancelled then.
    try:
        await asyncio.shield(arrived)
    except asyncio.CancelledError:
        await arrived
        raise
    finally:
        thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _set(arrived: "asyncio.Future[None]") -> None:
    if not arrived.done():
        arrived.set_result(None)
