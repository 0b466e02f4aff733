"""A host's own program in virtual time: the methods of a runtime, and a world in which an hour takes no time."""

import asyncio
from itertools import pairwise

import msgspec
import pytest
from watchkeeper import (
    CallChannel,
    Channel,
    Configuration,
    Heartbeat,
    Http,
    IncidentChanged,
    Log,
    Maintenance,
    Route,
    Runtime,
    Status,
    Target,
    UnknownName,
    UsageError,
    Web,
    surface_of,
)
from watchkeeper.domain import limits
from watchkeeper.domain.observation.outcome import Reason
from watchkeeper.domain.units import NS_PER_S
from watchkeeper.testing import FakeRuntime, World

SHOP = Target(id="shop", every="10s", http=Http(url="http://h/"), notify=("ops",))
JOB = Target(id="job", every="1h", heartbeat=Heartbeat(grace="5m"), notify=("ops",))
OPS = Channel(id="ops", log=Log())


def fake(**fields):
    return FakeRuntime(**{"targets": [SHOP, JOB], "channels": [OPS], **fields})


def test_an_hour_of_a_host_passes_in_a_test():
    with fake() as runtime:
        runtime.world.script("shop", "ok 10m, down 5m, ok")
        runtime.world.run("12m")
        (incident,) = runtime.incidents(open_only=True)
        assert runtime.status()["shop"].status is Status.DOWN
        runtime.acknowledge(incident.id, by="anna")
        assert runtime.incidents()[0].acknowledged_by == "anna"
        runtime.world.run("48m")
    assert runtime.world.delivered("ops") == [
        "shop/down opened",
        "shop/down acknowledged",
        "shop/down resolved",
    ]


def test_every_command_of_a_runtime_has_its_effect():
    with fake() as runtime:
        runtime.pause("shop")
        assert runtime.status()["shop"].status is Status.PAUSED
        runtime.resume("shop")
        runtime.silence("shop", "1h", by="anna", id="night")
        assert [silence.id for silence in runtime.status().silences] == ["night"]
        runtime.world.script("shop", "down")
        runtime.heartbeat("job", detail="3 rows")
        runtime.world.run("10m")
        assert runtime.status()["job"].sample.detail == "3 rows"
        assert runtime.world.delivered("ops") == []
        runtime.silence("shop", "0s", id="night")
        runtime.world.run("1m")
        assert runtime.world.delivered("ops") == ["shop/down opened"]
        assert len(runtime.attempts("shop")) > 5
        runtime.track(Target(id="till", every="10s", http=Http(url="http://t/")))
        runtime.untrack("shop")
        runtime.world.run("1m")
        assert {row.id for row in runtime.status().targets} == {"job", "till"}
        runtime.world.run("2h")
        assert runtime.world.delivered("ops")[1:] == ["shop/down resolved", "job/missed opened"]


def test_a_dead_letter_is_sent_again():
    with fake(targets=[SHOP]) as runtime:
        runtime.world.script("shop", "down")
        runtime.world.script_channel("ops", "status 410 1h, ok")
        runtime.world.run("10m")
        (problem,) = runtime.status().problems
        key = problem[1].split()[2].rstrip(":")
        runtime.world.run("1h")
        assert runtime.redrive(key) is True
        assert runtime.redrive("msg_none") is False
        runtime.world.run("10m")
        assert runtime.world.delivered("ops") == ["shop/down opened"]


def test_checks_are_called_at_their_moments_and_judged():
    with fake() as runtime:
        called = []

        @runtime.check("depth", every="10s")
        def depth():
            called.append(runtime.world.now.wall_ns)
            if len(called) > 3:
                raise ValueError("no queue")
            return {"depth": 7}

        @runtime.check("async", every="10s")
        async def answered():
            await asyncio.sleep(0)
            return False

        runtime.world.run("30s")
        depth_row, async_row = runtime.status()["depth"], runtime.status()["async"]
        assert depth_row.sample.measurements[0].value == 7.0
        assert async_row.raw is Status.DOWN
        runtime.world.run("30s")
        assert runtime.status()["depth"].sample.reason is Reason.EXCEPTION
        assert "no queue" in runtime.status()["depth"].sample.detail
        assert {later - earlier for earlier, later in pairwise(called)} <= {10 * 10**9}
        runtime.world.script("depth", "ok")
        before = len(called)
        runtime.world.run("1m")
        assert (runtime.status()["depth"].raw, len(called)) == (Status.UP, before)


def test_an_async_check_that_never_ends_has_timed_out(monkeypatch):
    monkeypatch.setattr(limits, "CALLED_IN_TESTS_S", 0.05)
    with fake() as runtime:

        @runtime.check("stuck", every="10s")
        async def stuck():
            await asyncio.Event().wait()

        @runtime.check("late", every="10s")
        async def late():
            raise TimeoutError("the broker is late")

        runtime.world.run("20s")
        assert runtime.status()["stuck"].sample.reason is Reason.TIMED_OUT
        assert runtime.status()["late"].sample.detail == "TimeoutError: the broker is late"


