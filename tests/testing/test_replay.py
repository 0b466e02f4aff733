"""Replay: a world is recorded in a real store, and its samples are judged again, by the same and by other configurations."""

import pytest
from msgspec.structs import replace
from watchkeeper import (
    Channel,
    Configuration,
    Consecutive,
    Flapping,
    Heartbeat,
    Http,
    Log,
    Maintenance,
    NoData,
    Route,
    RuntimeOptions,
    Severity,
    Target,
    Threshold,
    UsageError,
)
from watchkeeper.actors.system import SINK
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.time.moment import Moment
from watchkeeper.domain.units import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from watchkeeper.protocol.sink import GetPauses
from watchkeeper.testing import World
from watchkeeper.testing.replaying.comparing import compare
from watchkeeper.testing.replaying.replay import replay


def http(name, every="1m", **fields):
    return Target(id=name, every=every, http=Http(url=f"http://{name}.example/"), **fields)


TARGETS = (
    http("gateway", "2m"),
    http(
        "shop",
        "2m",
        group="shop",
        rules=[Threshold(id="slow", value=500, for_="2m", severity=Severity.WARNING)],
    ),
    http("cart", "2m", group="shop"),
    http("search", "2m", depends_on=["gateway"]),
    http("mirror", "2m", flapping=Flapping(method="nagios")),
    http("quiet", "2m", rules=[NoData(id="silent", after="10m")]),
    Target(id="job", every="20m", heartbeat=Heartbeat(grace="5m")),
)
SAME = Configuration(
    runtime=RuntimeOptions(notify=()),
    channels=[Channel(id="ops", log=Log()), Channel(id="boss", log=Log())],
    routes=[
        Route(
            id="shop",
            match=["group=shop"],
            to=["ops"],
            group_by=["group"],
            group_wait="2m",
            remind_every="30m",
            escalate=[{"after": "20m", "to": ["boss"]}],
        ),
        Route(id="rest", to=["ops"]),
    ],
    maintenance=[
        Maintenance(
            id="patch", match=["target=cart"], from_="2026-01-01T03:05:00Z", until="2026-01-01T03:30:00Z"
        )
    ],
    targets=TARGETS,
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Records a course of events in a store, and returns its reader and the span of the course; each course once."""

    known = {}

    def recorded_once(configuration, course, *, stops=True):
        key = (course, stops)
        if key not in known:
            known[key] = run(configuration, course, stops=stops)
        return known[key]

    def run(configuration, course, *, stops):
        path = str(tmp_path_factory.mktemp("recorded") / "watch.db")
        world = World(configuration, is_wall_steady=True)
        world.stop()
        world.store = SqliteStore(path)
        world.start(configuration)
        begun_ns = world.now.wall_ns
        course(world)
        world.ask(SINK, GetPauses())
        if stops:
            world.stop()
        return StoreReader(path), begun_ns, world.now.wall_ns

    return recorded_once


def busy(world):
    """Outages of every kind, with silences and acknowledgements of an operator."""
    world.script("gateway", "ok 30m, down 20m, ok")
    world.script("search", "ok 31m, down 25m, ok 80m, down 8m, ok")
    world.script("shop", "ok 20m, slow 700ms 10m, ok 30m, status 503 90m, ok")
    world.script("cart", "ok 30m, hang 40m, ok 110m, down 20m, ok")
    world.script("mirror", "ok 10m" + ", down 4m, ok 4m" * 9 + ", down 20m, ok")
    world.script("quiet", "ok 1h, unknown 30m, ok")
    world.run("50m")
    world.silence("cart", "30m", by="otto")
    world.heartbeat("job")
    world.run("70m")
    world.heartbeat("job", ok=False)
    for incident in world.incidents(open_only=True):
        if incident.target == "shop":
            world.acknowledge(incident.id, "anna", until="10m")
    world.run("2h")


def told(notices):
    """Notices as comparable rows; the record keeps samples to the microsecond."""
    return sorted((each.channel, each.subject, each.change, round(each.at_ns / NS_PER_S)) for each in notices)


def places(spans):
    return sorted((each.place, round(each.opened_at_ns / 10**6)) for each in spans.values())


def sealed(path, now_ns):
    """Lets the store seal every finished hour, as housekeeping does."""
    store, start = SqliteStore(path), Moment(0, now_ns + 3 * NS_PER_HOUR)
    store.open(start)
    for minutes in range(60):
        store.run_maintenance(start.shifted(minutes * NS_PER_MINUTE))
    store.close()


def test_the_same_configuration_tells_exactly_what_was_told(recorded):
    reader, since_ns, until_ns = recorded(SAME, busy)
    found = replay(reader, SAME, since_ns, until_ns)
    assert len(found.recorded) > 8
    assert places(found.replayed) == places(found.recorded)
    assert told(found.taken) == told(found.told)
    assert {each.channel for each in found.taken} == {"ops", "boss"}
    assert {each.change for each in found.taken} >= {"opened", "resolved", "changed", "reminder"}
    compared = compare(found)
    assert compared.is_same
    assert (compared.missed, compared.places, compared.undelivered) == ((), (), 0)
    assert compared.matched == len(found.recorded)

    sealed(reader.path, until_ns)
    again = replay(reader, SAME, since_ns, until_ns)
    assert (places(again.replayed), told(again.taken)) == (places(found.replayed), told(found.taken))


SHOP = replace(SAME, routes=[Route(to=["ops"])], maintenance=[], targets=[http("shop"), http("cart")])


def changed(**fields):
    """The configuration of one shop with another one of its rules."""
    shop = http("shop", rules=[Consecutive(id="down", **fields)])
    return replace(SHOP, targets=[shop, http("cart")])


def blips(world):
    world.script("shop", "ok 20m, down 4m, ok 20m, down 12m, ok")
    world.run("2h")


def test_a_slower_rule_misses_blips_and_sees_outages_later(recorded):
    reader, *span = recorded(SHOP, blips)
    compared = compare(replay(reader, changed(after=6), *span), 3 * NS_PER_MINUTE)
    assert (compared.now_incidents, compared.new_incidents) == (2, 1)
    ((place, now, new, longest_ns),) = compared.places
    assert (place, now, new) == ("shop/down", 2, 1)
    assert 11 * NS_PER_MINUTE < longest_ns < 15 * NS_PER_MINUTE
    assert compared.channels == {"ops": (4, 2), "boss": (0, 0)}
    assert compared.later_ns == pytest.approx(3 * NS_PER_MINUTE, abs=NS_PER_S)
    assert [each.place for each in compared.missed] == ["shop/down"]
    assert not compared.is_same


def test_a_quicker_rule_sees_outages_sooner(recorded):
    reader, *span = recorded(SHOP, blips)
    compared = compare(replay(reader, changed(after=1), *span))
    assert compared.later_ns == pytest.approx(-2 * NS_PER_MINUTE, abs=NS_PER_S)
    assert (compared.missed, compared.places) == ((), ())


def test_a_draft_tells_nobody_and_misses_its_outages(recorded):
    reader, *span = recorded(SHOP, blips)
    compared = compare(replay(reader, changed(state="draft"), *span))
    assert (compared.new_incidents, compared.channels["ops"]) == (0, (4, 0))
    assert [each.place for each in compared.missed] == ["shop/down", "shop/down"]


def test_another_route_takes_the_notices_to_its_channel(recorded):
    reader, *span = recorded(SHOP, blips)
    compared = compare(replay(reader, replace(SHOP, routes=[Route(to=["boss"])]), *span))
    assert compared.channels == {"ops": (4, 0), "boss": (0, 4)}
    assert compared.places == ()


def test_a_removed_channel_is_shown_with_what_it_was_told(recorded):
    reader, *span = recorded(SHOP, blips)
    fewer = replace(SHOP, channels=SHOP.channels[1:], routes=[Route(to=["boss"])])
    assert compare(replay(reader, fewer, *span)).channels == {"boss": (0, 4), "ops": (4, 0)}


def test_time_in_which_no_process_ran_is_no_silence_of_targets(recorded):
    def stops_and_goes_on(world):
        world.run("1h")
        world.restart("3h")
        world.run("1h")

    reader, *span = recorded(SHOP, stops_and_goes_on)
    found = replay(reader, SHOP, *span)
    assert (found.recorded, found.replayed) == ({}, {})


def test_a_silence_of_one_target_is_judged_by_the_new_rule(recorded):
    def falls_silent(world):
        world.script("shop", "ok 30m, unknown 8m, ok")
        world.run("1h")

    reader, *span = recorded(SHOP, falls_silent)
    quicker = replace(SHOP, targets=[http("shop", rules=[NoData(id="silent", after="5m")]), http("cart")])
    found = replay(reader, quicker, *span)
    assert found.recorded == {}
    assert [each.place for each in found.replayed.values()] == ["shop/silent"]
    assert [(each.subject, each.change) for each in found.taken] == [
        ("shop/silent", "opened"),
        ("shop/silent", "resolved"),
    ]


def test_a_store_that_is_being_written_is_replayed_as_well(recorded):
    reader, *span = recorded(SHOP, blips, stops=False)
    assert compare(replay(reader, SHOP, *span)).is_same


def test_a_renamed_target_goes_on_with_its_samples(recorded):
    reader, *span = recorded(SHOP, blips)
    renamed = replace(SHOP, targets=[http("store", renamed_from=["shop"]), http("cart")])
    compared = compare(replay(reader, renamed, *span))
    assert (compared.matched, compared.missed) == (2, ())


def test_incidents_from_before_the_span_are_left_out_on_both_sides(recorded):
    reader, since_ns, until_ns = recorded(SHOP, blips)
    found = replay(reader, SHOP, since_ns + 30 * NS_PER_MINUTE, until_ns)
    assert places(found.recorded) == places(found.replayed)
    assert len(found.recorded) == 1
    assert told(found.taken) == told(found.told)


def test_the_record_says_what_it_cannot_answer(recorded):
    reader, *span = recorded(SHOP, blips)
    other = replace(
        SHOP,
        targets=[
            http(
                "shop",
                rules=[Threshold(id="old", measure="certificate_expiration", operator="<", value="14d")],
            ),
            http("new"),
        ],
    )
    limits = compare(replay(reader, other, *span)).limits
    assert (
        "no sample keeps what these rules measure, so that they never speak: shop/old (certificate_expiration)"
        in limits
    )
    assert "no samples of new" in limits
    assert "not in the configuration, and not judged: cart" in limits


def test_a_span_without_samples_is_refused(recorded):
    reader, since_ns, _ = recorded(SHOP, blips)
    with pytest.raises(UsageError, match="has no samples in this span"):
        replay(reader, SHOP, since_ns - 48 * NS_PER_HOUR, since_ns - 24 * NS_PER_HOUR)
