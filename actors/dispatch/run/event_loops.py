"""Makes and closes event loops without changing global state."""

import asyncio

from ....domain.limits import LOOP_CLOSING_S


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Returns a loop of uvloop where it is installed, else asyncio's own. Sets no event-loop policy."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def close_event_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Cancels the remaining tasks of a stopped loop, waits a bounded time for them, and closes the loop."""
    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=LOOP_CLOSING_S))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
