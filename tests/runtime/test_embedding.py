"""A runtime inside a host program: the guarantees for its host."""

import asyncio
import inspect
import os
import subprocess
import sys
import threading

import msgspec
import pytest
import watchkeeper
from logged import messages
from watchkeeper import (
    CallChannel,
    Channel,
    ConfigurationError,
    HealthChanged,
    Heartbeat,
    Http,
    IncidentChanged,
    Runtime,
    SampleSeen,
    Status,
    StoreBusy,
    Surface,
    Target,
    UnknownName,
    UsageError,
    surface_of,
)
from watchkeeper.domain.specification.rule import RuleState
from watchkeeper.host.awaitable import AsyncSurface
from watchkeeper.protocol.owner import Acknowledge
from watchkeeper.testing.world import World

from tests.support.left_behind import becomes_true, descriptors, threads_since

DEADLINE_S = 20


def event_of(subscription, kind, fits=lambda _: True):
    """The first event of a kind that fits; fails when none comes in time."""
    while (event := subscription.get(DEADLINE_S)) is not None:
        if isinstance(event, kind) and fits(event):
            return event
    raise AssertionError(f"no {kind.__name__} in {DEADLINE_S} s")


def test_an_outage_is_notified_once_and_its_end_once(site, shop, inbox, ops):
    with Runtime(targets=[shop], **ops) as runtime, runtime.subscribe() as events:
        site.status = 503
        event_of(events, IncidentChanged, lambda event: event.incident.change.value == "opened")
        site.status = 200
        event_of(events, IncidentChanged, lambda event: event.incident.change.value == "resolved")
        assert inbox.wait_for(2) == ["opened", "resolved"]
        left = runtime.stop()

    assert not left
    assert len({notice.key for notice in inbox.notices}) == 2


def test_nothing_is_left_when_a_runtime_has_stopped(shop, ops, tmp_path):
    def watch_once() -> None:
        with Runtime(targets=[shop], store=tmp_path / "watch.db", **ops) as runtime:

            @runtime.check("queue", every="50ms")
            def queue() -> int:
                return 1

            with runtime.subscribe(samples=True) as events:
                event_of(events, SampleSeen, lambda event: event.sample.target == "queue")

    watch_once()
    threads, files = set(threading.enumerate()), descriptors()
    watch_once()

    assert threads_since(threads) == set()
    assert becomes_true(lambda: descriptors() <= files)


def test_two_runtimes_in_one_process_do_not_meet(site, shop, ops):
    other = Target(id="other", every="50ms", timeout="40ms", http=Http(url=site.url))
    with Runtime(targets=[shop], **ops) as one, Runtime(targets=[other]) as two:
        assert [target.id for target in one.status().targets] == ["shop"]
        assert [target.id for target in two.status().targets] == ["other"]
        one.stop()
        with two.subscribe(samples=True) as events:
            assert event_of(events, SampleSeen).sample.target == "other"


def test_sync_and_async_checks_are_both_watched():
    async def host() -> set[str]:
        loop_of_the_check = []
        async with Runtime() as runtime:

            @runtime.check("sync", every="500ms")
            def sync_check() -> int:
                return 1

            @runtime.check("async", every="500ms")
            async def async_check() -> int:
                loop_of_the_check.append(asyncio.get_running_loop())
                return 1

            seen = set()
            events = runtime.subscribe(samples=True)
            async with asyncio.timeout(DEADLINE_S):
                async for event in events:
                    seen.add((event.sample.target, event.sample.outcome.value))
                    if len(seen) == 2:
                        break
            status = await runtime.aio.status()
            assert {target.status for target in status.targets} == {Status.UP}
            assert await runtime.aio.attempts("sync")
            assert await runtime.aio.incidents() == ()
        assert loop_of_the_check[0] is asyncio.get_running_loop()
        return seen

    assert asyncio.run(host()) == {("sync", "up"), ("async", "up")}


async def leave():
    raise SystemExit(1)


ENDS = [
    (lambda loop: loop.stop(), "loop.stop()"),
    (lambda loop: loop.call_soon(sys.exit), "SystemExit"),
    (lambda loop: loop.create_task(leave()), "SystemExit"),
]


@pytest.mark.parametrize(("end", "how"), ENDS)
def test_a_check_that_ends_the_runtimes_event_loop_is_survived_and_logged(
    end, how, site, shop, inbox, ops, caplog
):
    ended = []
    with Runtime(targets=[shop], **ops) as runtime:

        @runtime.check("ends", every="50ms", notify=())
        async def ends() -> None:
            loop = asyncio.get_running_loop()
            if not ended:
                ended.append(end(loop))

        with runtime.subscribe(samples=True) as events:
            for _ in range(3):
                event_of(events, SampleSeen, lambda event: event.sample.target == "ends")
        site.status = 503
        assert inbox.wait_for(1) == ["opened"]
    if isinstance(ended[0], asyncio.Task):
        ended[0].exception()  # retrieved: asyncio would report it in the middle of another test
    said = f"A function of the host ended the runtime's event loop ({how}): it runs on"
    assert said in [record.getMessage() for record in caplog.records]


