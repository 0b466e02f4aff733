"""How the tests of the callable prober ask it: for one answer, on the loop that runs."""

import asyncio

from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.probes.local.call import CallProber
from watchkeeper.domain.observation.attempt import AttemptId, ProbeRequest
from watchkeeper.domain.specification.probe import Call
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline

from tests.adapters.timing import call_at_of

CLOCK = SystemClock()
SOON_NS = 500 * NS_PER_MS
LONG_NS = 10 * NS_PER_S


def request(name="check", timeout_ns=LONG_NS):
    now = CLOCK.read()
    return ProbeRequest(
        attempt=AttemptId("t", 1, 1),
        probe=Call(name=name),
        deadline=Deadline.after(now, timeout_ns),
        started=now,
    )


def prober(callables=None, **settings):
    if callable(callables):
        callables = {"check": callables}
    loop = asyncio.get_running_loop()
    return CallProber(loop, CLOCK, call_at_of(loop, CLOCK), callables or {}, **settings)


async def one_turn():
    """Let the loop come round once."""
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned


def begin(prober, **settings):
    answered = asyncio.get_running_loop().create_future()
    attempt = prober.start(request(**settings), answered.set_result)
    assert not answered.done(), "done was called from within start"
    return attempt, answered
