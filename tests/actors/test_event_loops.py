"""The end of an event loop: its tasks, generators and threads end with it, and a task that resists delays it by a bounded time."""

import asyncio
import threading

import pytest
from watchkeeper.actors.dispatch.run.event_loops import close_event_loop, new_event_loop

from tests.support.left_behind import threads_since


@pytest.fixture
def loop():
    made = new_event_loop()
    yield made
    made.close()


def start(loop, work):
    """Begins a task and leaves it where it first waits."""
    task = loop.create_task(work)
    loop.run_until_complete(asyncio.sleep(0))
    return task


def test_a_cancelled_task_may_finish_its_work_before_the_loop_is_closed(loop):
    rounds = []

    async def tidy():
        try:
            await asyncio.Event().wait()
        finally:
            for number in range(20):
                await asyncio.sleep(0)
                rounds.append(number)

    task = start(loop, tidy())
    close_event_loop(loop)
    assert (len(rounds), task.cancelled(), loop.is_closed()) == (20, True, True)


def test_generators_and_threads_of_a_loop_end_with_it(loop):
    before, ended, kept = set(threading.enumerate()), [], []

    async def numbers():
        try:
            yield 1
        finally:
            ended.append("generator")

    async def use():
        kept.append(numbers())
        assert await anext(kept[0]) == 1
        await asyncio.to_thread(int)

    loop.run_until_complete(use())
    assert set(threading.enumerate()) - before
    close_event_loop(loop)
    assert (ended, threads_since(before)) == (["generator"], set())


def test_a_loop_without_tasks_closes_at_once(loop):
    close_event_loop(loop)
    assert loop.is_closed()
