"""Fixtures of the tests of the actors."""

import sys

import pytest
from watchkeeper.actors.dispatch.run.loop import LoopDispatcher
from watchkeeper.actors.dispatch.run.pool import PoolDispatcher

TINY_S = 1e-6


@pytest.fixture
def tiny_switches():
    """Have threads take turns after every few bytecodes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TINY_S)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def loop_dispatcher():
    """A loop on a thread of its own, stopped cleanly afterwards."""
    dispatcher = LoopDispatcher()
    dispatcher.start()
    yield dispatcher
    assert dispatcher.stop(10) == ()


@pytest.fixture
def pool_dispatcher():
    """A pool of three threads, stopped cleanly afterwards."""
    dispatcher = PoolDispatcher(3, "pool")
    yield dispatcher
    assert dispatcher.stop(10) == ()
