"""A stand-by passes commands and questions on to the active runtime, here one of the same process."""

import asyncio
import shutil
import threading

import pytest
from host_servers import until
from watchkeeper import (
    CallChannel,
    Channel,
    Configuration,
    ConfigurationError,
    Heartbeat,
    Route,
    Runtime,
    RuntimeOptions,
    StoreBusy,
    Target,
    UnknownName,
    UsageError,
)
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.ownership.watch import StoreWatch
from watchkeeper.testing import FakeRuntime

from tests.support.left_behind import threads_since

JOB = Target(id="job", every="1h", heartbeat=Heartbeat(grace="1m"), notify=("ops",))
LATE = Target(id="late", every="1h", heartbeat=Heartbeat())
OPS = Channel(id="ops", call=CallChannel(name="announce"))
SHOP = Route(id="shop", match=["group=shop"], to=["ops"])


def made(store, **given):
    runtime = Runtime(
        store=store,
        targets=[JOB],
        channels=[OPS],
        routes=[SHOP],
        callables={"announce": lambda notice: None},
        **given,
    )
    runtime.check("queue", every="100ms", rules=())(lambda: 3)
    return runtime


@pytest.fixture
def active(store):
    with made(store) as runtime:
        yield runtime


@pytest.fixture
def waiting(active, store):
    with made(store) as runtime:
        assert runtime.role == "standby"
        yield runtime


def opened(runtime):
    for _ in range(3):
        runtime.heartbeat("job", ok=False)
    (incident,) = runtime.incidents(open_only=True)
    return incident.id


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        (lambda runtime: runtime.heartbeat("job"), lambda status: status["job"].status.value == "up"),
        (lambda runtime: runtime.pause("job", by="ann"), lambda status: status["job"].paused),
        (
            lambda runtime: runtime.silence("job", "1h", id="s"),
            lambda status: [each.id for each in status.silences] == ["s"],
        ),
        (
            lambda runtime: runtime.announce("Slow", id="a"),
            lambda status: [each.id for each in status.announcements] == ["a"],
        ),
        (lambda runtime: runtime.track(LATE), lambda status: "late" in status),
        (lambda runtime: runtime.untrack("queue"), lambda status: "queue" not in status),
        (lambda runtime: runtime.check_now("queue"), lambda status: status["queue"].attempt is not None),
    ],
    ids=["heartbeat", "pause", "silence", "announce", "track", "untrack", "check_now"],
)
def test_a_command_of_a_standby_is_the_active_process_to_obey(active, waiting, command, seen):
    command(waiting)
    assert until(lambda: seen(active.status())), "an attempt that was started may not have ended"
    assert seen(waiting.status())


def test_a_pause_a_silence_and_an_announcement_are_ended_by_a_standby(active, waiting):
    waiting.pause("job")
    waiting.silence("job", "1h", id="s")
    waiting.end_announcement(waiting.announce("Slow"))
    waiting.resume("job")
    waiting.unsilence("s")
    status = active.status()
    assert (status["job"].paused, status.silences, status.announcements) == (False, (), ())
    with pytest.raises(UnknownName, match="no public page is named 'shop'"):
        waiting.announce("Slow", pages=["shop"])


def test_an_incident_is_acknowledged_by_a_standby(active, waiting):
    incident = opened(waiting)
    waiting.acknowledge(incident, by="ann")
    assert active.incidents(open_only=True)[0].acknowledged_by == "ann"
    waiting.unacknowledge(incident, by="ann")
    assert active.incidents(open_only=True)[0].acknowledged_by is None


def test_a_drill_is_begun_and_ended_by_a_standby(active, waiting):
    name = waiting.drill("shop", by="ann")
    assert [each.id for each in active.incidents(open_only=True)] == [name]
    waiting.end_drill(name)
    assert active.incidents(open_only=True) == ()


def test_a_standby_asks_the_active_process(active, waiting):
    with waiting.job("job"):
        pass
    assert waiting.status()["job"].samples == active.status()["job"].samples == 1
    assert waiting.test_channel("ops").result == "accepted"
    assert waiting.redrive("none") is False
    assert waiting.attempts("job") == active.attempts("job")


def test_a_job_of_a_standby_may_be_a_target_that_the_active_process_tracks(active, waiting):
    active.track(LATE)
    with waiting.job("late"):
        pass
    assert active.status()["late"].samples == 1
    active.stop()
    assert waiting.job("job"), "a job begins while no process answers"


def test_a_refusal_of_the_active_process_is_the_error_of_the_standby(waiting):
    for refused in (
        lambda: waiting.pause("jab"),
        lambda: waiting.silence("jab", "1h"),
        lambda: waiting.unsilence("s"),
        lambda: waiting.acknowledge("none", by="ann"),
    ):
        with pytest.raises(UnknownName):
            refused()
    for report in (waiting.heartbeat, waiting.job):
        with pytest.raises(UsageError, match="takes no heartbeats"):
            report("queue")
    with pytest.raises(ConfigurationError):
        waiting.track(Target(id="late", every="1h", heartbeat=Heartbeat(), notify=("none",)))


