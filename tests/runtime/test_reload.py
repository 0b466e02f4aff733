"""A runtime that is started, stopped, reloaded and forked in the middle of things."""

import asyncio
import os
import sys
import threading

import msgspec
import pytest
import watchkeeper
from host_servers import until
from watchkeeper import (
    ALL,
    Call,
    Channel,
    Configuration,
    ConfigurationError,
    Consecutive,
    Heartbeat,
    Http,
    Log,
    Maintenance,
    Observation,
    Runtime,
    RuntimeOptions,
    Target,
    Tcp,
    UnknownName,
    Webhook,
)
from watchkeeper.actors.supervisor.supervisor import RECORDER
from watchkeeper.domain.read_model.event import HealthChanged
from watchkeeper.host.configured import ConfiguredTargets
from watchkeeper.host.lifecycle import Lifecycle
from watchkeeper.host.own_thread import in_own_thread
from watchkeeper.protocol.recorder import GetStatus

from tests.support.left_behind import threads_since

CONFIGURATION = """
channels: [{id: ops, call: {name: inbox}}]
targets:
  - {id: shop, every: 50ms, timeout: 40ms, http: {url: "URL"}, notify: [ops]}
  - {id: queue, every: 50ms, call: {name: depth}, notify: [ops]}
"""
WITHIN_S = 20


def test_a_runtime_that_cannot_be_built_leaves_no_thread_behind():
    nowhere = Channel(id="ops", webhook=Webhook(url="https://h/", tls={"server_name": "::1"}))
    threads = set(threading.enumerate())

    with pytest.raises(ConfigurationError):
        Runtime(channels=[nowhere]).start()

    assert threads_since(threads) == set()


def test_a_file_may_name_functions_that_its_host_gives(site, inbox, tmp_path):
    path = tmp_path / "watch.yaml"
    path.write_text(CONFIGURATION.replace("URL", site.url))
    site.status = 503
    with Runtime.from_config(path, {}, callables={"inbox": inbox, "depth": lambda: False}):
        inbox.wait_for(2)

    assert {notice.incident.target for notice in inbox.notices} == {"shop", "queue"}


def test_a_reload_that_cannot_start_keeps_what_ran(shop, ops, tmp_path):
    held = tmp_path / "held.db"
    with Runtime(store=held), Runtime(targets=[shop], store=tmp_path / "own.db", **ops) as runtime:
        other = Configuration(
            runtime=RuntimeOptions(store=str(held)),
            channels=tuple(ops["channels"]),
            targets=(Target(id="other", http=Http(url="http://127.0.0.1:1/")),),
        )
        with pytest.raises(watchkeeper.StoreBusy):
            runtime.reload(other)
        assert [target.id for target in runtime.status().targets] == ["shop"]


def test_a_reload_reads_the_environment_that_was_given(site, inbox, tmp_path):
    path = tmp_path / "watch.yaml"
    path.write_text(CONFIGURATION.replace("URL", "${WATCHED_URL}"))
    environment = {"WATCHED_URL": site.url}
    functions = {"inbox": inbox, "depth": lambda: True}
    with Runtime.from_config(path, environment, callables=functions) as runtime:
        environment["WATCHED_URL"] = site.url.replace("health", "health2")
        runtime.reload()
        assert runtime.status().healthy


def test_a_reload_removes_a_target_named_like_a_function(inbox, tmp_path):
    path = tmp_path / "watch.yaml"
    path.write_text("targets: [{id: depth, call: {name: depth}}, {id: width, call: {name: width}}]")
    with Runtime.from_config(path, {}, callables={"depth": bool, "width": bool}) as runtime:
        runtime.check("made here", every="1s")(bool)
        path.write_text("targets: [{id: width, call: {name: width}}]")
        runtime.reload()
        assert {target.id for target in runtime.status().targets} == {"width", "made here"}


@pytest.mark.parametrize("grace", ["10s", "11s"])  # unchanged, and so changed that the runtime restarts
def test_a_reload_leaves_a_pause_that_was_commanded(grace, shop, ops):
    still = msgspec.structs.replace(shop, id="still", paused=True)
    with Runtime(targets=[shop, still], **ops) as runtime:
        runtime.pause("shop")
        runtime.resume("still")
        channels, options = tuple(ops["channels"]), RuntimeOptions(grace=grace)
        runtime.reload(Configuration(runtime=options, channels=channels, targets=(shop, still)))
        assert [target.paused for target in runtime.status().targets] == [True, False]
        moving = msgspec.structs.replace(still, paused=False)
        runtime.reload(Configuration(runtime=options, channels=channels, targets=(shop, moving)))
        runtime.reload(Configuration(runtime=options, channels=channels, targets=(shop, still)))
        assert [target.paused for target in runtime.status().targets] == [True, True]


