"""A stop that a signal handler asks for while the same thread starts or reloads the runtime."""

import signal
from contextlib import contextmanager

import pytest
from records import NOON
from watchkeeper import Configuration, RuntimeOptions
from watchkeeper.host.configured import ConfiguredTargets
from watchkeeper.host.lifecycle import Lifecycle
from watchkeeper.host.restart_buffer import RestartBuffer
from watchkeeper.host.status_cache import StatusCache


class Signalled(ConfiguredTargets):
    """Receives a signal in the middle of the next start."""

    awaited = False

    def configuration(self):
        if self.awaited:
            signal.raise_signal(signal.SIGUSR1)
        return super().configuration()


@contextmanager
def handled_by(work):
    before = signal.signal(signal.SIGUSR1, lambda *_: work())
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def configured(shop, ops):
    configuration = Configuration(runtime=RuntimeOptions(), channels=ops["channels"], targets=(shop,))
    return Signalled(configuration, ops["callables"])


@pytest.fixture
def lifecycle(configured):
    made = Lifecycle(configured, lambda: None, lambda: None)
    yield made
    made.stop()


def test_a_stop_in_the_middle_of_a_start_takes_effect_when_it_ends(lifecycle, configured):
    configured.awaited = True
    with handled_by(lifecycle.stop):
        lifecycle.start(None)
    assert not lifecycle.started
    assert lifecycle.ended.is_set()
    configured.awaited = False
    lifecycle.start(None)
    assert lifecycle.started, "the stop counted once"


def test_a_stop_in_the_last_step_of_a_start_takes_effect(configured):
    """The host's callback is the last thing that a start calls."""
    asked = []

    def outdated():
        if not asked:
            asked.append(True)
            signal.raise_signal(signal.SIGUSR1)

    lifecycle = Lifecycle(configured, outdated, lambda: None)
    with handled_by(lifecycle.stop):
        lifecycle.start(None)
    assert asked
    assert not lifecycle.started


def test_a_stop_in_the_middle_of_a_reload_takes_effect_when_it_ends(lifecycle, configured, ops, shop):
    lifecycle.start(None)
    configured.awaited = True
    restarts = Configuration(
        runtime=RuntimeOptions(in_flight_max=7), channels=ops["channels"], targets=(shop,)
    )
    with handled_by(lifecycle.stop):
        lifecycle.reload(restarts)
    assert not lifecycle.started
    assert lifecycle.ended.is_set()


def test_a_stop_in_the_middle_of_a_start_that_fails_changes_nothing(lifecycle, configured):
    configured.awaited = True

    def stop_and_fail():
        lifecycle.stop()
        raise LookupError

    with handled_by(stop_and_fail), pytest.raises(LookupError):
        lifecycle.start(None)
    configured.awaited = False
    lifecycle.start(None)
    assert lifecycle.started


class Interrupted:
    """A clock that a signal interrupts, whose handler makes the status outdated as a stop does."""

    def __init__(self):
        self.handle = lambda: None

    def read(self):
        self.handle()
        return NOON


def test_a_stop_in_the_middle_of_a_command_or_a_question_does_not_wait_for_itself():
    """The handler runs on the thread that has the locks already."""
    clock = Interrupted()
    cache = StatusCache(lambda: "all well", 1, clock)
    clock.handle = cache.forget
    assert cache.status(1) == "all well"
    buffer = RestartBuffer()
    with buffer.guard, buffer.guard:
        assert buffer.end() == []