def test_a_standby_answers_on_an_event_loop(active, waiting):
    async def asked():
        waiting.heartbeat("job")
        status = await waiting.aio.status()
        return (
            status["job"].status.value,
            await waiting.aio.incidents(),
            (await waiting.aio.test_channel("ops")).result,
        )

    assert asyncio.run(asked()) == ("up", (), "accepted")


def test_a_reload_of_a_standby_is_in_force_when_it_takes_over(active, waiting, store):
    new = Configuration(runtime=RuntimeOptions(store=str(store)), channels=[OPS], targets=[LATE])
    waiting.reload(new)
    events = waiting.subscribe()
    active.stop()
    assert events.get(60).role == "active"
    assert {each.id for each in waiting.status().targets} == {"late", "queue"}


def test_a_reload_that_could_not_run_leaves_a_standby_as_it_was(waiting, store):
    with pytest.raises(ConfigurationError, match="no channel 'ops'"):
        waiting.reload(Configuration(runtime=RuntimeOptions(store=str(store)), targets=[LATE]))
    assert repr(waiting) == "<Runtime standby: 2 targets, 1 channel>"


def test_a_reload_may_lead_a_standby_to_another_store(active, waiting, tmp_path):
    other = Configuration(
        runtime=RuntimeOptions(store=str(tmp_path / "other.db")), channels=[OPS], targets=[JOB]
    )
    waiting.reload(other)
    assert (active.role, waiting.role) == ("active", "active")


def test_a_standby_that_is_stopped_leaves_no_thread(active, store):
    before = set(threading.enumerate())
    runtime = made(store)
    runtime.start()
    assert runtime.role == "standby"
    assert not runtime.stop()
    assert (runtime.role, runtime.wait(0)) == ("stopped", True)
    with pytest.raises(UsageError, match="not running"):
        runtime.status()
    # The active one may start threads meanwhile, to answer and for its checks.
    others = ("asyncio_", "watchkeeper-call")
    assert threads_since(before, lambda name: not name.startswith(others)) == set()


def test_a_standby_cannot_be_started_twice(waiting):
    with pytest.raises(UsageError, match="running already"):
        waiting.start()


def test_a_runtime_without_standby_is_refused(active, store):
    with pytest.raises(StoreBusy):
        Runtime(store=store, standby=False).start()


def test_a_runtime_in_virtual_time_is_active_beside_any_other(active, store):
    with FakeRuntime(store=store) as fake:
        assert fake.role == "active"
    assert fake.role == "stopped"


def test_a_standby_is_told_of_a_newer_and_of_an_older_configuration(active, waiting, store):
    other = Configuration(runtime=RuntimeOptions(store=str(store)), channels=[OPS], targets=[JOB, LATE])
    waiting.reload(other)
    assert until(lambda: [part for part, _ in waiting.status().problems] == ["standby"])
    assert "with an older configuration: reload it" in waiting.status().problems[0][1]
    active.reload(other)
    assert until(lambda: waiting.status().healthy)
    with Runtime(store=store, targets=[LATE]) as third:
        assert until(lambda: "with an older configuration" in str(third.status().problems))


def test_a_reload_that_is_taken_back_makes_no_configuration_newer(active, store):
    watch = StoreWatch(str(store))
    watch.look(SystemClock().read())
    before = watch.tenure
    with pytest.raises(ConfigurationError, match="there is no channel 'ops'"):
        active.reload(Configuration(runtime=RuntimeOptions(store=str(store))))
    watch.look(SystemClock().read())
    assert (watch.tenure.configuration, watch.tenure.epoch) == (before.configuration, before.epoch + 1)


def test_a_takeover_that_fails_is_tried_at_ever_longer_pauses(tmp_path, caplog):
    store = tmp_path / "folder" / "watch.db"
    store.parent.mkdir()
    failed = lambda: [each.created for each in caplog.records if "ended with an error" in each.getMessage()]  # noqa: E731
    with made(store), made(store):
        # The active one may make a file of the record meanwhile.
        assert until(lambda: shutil.rmtree(store.parent, ignore_errors=True) or not store.parent.exists())
        assert until(lambda: len(failed()) > 3)
    assert failed()[3] - failed()[0] > 3
    assert len([each for each in caplog.messages if "cannot be taken over" in each]) == 1


def test_an_older_configuration_that_takes_over_resolves_nothing_that_it_lacks(active, waiting, store):
    newer = Configuration(runtime=RuntimeOptions(store=str(store)), channels=[OPS], targets=[JOB, LATE])
    waiting.reload(Configuration(runtime=RuntimeOptions(store=str(store)), channels=[OPS], targets=[JOB]))
    active.reload(newer)
    for _ in range(3):
        active.heartbeat("late", ok=False)
    (incident,) = active.incidents(open_only=True)
    events = waiting.subscribe()
    active.stop()
    assert events.get(60).role == "active"
    assert [each.id for each in waiting.incidents(open_only=True)] == [incident.id]
