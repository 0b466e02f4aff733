"""Waits on an event loop until something has happened beside it."""

import asyncio


async def a_moment():
    """Lets the loop go on for a hundredth of a second."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(0.01, over.set_result, None)
    await over


async def becomes(look):
    """Returns once a look is true. Raises: AssertionError after half a minute."""
    for _ in range(3_000):
        if look():
            return
        await a_moment()
    raise AssertionError("it does not come about")
