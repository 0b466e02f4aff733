"""Situations in which notices wait: what each channel hears, in virtual time, and what the record says meanwhile."""

from itertools import pairwise

import pytest
from watchkeeper.domain.incidents.delivery_plan import HoldKind
from watchkeeper.domain.incidents.notice import NoticeReason
from watchkeeper.domain.incidents.notice_body import notice_document
from watchkeeper.domain.messages.notice_text import notice_text
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Heartbeat, Http
from watchkeeper.domain.specification.routing import (
    Dependency,
    Escalation,
    Flapping,
    Maintenance,
    Route,
    Window,
)
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S, wall_ns_of
from watchkeeper.testing.world import World

QUICK = (Consecutive(id="down", after=2, recover=2),)
OPENED, RESOLVED = "shop/down opened", "shop/down resolved"
OPS, BOSS = Channel(id="ops", log=Log()), Channel(id="boss", log=Log())
MINUTE_NS = 60 * NS_PER_S


def target(name="shop", **fields):
    said = {
        "every": "10s",
        "http": Http(url=f"http://{name}.example/"),
        "rules": QUICK,
        "default_rules": False,
    }
    return Target(id=name, **(said | fields))


def world_of(*targets, at="2026-06-01T12:00:00Z", script="", through_bytes=False, **fields):
    """A world whose wall clock shows a moment; without routes every incident goes to ops."""
    fields = {"routes": (Route(to=["ops"]),), "channels": (OPS, BOSS)} | fields
    world = World(Configuration(targets=targets or (target(),), **fields), through_bytes=through_bytes)
    world.step_wall(wall_ns_of(at) - world.now.wall_ns)
    if script:
        world.script("shop", script)
    return world


def patch(first, last):
    moments = [f"2026-06-01T{clock}:00Z" for clock in (first, last)]
    return {
        "maintenance": (Maintenance(id="patch", match=["target=shop"], from_=moments[0], until=moments[1]),)
    }


# Maintenance.


def test_down_then_maintenance_then_well_in_it_tells_one_recovery_at_its_end():
    world = world_of(script="ok 1m, down 14m, ok", through_bytes=True, **patch("12:05", "12:30"))
    world.run("4m")
    assert world.delivered("ops") == [OPENED]
    world.run("25m")
    assert world.delivered("ops") == [OPENED], "well since 12:15, and told at the end of the maintenance"
    world.run("1h")
    assert world.delivered("ops") == [OPENED, RESOLVED]


def test_down_before_during_and_after_maintenance_is_told_once():
    world = world_of(script="ok 1m, down", **patch("12:05", "12:30"))
    world.run("3h")
    assert world.delivered("ops") == [OPENED]


def test_down_and_well_again_within_maintenance_tells_nothing_and_is_in_the_record():
    world = world_of(script="ok 10m, down 5m, ok", **patch("12:05", "12:30"))
    world.run("3h")
    assert world.delivered("ops") == []
    (incident,) = world.incidents()
    assert incident.lasted_ns > 4 * 60 * NS_PER_S, "the maintenance hides nothing in the record"


def test_down_since_maintenance_is_told_at_its_end():
    world = world_of(script="ok 10m, down", **patch("12:05", "12:30"))
    world.run("29m")
    assert world.delivered("ops") == []
    world.run("90s")
    (notice,) = world.notices("ops")
    assert notice.reason is NoticeReason.CATCH_UP
    assert notice.created_at_ns - wall_ns_of("2026-06-01T12:30:00Z") < 5 * NS_PER_S


def test_overlapping_maintenance_holds_until_the_last_one_ends():
    planned = patch("12:05", "12:30")["maintenance"] + patch("12:20", "12:50")["maintenance"]
    named = [
        Maintenance(id=f"m{at}", match=each.match, from_=each.from_, until=each.until)
        for at, each in enumerate(planned)
    ]
    world = world_of(script="ok 10m, down", maintenance=named)
    world.run("49m")
    assert world.delivered("ops") == []
    world.run("2m")
    assert world.delivered("ops") == [OPENED]


