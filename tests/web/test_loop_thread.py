"""The thread of the web doors: a task that ends late still ends."""

import asyncio
import threading

from watchkeeper.host.access.doors import LoopThread

WITHIN_S = 20.0


def test_a_task_that_ends_after_the_thread_was_given_up_still_ends():
    thread = LoopThread("doors of a test")
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    async def slow_to_end():
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(may_end.wait, WITHIN_S)
            ended.set()

    thread.start_task(slow_to_end)
    assert began.wait(WITHIN_S)

    assert not thread.stop(0)
    assert not ended.is_set()
    may_end.set()
    assert ended.wait(WITHIN_S)
