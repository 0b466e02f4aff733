"""Reloads that need a stop and a start: reports during the restart, failed restarts, and a stop that is delayed."""

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial

import pytest
from watchkeeper import (
    Channel,
    Configuration,
    Heartbeat,
    Log,
    Runtime,
    RuntimeOptions,
    Target,
    UnknownName,
    UsageError,
    WatchkeeperError,
)
from watchkeeper.actors.dispatch.run.future import awaiting, blocking, run_blocking
from watchkeeper.actors.supervisor.supervisor import RECORDER
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.incidents.record import Silence
from watchkeeper.domain.limits import COMMANDS_KEPT_MAX
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.host.configured import ConfiguredTargets
from watchkeeper.host.lifecycle import Lifecycle
from watchkeeper.host.restart_buffer import RestartBuffer
from watchkeeper.protocol.owner import Acknowledge
from watchkeeper.protocol.recorder import GetAttempts
from watchkeeper.protocol.sink import Mute
from watchkeeper.protocol.supervisor import Beat, CheckNow

from tests.support.left_behind import becomes_true, threads_since

WITHIN_S = 20
JOB = Target(id="job", every="1h", heartbeat=Heartbeat(grace="1m"))


def seen_within(what):
    """Polls a condition until it is true. Returns False where time runs out."""
    pause = threading.Event()
    return any(what() or pause.wait(0.01) for _ in range(int(WITHIN_S / 0.01)))


@contextmanager
def in_restart(runtime, configuration, is_seen=None):
    """The time in which a reload waits for a check that does not return; yields what the reload has raised.

    `is_seen` tells of a restart whose grace is so short that a look at the runtime may come too late.
    """
    begun, go_on, raised = threading.Event(), threading.Event(), []

    @runtime.check("stuck", every="1s", timeout="1s", notify=())
    def stuck():
        begun.set()
        go_on.wait(WITHIN_S)

    def reload():
        try:
            runtime.reload(configuration)
        except WatchkeeperError as error:
            raised.append(error)

    assert begun.wait(WITHIN_S)
    reloading = threading.Thread(target=reload)
    reloading.start()
    try:
        assert seen_within(is_seen or (lambda: "stopped" in repr(runtime)))
        yield raised
    finally:
        go_on.set()
        reloading.join(WITHIN_S)


def with_one_more_channel(ops, *targets, store):
    channels = (*ops["channels"], Channel(id="lines", log=Log()))
    return Configuration(runtime=RuntimeOptions(store=str(store)), channels=channels, targets=targets)


def test_a_report_during_a_restart_reaches_the_next_engine(shop, ops, inbox, site, tmp_path):
    store = tmp_path / "watch.db"
    site.status = 503
    with Runtime(targets=[shop, JOB], store=store, **ops) as runtime:
        inbox.wait_for(1)
        (incident,) = runtime.incidents(open_only=True)
        with in_restart(runtime, with_one_more_channel(ops, shop, JOB, store=store)) as raised:
            runtime.heartbeat("job", detail="done")
            reported_ns = SystemClock().read().wall_ns
            runtime.silence("job", "1h", id="move")
            runtime.acknowledge(incident.id, by="ada")
            assert "stopped" in repr(runtime)
        assert raised == []
        assert inbox.wait_for(2) == ["opened", "acknowledged"]
        assert [silence.id for silence in runtime.status().silences] == ["move"]
        (beat,) = runtime.attempts("job")
        assert beat.outcome == "up"
        assert beat.started.wall_ns <= reported_ns


def test_a_runtime_without_a_file_goes_on_with_its_incidents_after_a_reload(shop, ops, inbox, site):
    site.status = 503
    with Runtime(targets=[shop], **ops) as runtime:
        inbox.wait_for(1)
        (incident,) = runtime.incidents(open_only=True)
        channels = (*ops["channels"], Channel(id="lines", log=Log()))
        runtime.reload(Configuration(channels=channels, targets=(shop,)))
        assert [each.id for each in runtime.incidents(open_only=True)] == [incident.id]
        site.status = 200
        assert inbox.wait_for(2) == ["opened", "resolved"]


QUESTIONS = {
    "status": lambda surface: surface.status(),
    "shared status": lambda surface: surface.status("5s"),
    "incidents": lambda surface: surface.incidents(),
    "attempts": lambda surface: surface.attempts("job"),
    "redrive": lambda surface: surface.redrive("no such key"),
}