@pytest.mark.parametrize(("minutes", "is_told"), [(60, True), (-60, True), (20, False), (-20, False)])
def test_maintenance_follows_a_wall_clock_that_is_set(minutes, is_told):
    world = world_of(script="down", **patch("11:30", "12:30"))
    world.run("5m")
    world.step_wall(minutes * 60 * NS_PER_S)
    world.run("10s")
    assert world.delivered("ops") == [OPENED] * is_told
    world.step_wall(-minutes * 60 * NS_PER_S)
    world.run("10s")
    assert world.delivered("ops") == [OPENED] * is_told
    world.run("2h")
    assert world.delivered("ops") == [OPENED]


def test_maintenance_survives_a_restart_and_a_crash():
    world = world_of(script="ok 10m, down", **patch("12:05", "12:30"))
    world.run("12m")
    world.restart()
    world.run("5m")
    world.crash()
    world.run("10m")
    assert world.delivered("ops") == []
    world.run("10m")
    assert world.delivered("ops") == [OPENED]


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("2026-03-28", "01:30", "02:30"),
        ("2026-03-29", "01:00", "02:00"),  # 02:30 does not exist: it begins at the first moment after the gap
        ("2026-10-24", "00:30", "01:30"),
        (
            "2026-10-25",
            "00:30",
            "01:30",
        ),  # 02:30 comes twice: it begins once, and an hour later it is 02:30 again
    ],
)
def test_a_daily_window_is_right_on_the_days_on_which_clocks_change(day, first, last):
    nightly = Maintenance(id="n", match=["target=shop"], cron="30 2 * * *", length="1h", zone="Europe/Berlin")
    flips = ", ".join(["down 2m, ok 2m"] * 90)
    world = world_of(target(flapping=False), maintenance=(nightly,), at=f"{day}T00:00:00Z", script=flips)
    world.run("5h")
    told = [notice.created_at_ns for notice in world.notices("ops")]
    held, *shorter = sorted(pairwise(told), key=lambda pair: pair[0] - pair[1])
    assert all(after - before < 5 * MINUTE_NS for before, after in shorter), "it came once"
    begins, ends = (wall_ns_of(f"{day}T{clock}:00Z") for clock in (first, last))
    assert begins - 5 * MINUTE_NS < held[0] < begins, "the last notice before it"
    assert ends <= held[1] < ends + 5 * MINUTE_NS


# Flapping.


def test_three_minutes_down_and_three_up_for_two_hours_are_four_notices():
    spells = ", ".join(["down 3m, ok 3m"] * 20)
    world = world_of(script=f"{spells}, ok")
    world.run("3h")
    assert world.delivered("ops") == [OPENED, RESOLVED] * 2
    assert len(world.incidents()) == 20, "the record has all of them"


def test_a_flapping_target_that_stays_down_is_told_after_twenty_minutes():
    spells = ", ".join(["down 3m, ok 3m"] * 5)
    world = world_of(script=f"{spells}, down")
    world.run("49m")
    assert world.delivered("ops") == [OPENED, RESOLVED] * 2
    world.run("3m")
    assert world.delivered("ops") == [*([OPENED, RESOLVED] * 2), OPENED]
    released = world.notices("ops")[-1]
    assert notice_document(released)["remark"] == "opened 6 times within 1h"
    assert ", opened 6 times within 1h" in notice_text(released).lines[1]
    assert "remark" not in notice_document(world.notices("ops")[0])


def test_a_digest_says_of_its_member_that_it_was_held_for_flapping():
    spells = ", ".join(["down 3m, ok 3m"] * 5)
    route = Route(to=["ops"], group_by=["group"], group_wait="1s", group_interval="1m")
    world = world_of(target(group="shop"), routes=(route,), script=f"{spells}, down", through_bytes=True)
    world.run("55m")
    released = world.notices("ops")[-1]
    assert released.digest.members[0].remark == "opened 6 times within 1h"
    assert "shop/down (opened 6 times within 1h; " in notice_text(released).lines[1]
    assert notice_document(released)["digest"]["members"][0]["remark"] == "opened 6 times within 1h"


def test_flapping_that_begins_while_it_is_down_ends_with_one_recovery():
    spells = ", ".join(["ok 1m, down 1m"] * 20)
    world = world_of(script=f"down 3m, {spells}, ok")
    world.run("3h")
    told = world.delivered("ops")
    assert told == [OPENED, RESOLVED] * 2


