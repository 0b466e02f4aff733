"""A drill takes the way of every incident, is marked wherever it is told, and ends by itself."""

import json

import pytest
from watchkeeper import Channel, Configuration, Http, Route, RuntimeOptions, Target, UnknownName, UsageError
from watchkeeper.domain.incidents.notice_body import notice_body
from watchkeeper.domain.messages.notice_text import notice_text
from watchkeeper.testing.world import World

OPS, BOSS = (Channel(id=name, webhook={"url": f"http://{name}.example/"}) for name in ("ops", "boss"))
SHOP = Target(id="shop", every="10s", http=Http(url="http://shop.example/"))
ROUTES = (
    Route(id="shop", match=["group=shop"], to=["ops"], escalate=[{"after": "15m", "to": ["boss"]}]),
    Route(id="rest", to=["boss"], group_by=["group"], group_wait="30s"),
)


def world_of(routes=ROUTES, channels=(OPS, BOSS), **more):
    return World(
        Configuration(
            runtime=RuntimeOptions(notify=[]), channels=channels, targets=[SHOP], routes=routes, **more
        ),
        through_bytes=True,
    )


def told(world, channel):
    return [notice.type.removeprefix("incident.") for notice in notices(world, channel)]


def notices(world, channel):
    return list(world.messengers[channel].accepted.values())


def test_a_drill_is_told_by_its_route_whatever_that_matches():
    world = world_of()
    world.drill("shop", length="5m")
    world.run("10m")

    assert told(world, "ops") == ["opened", "resolved"]
    assert told(world, "boss") == []


def test_a_drill_is_marked_wherever_it_is_told():
    world = world_of()
    world.drill("shop", "ann", length="5m")
    world.run("10m")
    opened, resolved = notices(world, "ops")

    assert notice_text(opened).title == "[DRILL, critical] watchkeeper: drill"
    assert notice_text(resolved).title == "[DRILL, resolved] watchkeeper: drill"
    assert "this is a drill of the route shop, asked for by ann: nothing is wrong" in notice_text(opened).body
    assert all(json.loads(notice_body(notice))["drill"] is True for notice in (opened, resolved))


def test_a_drill_is_an_incident_of_the_record_and_of_no_target():
    world = world_of()
    name = world.drill("shop")
    (incident,) = world.status().incidents

    assert (incident.id, incident.target, incident.rule, incident.drill.route) == (
        name,
        "watchkeeper",
        "drill",
        "shop",
    )
    assert all(target.status.value != "down" for target in world.status().targets)


def test_a_drill_ends_on_command():
    world = world_of()
    name = world.drill("shop")
    world.run("1m")
    world.end_drill(name)
    world.run("1m")

    assert told(world, "ops") == ["opened", "resolved"]
    assert world.status().incidents == ()
    with pytest.raises(UnknownName, match="no open incident"):
        world.end_drill(name)


def test_an_escalation_is_drilled_where_the_drill_lasts():
    world = world_of()
    world.drill("shop", length="20m")
    world.run("30m")

    assert told(world, "boss") == ["opened", "resolved"]


def test_an_acknowledged_drill_escalates_no_further():
    world = world_of()
    name = world.drill("shop", length="20m")
    world.run("1m")
    world.acknowledge(name, "ann")
    world.run("30m")

    assert told(world, "ops") == ["opened", "acknowledged", "resolved"]
    assert told(world, "boss") == []


def test_a_drill_waits_for_its_group_and_shares_its_digest_with_nothing_else():
    world = world_of()
    world.script("shop", "down")
    world.run("10m")
    before = len(notices(world, "boss"))
    world.drill("rest", length="5m")
    world.run("20s")
    assert len(notices(world, "boss")) == before, "the group waits"
    world.run("20m")
    drilled = notices(world, "boss")[before:]

    assert [notice.is_drill for notice in drilled] == [True, True]
    assert [notice.change.value for notice in drilled] == ["opened", "resolved"]
    assert notice_text(drilled[0]).title.startswith("[DRILL, ")


@pytest.mark.parametrize(("despite", "count"), [(False, 0), (True, 2)])
def test_a_quiet_window_holds_a_drill_back_unless_it_is_told_not_to(despite, count):
    route = Route(id="shop", to=["ops"], quiet=["always"])
    always = {"id": "always", "cron": "0 * * * *", "length": "1h"}
    world = world_of([route], windows=[always])
    world.run("5m")
    world.drill("shop", length="5m", despite_holds=despite)
    world.run("10m")

    assert len(told(world, "ops")) == count


@pytest.mark.parametrize(("despite", "count"), [(False, 0), (True, 2)])
def test_a_silence_of_everything_holds_a_drill_back_unless_it_is_told_not_to(despite, count):
    world = world_of()
    world.silence("watchkeeper", "1h")
    world.drill("shop", length="5m", despite_holds=despite)
    world.run("10m")

    assert len(told(world, "ops")) == count


def test_drills_that_run_at_once_are_told_and_end_each_by_itself():
    world = world_of()
    first = world.drill("shop", length="5m")
    world.run("1m")
    second = world.drill("shop", length="15m")
    world.drill("rest", length="5m")
    world.run("2m")
    assert told(world, "ops") == ["opened", "opened"]
    assert told(world, "boss") == ["digest.opened"]
    world.end_drill(second)
    world.run("10m")

    assert [notice.incident.id for notice in notices(world, "ops")] == [first, second, second, first]
    assert told(world, "boss") == ["digest.opened", "digest.resolved"]
    assert world.status().incidents == ()


def test_drills_in_a_row_are_no_flapping():
    world = world_of()
    for _ in range(6):
        world.drill("shop", length="1m")
        world.run("3m")

    assert told(world, "ops") == ["opened", "resolved"] * 6


@pytest.mark.parametrize("end", ["restart", "crash"])
def test_a_drill_ends_after_the_process_that_began_it(end):
    world = world_of()
    world.drill("shop", length="5m")
    world.run("2m")
    getattr(world, end)()
    world.run("10m")

    assert told(world, "ops") == ["opened", "resolved"]


def test_a_route_without_an_id_is_drilled_by_its_place():
    world = world_of([Route(to=["ops"])])
    world.drill("routes[0]", length="1m")
    world.run("5m")

    assert told(world, "ops") == ["opened", "resolved"]


@pytest.mark.parametrize(
    ("route", "how", "error", "says"),
    [
        ("shap", {}, UnknownName, "no route is named shap, did you mean shop"),
        ("elsewhere", {}, UnknownName, "no route is named elsewhere: there are .*shop"),
        ("shop", {"length": "2d"}, UsageError, "at most a day"),
        ("shop", {"severity": "loud"}, ValueError, "loud"),
    ],
)
def test_a_drill_that_cannot_be_is_refused(route, how, error, says):
    with pytest.raises(error, match=says):
        world_of().drill(route, **how)


def test_a_configuration_without_routes_says_so():
    with pytest.raises(UnknownName, match="the configuration has no routes"):
        world_of(()).drill("shop")