def test_a_blocking_method_is_refused_on_an_event_loop():
    async def host() -> None:
        runtime = Runtime()
        for call in (
            runtime.start,
            runtime.stop,
            runtime.status,
            runtime.incidents,
            runtime.wait,
            runtime.reload,
        ):
            with pytest.raises(UsageError, match="event loop"):
                call()

    asyncio.run(host())


def test_every_public_callable_carries_exactly_one_label():
    for owner in (Runtime, AsyncSurface):
        for name, member in inspect.getmembers(owner, callable):
            if name.startswith("_"):
                continue
            is_coroutine = inspect.iscoroutinefunction(inspect.unwrap(member))
            assert (surface_of(member) is Surface.ASYNC) == is_coroutine, name
            assert surface_of(member) is not None, name


def test_a_name_that_is_not_there_is_refused_with_a_hint(shop, ops):
    with Runtime(targets=[shop], **ops) as runtime:
        for command in (runtime.pause, runtime.resume, runtime.untrack, runtime.attempts, runtime.heartbeat):
            with pytest.raises(UnknownName, match="did you mean shop"):
                command("shpo")
        with pytest.raises(UsageError, match="takes no heartbeats"):
            runtime.heartbeat("shop")


def test_a_target_that_cannot_run_is_refused_completely():
    runtime = Runtime()

    with pytest.raises(ConfigurationError) as refused:
        runtime.track(Target(id="x", every="1ns", http=Http(url="nonsense"), notify=("nobody",)))

    assert len(refused.value.problems) >= 3


def test_a_heartbeat_target_is_up_while_its_host_reports(inbox, ops):
    nightly = Target(id="nightly", every="200ms", heartbeat=Heartbeat(grace="100ms"), notify=("ops",))
    with Runtime(targets=[nightly], **ops) as runtime, runtime.subscribe(samples=True) as events:
        runtime.heartbeat("nightly")
        event_of(events, SampleSeen, lambda event: event.sample.outcome.value == "up")
        missed = event_of(events, SampleSeen, lambda event: event.sample.outcome.value == "down")
        assert missed.sample.reason.value == "heartbeat_missed"


def test_a_paused_target_is_left_alone_until_resumed(shop, ops):
    with Runtime(targets=[shop], **ops) as runtime, runtime.subscribe(samples=True) as events:
        event_of(events, SampleSeen)
        runtime.pause("shop")
        assert runtime.status().targets[0].status is Status.PAUSED
        runtime.resume("shop")
        # On a busy machine an answer may come after the tenth of a second that it has.
        event_of(events, SampleSeen, lambda event: runtime.status().targets[0].status is Status.UP)


def test_an_acknowledged_incident_says_who_has_seen_it(site, shop, inbox, ops):
    site.status = 500
    with Runtime(targets=[shop], **ops) as runtime:
        inbox.wait_for(1)
        (incident,) = runtime.incidents(open_only=True)
        runtime.acknowledge(incident.id, by="ada")
        assert inbox.wait_for(2) == ["opened", "acknowledged"]
        assert inbox.notices[1].incident.acknowledged_by == "ada"


def test_the_restart_resumes_an_open_incident_silently(site, shop, inbox, ops, tmp_path):
    site.status = 500
    with Runtime(targets=[shop], store=tmp_path / "watch.db", **ops):
        inbox.wait_for(1)
    with Runtime(targets=[shop], store=tmp_path / "watch.db", **ops) as runtime:
        assert [incident.change.value for incident in runtime.incidents(open_only=True)] == ["opened"]
        site.status = 200
        assert inbox.wait_for(2) == ["opened", "resolved"]


def test_a_second_process_on_the_store_is_refused_by_name(shop, ops, tmp_path):
    store = tmp_path / "watch.db"
    script = f"""
import sys
from watchkeeper import Runtime, StoreBusy
try:
    Runtime(store={str(store)!r}, standby=False).start()
except StoreBusy as error:
    sys.stdout.write(str(error))
    sys.exit(3)
"""
    with Runtime(targets=[shop], store=store, **ops):
        with pytest.raises(StoreBusy, match=str(os.getpid())):
            Runtime(store=store, standby=False).start()
        second = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
        )

    assert second.returncode == 3, second.stderr
    assert str(os.getpid()) in second.stdout