@pytest.mark.parametrize("restart", [World.restart, World.crash])
def test_openings_are_counted_over_a_restart(restart):
    spells = ", ".join(["down 3m, ok 3m"] * 20)
    world = world_of(script=spells)
    for _ in range(10):
        world.run("11m")
        restart(world)
    world.run("30m")
    assert world.delivered("ops") == [OPENED, RESOLVED] * 2


def test_a_target_whose_flapping_is_off_is_told_of_each_time():
    spells = ", ".join(["down 3m, ok 3m"] * 6)
    world = world_of(target(flapping=False), script=spells)
    world.run("1h")
    assert world.delivered("ops") == [OPENED, RESOLVED] * 6


@pytest.mark.parametrize("method", ["nagios", "icinga"])
def test_weighed_changes_hold_until_the_target_is_calm_and_then_tell_what_is_true(method):
    spells = ", ".join(["down 30s, ok 30s"] * 20)
    world = world_of(target(flapping=Flapping(method=method)), script=f"{spells}, down")
    world.run("15m")
    held = world.delivered("ops")
    assert len(held) < 8
    world.run("30m")
    assert world.delivered("ops") == [*held, OPENED]


# Dependencies.


def behind(count, **fields):
    rules = (Consecutive(id="down", after=3, recover=1),)
    children = [
        target(f"api-{number}", depends_on=["gateway"], group="api", **fields) for number in range(count)
    ]
    return [*children, target("gateway", rules=rules, notify=("ops",))]


def fall(world, script, names):
    for name in names:
        world.script(name, script)


def test_forty_targets_behind_one_dead_backend_are_one_notice():
    world = world_of(*behind(40))
    fall(world, "ok 5m, down 30m, ok", ("gateway", *(f"api-{number}" for number in range(40))))
    world.run("30m")
    assert world.delivered("ops") == ["gateway/down opened"]
    assert len(world.incidents(open_only=True)) == 41, "each is in the record"
    world.run("1h")
    assert world.delivered("ops") == ["gateway/down opened", "gateway/down resolved"]


def test_five_hundred_children_behind_one_dead_gateway_are_one_notice_and_say_why_they_wait():
    world = world_of(*behind(500, every="1m"))
    names = ["gateway", *(f"api-{number}" for number in range(500))]
    fall(world, "ok 3m, down 10m, ok", names)
    world.run("10m")
    assert world.delivered("ops") == ["gateway/down opened"]
    why = {(waiting.hold.kind, waiting.hold.name) for waiting in world.status().waits}
    assert why == {(HoldKind.DEPENDENCY, "gateway")}
    assert len(world.status().waits) == 500
    world.run("20m")
    assert world.delivered("ops") == ["gateway/down opened", "gateway/down resolved"]
    assert world.status().waits == ()


def test_a_child_that_stays_down_after_its_parents_recovery_is_told_then():
    world = world_of(*behind(2))
    fall(world, "ok 5m, down 30m, ok", ("gateway", "api-0"))
    fall(world, "ok 5m, down", ("api-1",))
    world.run("2h")
    assert world.delivered("ops") == ["gateway/down opened", "gateway/down resolved", "api-1/down opened"]


def test_a_child_that_fails_alone_is_told_with_the_delay_of_one_sample_of_its_parent():
    world = world_of(*behind(1))
    fall(world, "ok 5m, down", ("api-0",))
    world.run("6m")
    assert world.delivered("ops") == ["api-0/down opened"]


def test_a_parent_that_is_silent_holds_nothing_for_ever():
    gateway = Target(id="gateway", heartbeat=Heartbeat(), every="1h", default_rules=False, rules=QUICK)
    world = world_of(target(depends_on=["gateway"]), gateway, script="ok 5m, down")
    world.run("9m")
    assert world.delivered("ops") == []
    world.run("3m")
    assert world.delivered("ops") == [OPENED]


def test_a_grandchild_is_hidden_by_its_grandparent():
    world = world_of(
        target("gateway"), target("api", depends_on=["gateway"]), target("shop", depends_on=["api"])
    )
    fall(world, "ok 5m, down 10m, ok", ("gateway", "api", "shop"))
    world.run("1h")
    assert world.delivered("ops") == ["gateway/down opened", "gateway/down resolved"]