def test_a_start_that_is_cancelled_leaves_nothing_running(shop, ops, tmp_path):
    threads = set(threading.enumerate())

    async def give_up(runtime):
        starting = asyncio.create_task(runtime.aio.start())
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    runtime = Runtime(targets=[shop], store=tmp_path / "watch.db", **ops)
    asyncio.run(give_up(runtime))
    assert "stopped" in repr(runtime)
    assert threads_since(threads) == set()


def test_a_loop_goes_on_however_often_a_stop_is_cancelled():
    heard = threading.Event()

    async def cancel_twice():
        loop = asyncio.get_running_loop()
        ending = asyncio.create_task(in_own_thread("patient", lambda: heard.wait(WITHIN_S)))
        for delay_s in (0.01, 0.02):
            loop.call_later(delay_s, ending.cancel)
        loop.call_later(0.03, heard.set)
        with pytest.raises(asyncio.CancelledError):
            await ending

    began = threading.Event()
    watch = threading.Thread(target=lambda: began.set() or asyncio.run(cancel_twice()))
    watch.start()
    began.wait(WITHIN_S)
    watch.join(WITHIN_S / 2)
    assert not watch.is_alive()


@pytest.mark.parametrize("place", ["ask", "shut_down"])
def test_an_interrupt_leaves_neither_thread_nor_lock_behind(place, shop, ops, tmp_path):
    threads = set(threading.enumerate())
    store = tmp_path / "watch.db"

    def interrupt(frame, event, argument):
        if event == "call" and frame.f_code.co_name == place:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt), Runtime(targets=[shop], store=store, **ops):
            pass
    finally:
        sys.setprofile(None)
    assert threads_since(threads) == set()
    with Runtime(targets=[shop], store=store, **ops) as runtime:
        assert runtime.status().healthy


def test_a_command_does_not_wait_for_a_stop(site, shop, ops):
    """A callable that does not return delays the stop by the grace; a command at that time is not delayed."""
    begun, go_on = threading.Event(), threading.Event()
    runtime = Runtime(targets=[shop], **ops)
    runtime.start()

    @runtime.check("stuck", every="1s", timeout="1s")
    def stuck():
        begun.set()
        go_on.wait(WITHIN_S)

    assert begun.wait(WITHIN_S)
    stopping = threading.Thread(target=runtime.stop, args=("20s",))
    stopping.start()
    runtime.untrack("shop")
    runtime.track(shop)
    assert stopping.is_alive()
    go_on.set()
    stopping.join(WITHIN_S)
    assert not stopping.is_alive()


def test_a_command_before_a_start_is_applied_by_it(shop, ops):
    runtime = Runtime(targets=[shop], **ops)
    with runtime:
        runtime.stop()
        runtime.pause("shop")
        runtime.track(Target(id="later", http=Http(url="http://127.0.0.1:1/")))
        runtime.start()
        stood = {target.id: target.paused for target in runtime.status().targets}

    assert stood == {"shop": True, "later": False}


def lifecycle_of(shop, ops):
    """The host's side of a runtime of one target, and its lifecycle."""
    configuration = Configuration(channels=ops["channels"], targets=(shop,))
    configured = ConfiguredTargets(configuration, ops["callables"])
    return configured, Lifecycle(configured, outdated=lambda: None, forked=lambda: None)


def test_a_supervisor_that_comes_back_is_shown_what_its_host_asks_for(shop, ops):
    """The command that crashed the supervisor is lost; here it is never sent, which has the same effect."""
    later = Target(id="later", http=Http(url="http://127.0.0.1:1/"))
    configured, lifecycle = lifecycle_of(shop, ops)
    lifecycle.start(None)
    try:
        events = lifecycle.feed.subscribe()
        configured.add(later)
        configured.remove("shop")
        lifecycle.engine.system.supervisor.tell(object())
        while events.get(WITHIN_S) not in {HealthChanged("supervisor", ""), None}:
            pass
        assert [target.id for target in lifecycle.ask(RECORDER, GetStatus()).targets] == ["later"]
    finally:
        lifecycle.stop()


def test_a_forked_child_starts_its_own_and_stops_no_other(shop, ops):
    with Runtime(targets=[shop], **ops) as runtime:
        child = os.fork()
        if child == 0:
            try:
                runtime.stop()
                runtime.start()
                mine = [target.id for target in runtime.status().targets] == ["shop"]
                os._exit(0 if mine and not runtime.stop() else 1)
            finally:
                os._exit(2)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert runtime.status().targets[0].id == "shop"


def test_no_text_of_a_host_stands_in_the_way_of_the_record(site, shop, inbox, ops, tmp_path):
    lone = "\ud800"
    site.status = 503
    with Runtime(targets=[shop], store=tmp_path / "watch.db", **ops) as runtime:
        inbox.wait_for(1)
        (incident,) = runtime.incidents(open_only=True)
        with pytest.raises(ConfigurationError, match="surrogate"):
            runtime.check(lone, every="1s")(bool)
        runtime.silence(ALL, "0s", by=lone, reason=lone, id=lone)
        with pytest.raises(UnknownName, match=r"no open incident is \\ud800; open: inc_\w+ \(shop/down\)"):
            runtime.acknowledge(lone, by=lone)
        runtime.acknowledge(incident.id, by=lone)
        assert inbox.wait_for(2) == ["opened", "acknowledged"]
        assert inbox.notices[1].incident.acknowledged_by == "\\ud800"
        assert runtime.status().healthy


