"""A pause is kept in the store: every order of commands, starts and processes."""

import threading

import pytest
from msgspec.structs import replace
from watchkeeper import Configuration, Heartbeat, Runtime, RuntimeOptions, Target
from watchkeeper.adapters.stores.sqlite.reader import StoreReader

JOB = Target(id="job", every="1h", heartbeat=Heartbeat(grace="1m"))
IDLE = replace(JOB, id="idle")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "watch.db")


@pytest.fixture
def runtime(path):
    """Makes the runtime of another process on the same store."""
    return lambda *targets: Runtime(targets=targets or (JOB, IDLE), store=path)


def paused(runtime):
    return [target.id for target in runtime.status().targets if target.paused]


def test_a_pause_is_kept_by_the_next_process_with_its_author(runtime, path):
    with runtime() as first:
        first.pause("job", by="ann")
    (mark,) = StoreReader(path).pauses()
    assert (mark.target, mark.by) == ("job", "ann")
    with runtime() as second:
        assert paused(second) == ["job"]
        second.reload(
            Configuration(targets=(replace(JOB, every="2h"), IDLE), runtime=RuntimeOptions(store=path))
        )
        assert paused(second) == ["job"]
    assert StoreReader(path).pauses() == (mark,)
    with runtime() as third:
        third.resume("job")
    assert StoreReader(path).pauses() == ()
    with runtime() as fourth:
        assert paused(fourth) == []


def test_a_pause_before_the_start_is_kept(runtime, path):
    first = runtime()
    first.pause("job", by="ann")
    with first:
        pass
    assert [mark.by for mark in StoreReader(path).pauses()] == ["ann"]


def test_a_pause_between_two_starts_is_kept(runtime):
    first = runtime()
    with first:
        pass
    first.pause("job")
    with first:
        pass
    with runtime() as second:
        assert paused(second) == ["job"]


def test_a_target_resumed_between_two_starts_stays_resumed(runtime, path):
    first = runtime()
    with first:
        first.pause("job")
    first.resume("job")
    with first:
        assert paused(first) == []
    assert StoreReader(path).pauses() == ()


def test_a_pause_ends_with_a_target_that_was_removed_while_nothing_ran(runtime, path):
    with runtime() as first:
        first.pause("job")
    with runtime(IDLE):
        pass
    assert StoreReader(path).pauses() == ()


def test_a_configuration_that_no_longer_pauses_a_target_ends_its_pause(runtime, path):
    with runtime(replace(JOB, paused=True)) as first:
        first.pause("job")
        first.reload(Configuration(targets=(JOB,), runtime=RuntimeOptions(store=path)))
        assert paused(first) == []
    assert StoreReader(path).pauses() == ()


def test_a_pause_outlives_a_reload_that_restarts(runtime, path):
    with runtime() as first:
        first.pause("job")
        options = RuntimeOptions(store=path, grace="1s")
        first.reload(Configuration(targets=(JOB, IDLE), runtime=options))
        assert paused(first) == ["job"]
    assert len(StoreReader(path).pauses()) == 1


def test_a_paused_check_is_not_called_by_the_next_process(runtime):
    called = threading.Event()

    def checked(made):
        made.check("depth", every="10ms", timeout="9ms", notify=())(called.set)
        return made

    with checked(runtime()) as first:
        first.pause("depth")
    called.clear()
    with checked(runtime()) as second:
        assert paused(second) == ["depth"]
        assert not called.wait(0.2)