def test_a_forked_child_may_not_use_its_parents_runtime(shop, ops):
    with Runtime(targets=[shop], **ops) as runtime:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                runtime.pause("shop")
            except UsageError as error:
                os.write(writer, str(error).encode())
            os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        said = os.read(reader, 1000).decode()
        os.close(reader)

    assert f"started by process {os.getpid()}" in said


def test_a_store_that_is_held_is_said_by_the_error_alone(tmp_path, caplog):
    with Runtime(store=tmp_path / "watch.db"), caplog.at_level("INFO"), pytest.raises(StoreBusy):
        Runtime(store=tmp_path / "watch.db", standby=False).start()

    assert messages(caplog) == []


def test_a_start_that_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / "watch.db").write_bytes(b"this is no database, but it is long enough to look like one" * 100)
    threads = set(threading.enumerate())

    with pytest.raises(watchkeeper.StoreError):
        Runtime(store=tmp_path / "watch.db").start()

    assert threads_since(threads) == set()


def test_importing_watchkeeper_changes_nothing_in_the_host():
    script = """
import logging, signal, sys, threading
before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
import watchkeeper
assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)] == before
assert threading.active_count() == 1
assert not logging.getLogger().handlers and sys.getswitchinterval() == 0.005
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_reload_changes_targets_and_keeps_the_rest(site, shop, ops):
    with Runtime(targets=[shop], **ops) as runtime, runtime.subscribe(samples=True) as events:
        event_of(events, SampleSeen)
        other = Target(id="other", every="50ms", timeout="40ms", http=Http(url=site.url))
        runtime.reload(watchkeeper.Configuration(channels=ops["channels"], targets=(other,)))
        event_of(events, SampleSeen, lambda event: event.sample.target == "other")
        assert [target.id for target in runtime.status().targets] == ["other"]

        with pytest.raises(ConfigurationError):
            runtime.reload(watchkeeper.Configuration(targets=(other, other)))
        assert [target.id for target in runtime.status().targets] == ["other"]


def test_an_active_rule_cannot_become_a_draft_again(shop):
    runtime = Runtime(targets=[shop], channels=[watchkeeper.Channel(id="ops", log=watchkeeper.Log())])
    draft = watchkeeper.Consecutive(id="down", state=RuleState.DRAFT)

    with pytest.raises(ConfigurationError, match="is active and cannot become draft"):
        runtime.track(msgspec.structs.replace(shop, rules=(draft,)))
    with pytest.raises(ConfigurationError, match="is active and cannot become draft"):
        runtime.reload(
            watchkeeper.Configuration(
                channels=(watchkeeper.Channel(id="ops", log=watchkeeper.Log()),),
                targets=(msgspec.structs.replace(shop, rules=(draft,)),),
            )
        )


def test_losses_are_counted_where_hosts_look(shop):
    world = World([shop])
    assert "dead_letters" not in dict(world.status().counters)
    owner = world.system.owner
    owner.stop()
    world.run("1ms")
    assert not owner.alive
    owner.close()
    owner.tell(Acknowledge("inc_1", "ada"))
    assert dict(world.status().counters)["dead_letters"] >= 1


def test_a_channel_that_fails_is_a_problem_until_it_recovers(site, shop):
    failures = [OSError("no route")]

    def page(notice):
        if failures:
            raise failures.pop()

    def told_of_channel(event):
        return event.part == "channel ops"

    site.status = 503
    pager = Channel(id="ops", call=CallChannel(name="page"))
    with (
        Runtime(targets=[shop], channels=[pager], callables={"page": page}) as runtime,
        runtime.subscribe() as events,
    ):
        assert "no route" in event_of(events, HealthChanged, told_of_channel).detail
        assert event_of(events, HealthChanged, told_of_channel).detail == ""
        assert runtime.status().healthy


def test_a_silence_has_a_length_or_an_end_and_the_end_an_offset(shop, ops):
    with Runtime(targets=[shop], **ops) as runtime:
        runtime.silence("shop", until="2099-01-31T12:30:00+02:00", by="ada")
        (silence,) = runtime.status().silences
        assert silence.until_ns == 4_073_538_600 * 10**9
        with pytest.raises(ValueError, match="names no UTC offset"):
            runtime.silence("shop", until="2099-01-31T12:30:00")
        for both_or_none in ({}, {"length": "1h", "until": "2099-01-31T12:30:00Z"}):
            with pytest.raises(UsageError, match="a length or an end"):
                runtime.silence("shop", **both_or_none)


def test_a_store_in_memory_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Runtime(store=":memory:") as runtime:
        assert runtime.status().problems == ()
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_the_name_of_a_file():
    with pytest.raises(TypeError, match="not int"):
        Runtime(store=5)
