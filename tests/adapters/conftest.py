"""Fixtures of the tests of the adapters."""

import asyncio

import pytest
import uvloop
from watchkeeper.testing.clock import ManualClock


@pytest.fixture
def clock():
    """A clock that is moved by hand."""
    return ManualClock()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """Run a coroutine on a loop of either kind, for twenty seconds at most."""

    def run(main):
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(main(), 20))

    return run