@pytest.mark.parametrize(("dead", "told"), [(("a",), True), (("a", "b"), False)])
def test_a_child_needs_one_of_two_parents(dead, told):
    needs = Dependency(targets=["a", "b"], at_least=1)
    world = world_of(target("a"), target("b"), target(depends_on=needs), script="ok 5m, down")
    fall(world, "ok 5m, down", dead)
    world.run("30m")
    assert (OPENED in world.delivered("ops")) is told


def test_a_paused_parent_lets_its_children_be_told():
    world = world_of(*behind(1))
    fall(world, "ok 5m, down", ("gateway", "api-0"))
    world.run("10m")
    world.pause("gateway")
    world.run("1m")
    assert "api-0/down opened" in world.delivered("ops")


@pytest.mark.parametrize("restart", [World.restart, World.crash])
def test_a_parent_that_is_paused_over_a_restart_lets_its_children_be_told(restart):
    world = world_of(target(depends_on=["gateway"]), target("gateway"))
    fall(world, "ok 5m, down", ("gateway",))
    world.run("10m")
    world.pause("gateway")
    restart(world)
    fall(world, "down", ("shop",))
    world.run("1m")
    assert OPENED in world.delivered("ops")


def test_a_restart_tells_nothing_of_children_whose_parent_is_down():
    world = world_of(*behind(5))
    fall(world, "ok 5m, down", ("gateway", *(f"api-{number}" for number in range(5))))
    world.run("10m")
    world.crash()
    world.run("30m")
    assert world.delivered("ops") == ["gateway/down opened"]


# Groups, reminders, steps and windows.


def test_forty_targets_of_a_group_are_two_posts_while_it_lasts_and_two_for_its_end():
    targets = [target(f"api-{number}", every=f"{10 + number % 7}s", group="api") for number in range(40)]
    world = world_of(*targets, routes=(Route(to=["ops"], group_by=["group"]),), through_bytes=True)
    fall(world, "ok 5m, down 1h, ok", [each.id for each in targets])
    world.run("55m")
    assert 1 <= len(world.notices("ops")) <= 2
    world.run("2h")
    assert len(world.notices("ops")) <= 4
    ended = {
        step.incident_id
        for notice in world.notices("ops")
        for step in notice.steps
        if step.change == "resolved"
    }
    assert len(ended) == 40, "each recovery is told"


def test_unacknowledged_for_23_hours_is_reminded_and_escalated():
    route = Route(to=["ops"], remind_every="4h", escalate=[Escalation(after="15m", to=["boss"])])
    world = world_of(routes=(route,), script="down 23h, ok")
    world.run("14m")
    assert world.delivered("boss") == []
    world.run("22h")
    reasons = [notice.reason for notice in world.notices("ops")]
    assert reasons == [NoticeReason.TRANSITION] + [NoticeReason.REMINDER] * 5
    assert len(world.notices("boss")) == 6
    world.run("2h")
    assert (world.delivered("ops")[-1], world.delivered("boss")[-1]) == (RESOLVED, RESOLVED)


def test_an_acknowledgement_stops_reminders_and_steps():
    route = Route(to=["ops"], remind_every="1h", escalate=[Escalation(after="15m", to=["boss"])])
    world = world_of(routes=(route,), script="down 23h, ok")
    world.run("10m")
    world.acknowledge(world.incidents()[0].id)
    world.run("22h")
    assert [notice.change for notice in world.notices("ops")] == ["opened", "acknowledged"]
    assert world.delivered("boss") == []
    world.run("2h")
    assert world.delivered("ops")[-1] == RESOLVED
    assert world.delivered("boss") == [], "it never heard of the beginning"


def test_a_quiet_window_holds_its_route_alone_until_the_morning():
    nights = Window(id="nights", cron="0 22 * * *", length="9h")
    routes = (Route(to=["ops"], quiet=["nights"], continue_=True), Route(to=["boss"]))
    world = world_of(routes=routes, windows=(nights,), at="2026-06-01T21:00:00Z", script="ok 2h, down")
    world.run("9h")
    assert (world.delivered("ops"), world.delivered("boss")) == ([], [OPENED])
    world.run("2h")
    (notice,) = world.notices("ops")
    assert notice.created_at_ns - wall_ns_of("2026-06-02T07:00:00Z") < 5 * NS_PER_S