def awaited(question, runtime):
    """The answer of the namesake in `aio`, on a loop of its own."""

    async def ask():
        return await question(runtime.aio)

    return asyncio.run(ask())


WAYS = ("", "shared ", "awaited ", "awaited shared ")
ASKED = {
    **QUESTIONS,
    **{f"awaited {name}": lambda runtime, ask=ask: awaited(ask, runtime) for name, ask in QUESTIONS.items()},
}


def test_a_question_during_a_restart_is_answered_after(ops, tmp_path):
    store = tmp_path / "watch.db"
    # The restart waits for the stuck check as long as the grace allows, here longer than the questions need.
    options = RuntimeOptions(store=str(store), grace=f"{WITHIN_S}s")
    with Runtime(targets=[JOB], options=options, **ops) as runtime, ThreadPoolExecutor(len(ASKED)) as pool:
        with in_restart(runtime, with_one_more_channel(ops, JOB, store=store)) as raised:
            assert "stopped" in repr(runtime)
            answers = {name: pool.submit(ask, runtime) for name, ask in ASKED.items()}
            assert wait(answers.values(), 0.1).done == set()
        assert raised == []
        said = {name: answer.result(WITHIN_S) for name, answer in answers.items()}
        assert all("job" in {target.id for target in said[f"{way}status"].targets} for way in WAYS)
        assert all(said[f"{way}redrive"] is False for way in ("", "awaited "))
        runtime.stop()
        for ask in ASKED.values():
            with pytest.raises(UsageError, match="is not running"):
                ask(runtime)


@pytest.mark.parametrize("name", ["incidents", "awaited incidents"])
def test_a_question_to_an_engine_that_ends_goes_to_the_next(name, ops, tmp_path):
    """The question has chosen its engine before the restart begins, and is sent after the restart has ended."""
    store = tmp_path / "watch.db"
    with Runtime(targets=[JOB], store=store, **ops) as runtime:
        reload = partial(runtime.reload, with_one_more_channel(ops, JOB, store=store))
        reloading = threading.Thread(target=reload)

        def replace_engine(frame, event, argument):
            if event == "call" and frame.f_code.co_name == "question":
                sys.setprofile(None)
                reloading.start()
                reloading.join(WITHIN_S)

        sys.setprofile(replace_engine)
        try:
            assert ASKED[name](runtime) == ()
        finally:
            sys.setprofile(None)
        assert reloading.ident is not None, "the question was sent without a restart"
        assert not reloading.is_alive()


def test_a_question_fails_in_time_when_the_next_engine_is_late():
    meanwhile = RestartBuffer()
    run_blocking(meanwhile.wait(0.0, blocking))
    asyncio.run(meanwhile.wait(0.0, awaiting))
    meanwhile.begin()
    with pytest.raises(TimeoutError, match="is restarting and has not finished in time"):
        run_blocking(meanwhile.wait(0.01, blocking))
    with pytest.raises(TimeoutError, match="is restarting and has not finished in time"):
        asyncio.run(meanwhile.wait(0.01, awaiting))
    meanwhile.end()
    run_blocking(meanwhile.wait(0.0, blocking))


def test_a_cancelled_wait_does_not_end_the_others():
    meanwhile = RestartBuffer()

    async def give_up_beside_another():
        meanwhile.begin()
        waiting, staying = (asyncio.ensure_future(meanwhile.wait(WITHIN_S, awaiting)) for _ in range(2))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not staying.done()
        meanwhile.end()
        await staying

    asyncio.run(give_up_beside_another())


def test_reports_are_kept_in_order_and_up_to_a_limit():
    kept = RestartBuffer()
    reports = [Acknowledge(f"inc_{number}", "ada") for number in range(COMMANDS_KEPT_MAX)]
    assert not kept.keep(reports[0])
    kept.begin()
    assert all(kept.keep(report) for report in reports)
    with pytest.raises(UsageError, match=f"at most {COMMANDS_KEPT_MAX}"):
        kept.keep(reports[0])
    assert kept.end() == reports
    assert not kept.keep(reports[0])


def test_checks_of_one_target_are_kept_once_during_a_restart():
    kept = RestartBuffer()
    kept.begin()
    reports = [CheckNow("shop"), CheckNow("mail")]
    assert all(kept.keep(report) for report in reports * (COMMANDS_KEPT_MAX + 1))
    assert kept.end() == reports


