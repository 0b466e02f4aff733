"""The transport's one timer, on the loop that rounds."""

import asyncio

import uvloop
from watchkeeper.adapters.alarm import Alarm


def test_an_alarm_due_now_can_be_set_again_on_uvloop():
    # uvloop rounds to milliseconds, and for a timer of none it gives a handle that does not know its time.
    async def ring_twice() -> int:
        loop, rung = asyncio.get_running_loop(), asyncio.Event()
        alarm = Alarm(loop, rung.set)
        alarm._arm(loop.time())
        alarm.set(1)
        await asyncio.wait_for(rung.wait(), 5)
        alarm.close()
        return 1

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ring_twice()) == 1
