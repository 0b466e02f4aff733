"""Answers awaited from event loops."""

import asyncio
import threading
import types

import pytest
from pykka import Timeout
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.spawning import spawn

SOON_S = 20.0


@types.coroutine
def tick():
    """Let the event loop go round once."""
    yield


class Fragile(DispatchedActor):
    def on_receive(self, message):
        raise message


def test_coroutines_await_answers_without_blocking(loop_dispatcher):
    gate = threading.Event()

    class Slow(DispatchedActor):
        def on_receive(self, message):
            if message == "wait":
                gate.wait(SOON_S)
            return message

    async def host():
        address = spawn(Slow, dispatcher=loop_dispatcher)
        ticks = 0
        question = asyncio.ensure_future(address.question("wait").within(SOON_S))
        for _ in range(20):
            await tick()
            ticks += 1
        assert not question.done()
        gate.set()
        return ticks, await question

    assert asyncio.run(host()) == (20, "wait")


def test_an_awaited_answer_can_time_out(loop_dispatcher):
    gate = threading.Event()

    class Stuck(DispatchedActor):
        def on_receive(self, message):
            gate.wait(SOON_S)

    address = spawn(Stuck, dispatcher=loop_dispatcher)
    with pytest.raises(Timeout):
        asyncio.run(address.question("wait").within(0.01))
    gate.set()
    assert address.ask("again", SOON_S) is None


def test_an_awaited_error_is_raised_where_it_is_awaited(loop_dispatcher):
    address = spawn(Fragile, dispatcher=loop_dispatcher)
    with pytest.raises(ValueError, match="bug"):
        asyncio.run(address.question(ValueError("bug")).within(SOON_S))