def test_a_call_channel_gets_its_notices_until_it_accepts_them():
    taken = []

    def announce(notice):
        taken.append(notice.change.value)
        if len(taken) == 1:
            raise ConnectionError("busy")

    team = Channel(id="team", call=CallChannel(name="announce"))
    shop = Target(id="shop", every="10s", http=Http(url="http://h/"), notify=("team",))
    with fake(targets=[shop], channels=[team], callables={"announce": announce}) as runtime:
        runtime.world.script("shop", "ok 1m, down 5m, ok")
        runtime.world.run("20m")
        assert taken == ["opened", "opened", "resolved"]
        assert runtime.world.delivered("team") == ["shop/down opened", "shop/down resolved"]


def test_a_target_is_checked_by_command_beside_its_grid():
    with fake() as runtime:
        runtime.world.run("1m")
        ticks = runtime.attempts("shop")
        runtime.world.script("shop", "down")
        runtime.check_now("shop")
        runtime.world.run("1s")
        *before, commanded = runtime.attempts("shop")
        assert (tuple(before), commanded.outcome, commanded.lateness_ns) == (ticks, "down", 0)
        assert runtime.status()["shop"].raw is Status.DOWN
        runtime.world.run("1m")
        dues = [each.due.monotonic_ns for each in runtime.attempts("shop") if each is not commanded]
        assert {
            later - earlier for earlier, later in pairwise(sorted(set(dues) - {commanded.due.monotonic_ns}))
        } == {10 * NS_PER_S}


def test_a_subscriber_hears_events():
    runtime = fake()
    with runtime.subscribe() as events, runtime:
        runtime.world.script("shop", "down")
        runtime.world.run("5m")
        found = [events.get(0) for _ in range(2)]
    assert isinstance(found[0], IncidentChanged)


def test_errors_are_those_of_a_runtime():
    runtime = fake()
    for question in (
        runtime.status,
        lambda: runtime.world,
        lambda: runtime.heartbeat("job"),
        lambda: runtime.check_now("shop"),
    ):
        with pytest.raises(UsageError):
            question()
    with runtime:
        with pytest.raises(UnknownName, match="till"):
            runtime.pause("till")
        with pytest.raises(UsageError, match="takes no heartbeats"):
            runtime.heartbeat("shop")
        with pytest.raises(
            UsageError, match="'job' is a heartbeat: its job reports, and there is nothing to start"
        ):
            runtime.check_now("job")
        runtime.pause("shop")
        with pytest.raises(UsageError, match="'shop' is paused: resume it before it is checked"):
            runtime.check_now("shop")
        with pytest.raises(UnknownName, match="inc_none"):
            runtime.acknowledge("inc_none", by="anna")
        with pytest.raises(UsageError, match="is running already"):
            runtime.start()


def test_its_methods_have_the_labels_of_a_runtime():
    assert isinstance(fake(), Runtime)
    for name in dir(Runtime):
        assert surface_of(getattr(FakeRuntime, name)) is surface_of(getattr(Runtime, name))


def test_a_host_on_an_event_loop_awaits_it():
    async def host():
        async with fake() as runtime:
            with pytest.raises(UsageError, match="an event loop runs"):
                runtime.status()
            runtime.world.script("shop", "down")
            runtime.world.run("5m")
            status = await runtime.aio.status()
            return (
                status["shop"].status,
                len(await runtime.aio.incidents()),
                len(await runtime.aio.attempts("shop")),
            )

    assert asyncio.run(host()) == (Status.DOWN, 1, 8)


def test_a_snapshot_is_as_old_as_virtual_time_says():
    with fake() as runtime:
        first = runtime.status("5s")
        assert runtime.status("5s") is first
        runtime.world.run("6s")
        assert runtime.status("5s") is not first


def test_the_record_survives_a_stop_and_leaves_no_file(tmp_path):
    runtime = fake(store=tmp_path / "watch.db")
    with runtime:
        runtime.world.script("shop", "down")
        runtime.world.run("5m")
        opened = runtime.incidents(open_only=True)
        runtime.pause("job", by="anna")
    with runtime:
        assert runtime.incidents(open_only=True) == opened
        assert runtime.status()["job"].status is Status.PAUSED
        runtime.world.run("5m")
    assert runtime.world.delivered("ops") == ["shop/down opened"]
    assert list(tmp_path.iterdir()) == []