def test_a_report_waits_for_no_comparison_of_configurations(ops):
    """The guard is held while 100,000 targets are compared; here it is held by the test."""
    configuration = Configuration(channels=ops["channels"], targets=(JOB,))
    configured = ConfiguredTargets(configuration, ops["callables"])
    lifecycle = Lifecycle(configured, outdated=lambda: None, forked=lambda: None)
    beat = Beat("job", Outcome.UP, "", SystemClock().read())
    silence = Silence(id="move", target="job", until_ns=2**62)
    lifecycle.start(None)
    try:
        with ThreadPoolExecutor() as pool, configured.guard:
            assert pool.submit(configured.known, "job").result(WITHIN_S) == JOB
            pool.submit(lifecycle.report, beat).result(WITHIN_S)
            pool.submit(lifecycle.report, Mute(silence)).result(WITHIN_S)
        attempts = lifecycle.ask(RECORDER, GetAttempts("job"))
        assert [record.outcome for record in attempts] == ["up"]
    finally:
        lifecycle.stop()


def test_a_target_is_known_once_its_engine_got_it():
    """Else a heartbeat could overtake it, and be lost."""
    host = ConfiguredTargets(Configuration(), {})
    diff = host.diff(Configuration(targets=(JOB,)))
    assert (diff.removed, diff.changed, diff.needs_restart) == ([], [JOB], False)
    with pytest.raises(UnknownName):
        host.known("job")
    host.apply(diff)
    assert host.known("job") == JOB


def test_a_restart_that_fails_both_ways_is_the_end(shop, ops, caplog, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    store = place / "watch.db"
    with Runtime(targets=[shop, JOB], store=store, **ops) as runtime, runtime.subscribe() as events:
        with in_restart(runtime, with_one_more_channel(ops, shop, JOB, store=store)) as raised:
            runtime.heartbeat("job")
            place.rename(tmp_path / "elsewhere")
            place.write_text("no folder any more")
        (error,) = raised
        says = str(error)
        assert says.startswith("the new configuration did not start: ")
        assert "\nthe old one did not start again: " in says
        assert says.endswith("\nthe runtime has stopped")
        assert "The restart failed: 1 commands that arrived during it are lost" in caplog.text
        assert runtime.wait(0)
        assert all(event is not None for event in events)
        with pytest.raises(UsageError, match="is not running"):
            runtime.heartbeat("job")
        assert not runtime.stop()

        place.unlink()
        (tmp_path / "elsewhere").rename(place)
        runtime.start()
        assert runtime.status().healthy


def test_work_that_a_restart_abandons_is_logged(ops, caplog):
    with (
        Runtime(options=RuntimeOptions(grace="300ms"), **ops) as runtime,
        in_restart(
            runtime,
            Configuration(),
            lambda: "callables that still run: watchkeeper-call-1: stuck" in caplog.text,
        ) as raised,
    ):
        pass
    assert raised == []


def test_a_stop_is_bounded_though_a_check_holds_the_loop():
    before = set(threading.enumerate())
    begun, go_on, left = threading.Event(), threading.Event(), []
    runtime = Runtime()

    @runtime.check("blocks", every="50ms", timeout="40ms")
    async def blocks():
        begun.set()
        go_on.wait(60)

    runtime.start()
    assert begun.wait(WITHIN_S)
    stopping = threading.Thread(target=lambda: left.append(runtime.stop("200ms")))
    stopping.start()
    stopping.join(WITHIN_S / 2)
    try:
        assert not stopping.is_alive()
        (abandoned,) = left
        said = dict(abandoned.left)
        assert said["not closed in time"] == ("drivers: the runtime's own loop is blocked",)
        assert said["threads that did not end"] == ("watchkeeper-loop",)
        assert becomes_true(
            lambda: {each.name for each in set(threading.enumerate()) - before} == {"watchkeeper-loop"}
        )
        assert not runtime.stop()
    finally:
        go_on.set()
        for each in set(threading.enumerate()) - before:
            each.join(WITHIN_S)
    assert threads_since(before) == set()


def test_an_incident_of_an_earlier_run_is_acknowledged_as_soon_as_the_next_has_started(
    site, shop, inbox, ops, tmp_path
):
    site.status = 500
    with Runtime(targets=[shop], store=tmp_path / "watch.db", **ops) as runtime:
        inbox.wait_for(1)
        (incident,) = runtime.incidents(open_only=True)
    with Runtime(targets=[shop], store=tmp_path / "watch.db", **ops) as runtime:
        runtime.acknowledge(incident.id, by="ada")
        assert inbox.wait_for(2) == ["opened", "acknowledged"]
