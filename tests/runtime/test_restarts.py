"""Reloads that need a stop and a start: what is reported meanwhile, what cannot come back, and a stop that is held up."""

import threading
from contextlib import contextmanager

import pytest
from watchkeeper import (
    Channel,
    Configuration,
    Heartbeat,
    Log,
    Runtime,
    RuntimeOptions,
    Target,
    UsageError,
    WatchkeeperError,
)
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.commands import KeptReports
from watchkeeper.domain.limits import COMMANDS_KEPT_MAX
from watchkeeper.protocol.owner import Acknowledge

WITHIN_S = 20
JOB = Target(id="job", every="1h", heartbeat=Heartbeat(grace="1m"))


def seen_within(what):
    """Whether something becomes so in time; nothing tells when it does."""
    pause = threading.Event()
    return any(what() or pause.wait(0.01) for _ in range(int(WITHIN_S / 0.01)))


@contextmanager
def in_restart(runtime, configuration):
    """The time in which a reload waits for a check that does not return; yields what the reload has raised."""
    begun, go_on, raised = threading.Event(), threading.Event(), []

    @runtime.check("stuck", every="50ms", timeout="40ms", notify=())
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
        assert seen_within(lambda: "stopped" in repr(runtime))
        yield raised
    finally:
        go_on.set()
        reloading.join(WITHIN_S)


def with_one_more_channel(ops, *targets, store):
    channels = (*ops["channels"], Channel(id="lines", log=Log()))
    return Configuration(runtime=RuntimeOptions(store=str(store)), channels=channels, targets=targets)


def test_what_is_reported_during_a_restart_is_heard_after(shop, ops, inbox, site, tmp_path):
    store = tmp_path / "watch.db"
    site.status = 503
    with Runtime(targets=[shop, JOB], store=store, **ops) as runtime:
        inbox.wait_for(1)
        (incident,) = runtime.incidents(open_only=True)
        with in_restart(runtime, with_one_more_channel(ops, shop, JOB, store=store)) as raised:
            runtime.heartbeat("job", detail="done")
            reported_ns = SystemClock().read().wall_ns
            runtime.silence("move", length="1h", target="job")
            runtime.acknowledge(incident.incident, by="ada")
            assert "stopped" in repr(runtime)
        assert raised == []
        assert inbox.wait_for(2) == ["opened", "acknowledged"]
        assert [silence.id for silence in runtime.status().silences] == ["move"]
        (beat,) = runtime.attempts("job")
        assert beat.outcome == "up"
        assert beat.started.wall_ns <= reported_ns


def test_reports_are_kept_in_order_and_up_to_a_limit():
    kept = KeptReports()
    reports = [Acknowledge(f"inc_{number}", "ada") for number in range(COMMANDS_KEPT_MAX)]
    assert not kept.keep(reports[0])
    kept.begin()
    assert all(kept.keep(report) for report in reports)
    with pytest.raises(UsageError, match=f"no more than {COMMANDS_KEPT_MAX}"):
        kept.keep(reports[0])
    assert kept.end() == reports
    assert not kept.keep(reports[0])


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
        assert "\nnor did the old one again: " in says
        assert says.endswith("\nnothing runs any more")
        assert "Lost with the restart that failed: 1 commands" in caplog.text
        assert runtime.wait(0)
        assert all(event is not None for event in events)
        with pytest.raises(UsageError, match="does not run"):
            runtime.heartbeat("job")
        assert not runtime.stop()

        place.unlink()
        (tmp_path / "elsewhere").rename(place)
        runtime.start()
        assert runtime.status().healthy


def test_what_a_restart_abandons_is_said(ops, caplog):
    with (
        Runtime(options=RuntimeOptions(grace="300ms"), **ops) as runtime,
        in_restart(runtime, Configuration()) as raised,
    ):
        assert seen_within(lambda: "callables that still run: watchkeeper-call-1: stuck" in caplog.text)
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
        assert said["what could not be closed in time"] == ("drivers: the runtime's own loop is held up",)
        assert said["threads that did not end"] == ("watchkeeper-loop",)
        assert {each.name for each in set(threading.enumerate()) - before} == {"watchkeeper-loop"}
        assert not runtime.stop()
    finally:
        go_on.set()
        for each in set(threading.enumerate()) - before:
            each.join(WITHIN_S)
    assert set(threading.enumerate()) <= before