@pytest.mark.parametrize("until", ["9999-12-31T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_no_silence_of_a_host_stands_in_the_way_of_the_record(until, site, shop, inbox, ops, tmp_path):
    with Runtime(targets=[shop], store=tmp_path / "watch.db", **ops) as runtime:
        with pytest.raises(ValueError, match="between the years 1678 and 2262"):
            runtime.silence(ALL, until=until)
        runtime.silence("shop", until="2262-04-11T00:00:00Z")
        runtime.silence("shop", "0s")
        site.status = 503
        assert inbox.wait_for(1) == ["opened"]
        assert runtime.status().healthy


LOOSE = {
    "expect": ["[RESPONSE_TIME] < 500"],
    "notify": ["ops", "lines"],
    "rules": [
        {"id": "down", "after": 1, "severity": "critical"},
        {"id": "draft", "after": 1, "state": "draft"},
        {"id": "retired", "after": 1, "state": "retired"},
    ],
}


@pytest.mark.parametrize("way", ["given", "tracked", "checked", "reloaded"])
def test_lists_and_words_stand_for_what_they_mean(way, inbox, ops):
    rules = [Consecutive(**fields) for fields in LOOSE["rules"]]
    loose = {**LOOSE, "rules": rules, "every": "50ms", "timeout": "40ms"}
    target = Target(id="queue", call=Call(name="depth"), **loose)
    channels = [*ops["channels"], Channel(id="lines", log=Log(), min_severity="critical")]
    functions = {**ops["callables"], "depth": lambda: Observation(outcome="down")}
    given = [target] if way == "given" else []
    with Runtime(targets=given, channels=channels, callables=functions) as runtime:
        if way == "tracked":
            runtime.track(target)
        elif way == "checked":
            runtime.check("queue", **loose)(functions["depth"])
        elif way == "reloaded":
            runtime.reload(Configuration(channels=tuple(channels), targets=(target,)))
        assert inbox.wait_for(1) == ["opened"]
        status = runtime.status()
    assert {incident.rule for incident in status.incidents} == {"down", "draft"}
    assert status.healthy


def test_a_check_that_is_refused_leaves_nothing_behind(shop, ops):
    runtime = Runtime(targets=[shop], **ops)
    with pytest.raises(ConfigurationError):
        runtime.check("x", every="1ns")(bool)
    with pytest.raises(UnknownName):
        runtime.untrack("x")
    with pytest.raises(ConfigurationError, match=r"call\.name"):
        runtime.track(Target(id="x", every="1h", call=Call(name="x")))


@pytest.mark.slow
def test_a_stop_ends_every_thread_though_the_recorder_is_gone(shop, ops):
    threads = set(threading.enumerate())
    _, lifecycle = lifecycle_of(shop, ops)
    lifecycle.start(None)
    lifecycle.engine.system.recorder.close()

    assert "recorder" in {name for _, names in lifecycle.stop("2s").left for name in names}
    assert threads_since(threads) == set()


def test_started_means_that_every_target_is_scheduled():
    targets = [
        Target(id=f"target-{number}", every="1h", tcp=Tcp(host="127.0.0.1", port=1))
        for number in range(3_000)
    ]
    with Runtime(targets=targets) as runtime:
        assert len(runtime.status().targets) == len(targets)


def test_a_reload_takes_maintenance_away_and_plans_it_again_while_it_is_in_force(inbox, ops):
    always = Maintenance(
        id="patch", match=["group=front"], from_="2020-01-01T00:00:00Z", until="2199-01-01T00:00:00Z"
    )
    rules = [Consecutive(id="down", after=1, recover=1)]
    job = Target(
        id="job",
        group="front",
        heartbeat=Heartbeat(),
        every="1h",
        rules=rules,
        default_rules=False,
        notify=["ops"],
    )
    planned = Configuration(channels=tuple(ops["channels"]), targets=(job,), maintenance=(always,))
    free = msgspec.structs.replace(planned, maintenance=())

    def waits():
        return [waiting.hold.reason for waiting in runtime.status().waits]

    with Runtime(targets=[job], maintenance=[always], **ops) as runtime:
        runtime.heartbeat("job", ok=False)
        until(lambda: waits() == ["maintenance patch"])
        assert inbox.notices == []
        runtime.reload(free)
        assert inbox.wait_for(1) == ["opened"]
        until(lambda: waits() == [])
        runtime.reload(planned)
        runtime.heartbeat("job")
        until(lambda: waits() == ["maintenance patch"])
        runtime.reload(free)
        assert inbox.wait_for(2) == ["opened", "resolved"]
        assert len(inbox.notices) == 2
