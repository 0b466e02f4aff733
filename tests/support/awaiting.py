"""Waits on an event loop until something has happened beside it."""

import asyncio
from collections.abc import Callable
from typing import Any


async def a_moment() -> None:
    """Lets the loop go on for a hundredth of a second."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(0.01, over.set_result, None)
    await over


async def close_listening(server: Any) -> None:
    """Closes a server of asyncio. A connection that it has just accepted is made before, so that it can be closed, too."""
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening.fileno())
    names = {task: getattr(task.get_coro(), "__name__", "") for task in asyncio.all_tasks()}
    if arriving := [task for task, name in names.items() if name == "_accept_connection2"]:
        await asyncio.wait(arriving)
    server.close()


async def becomes(look: Callable[[], object]) -> None:
    """Returns once a look is true. Raises: AssertionError after half a minute."""
    for _ in range(3_000):
        if look():
            return
        await a_moment()
    raise AssertionError("it does not come about")