def test_a_pause_that_a_restart_keeps_began_when_it_was_commanded():
    with fake() as runtime:
        runtime.world.run("5m")
        runtime.pause("job", by="anna")
        began = runtime.status()["job"].since
        runtime.world.run("5m")
    runtime.world.clock.advance(3_600 * NS_PER_S)
    with runtime:
        assert runtime.status()["job"].since == began
        runtime.resume("job")
        runtime.world.run("5m")
        runtime.pause("job")
        row = runtime.status()["job"]
        assert (row.status, row.since) == (Status.PAUSED, runtime.status().at)


def test_an_incident_of_a_target_that_is_tracked_after_the_next_start_goes_on():
    runtime = fake()
    with runtime:
        runtime.world.script("shop", "down")
        runtime.world.run("5m")
        (opened,) = runtime.incidents(open_only=True)
    runtime.untrack("shop")
    with runtime:
        runtime.track(SHOP)
        runtime.world.run("5m")
        assert [incident.id for incident in runtime.incidents()] == [opened.id]
    assert runtime.world.delivered("ops") == ["shop/down opened"]


def test_known_secrets_are_masked_as_by_a_runtime():
    shop = Target(id="shop", every="10s", http=Http(url="http://h/", bearer="pa/ssw0rd+canary"))
    with fake(targets=[shop]) as runtime:

        @runtime.check("queue", every="10s")
        def queue():
            raise ValueError("refused: pa/ssw0rd+canary")

        runtime.world.run("1m")
        assert runtime.status()["queue"].sample.detail == "ValueError: refused: ***"


def test_a_reload_changes_targets_and_refuses_channels():
    with fake() as runtime:
        runtime.world.run("1m")
        runtime.reload(Configuration(channels=[OPS], targets=[SHOP]))
        runtime.world.run("1m")
        assert [row.id for row in runtime.status().targets] == ["shop"]
        with pytest.raises(UsageError, match="keeps its channels"):
            runtime.reload(Configuration(channels=[OPS, Channel(id="boss", log=Log())], targets=[SHOP]))
        runtime.world.run("1m")
        assert runtime.status()["shop"].status is Status.UP


def test_a_reload_changes_routes_windows_and_maintenance():
    boss = Channel(id="boss", log=Log())
    silent = msgspec.structs.replace(SHOP, notify=())
    whole = Configuration(channels=[OPS, boss], routes=[Route(to=["ops"])], targets=[silent])
    with FakeRuntime(channels=[OPS, boss], routes=[Route(to=["boss"])], targets=[silent]) as runtime:
        runtime.world.script("shop", "ok 5m, down 5m, ok 5m, down 5m, ok")
        runtime.world.run("12m")
        runtime.reload(whole)
        runtime.world.run("12m")
        assert runtime.world.delivered("boss") == ["shop/down opened", "shop/down resolved"]
        assert runtime.world.delivered("ops") == ["shop/down opened", "shop/down resolved"]


def test_a_reload_ends_planned_maintenance():
    planned = Maintenance(id="m", match=["target=shop"], cron="0 0 * * *", length="12h")
    with FakeRuntime(channels=[OPS], maintenance=[planned], targets=[SHOP]) as runtime:
        runtime.world.script("shop", "ok 5m, down")
        runtime.world.run("1h")
        assert runtime.world.delivered("ops") == []
        runtime.reload(Configuration(channels=[OPS], targets=[SHOP]))
        runtime.world.run("1m")
        assert runtime.world.delivered("ops") == ["shop/down opened"]


def test_a_tracked_target_may_depend_on_a_watched_one():
    world = World([msgspec.structs.replace(SHOP, id="gateway", notify=()), SHOP])
    world.track(msgspec.structs.replace(SHOP, depends_on=("gateway",)))
    for target in ("gateway", "shop"):
        world.script(target, "ok 5m, down")
    world.run("1h")
    assert world.delivered("ops") == []


def test_a_file_is_read_as_by_a_runtime(tmp_path):
    path = tmp_path / "watch.yaml"
    path.write_text("targets: [{id: shop, http: {url: 'http://h/'}}]", encoding="utf-8")
    with FakeRuntime.from_config(path, {}) as runtime:
        runtime.world.run("2m")
        assert runtime.status()["shop"].status is Status.UP


def test_a_configuration_with_web_starts_and_opens_no_port():
    with fake(web=Web(listen="127.0.0.1:0")) as runtime:
        assert runtime.status()["shop"].status is Status.UNKNOWN
        with pytest.raises(UsageError, match=r"a runtime in virtual time opens no port: its API is asgi\(\)"):
            runtime.serve("127.0.0.1:0")
        with pytest.raises(UsageError, match="nothing listens for a browser"):
            runtime.login_link()
        runtime.reload(Configuration(channels=[OPS], targets=[JOB], web=Web(listen="127.0.0.1:0")))
        assert "shop" not in runtime.status()
