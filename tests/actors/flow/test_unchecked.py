"""A target that cannot be checked for long is told, by the default rule `silent` and by the health."""

import pytest
from watchkeeper import (
    Channel,
    Configuration,
    Connectivity,
    Consecutive,
    Exec,
    Http,
    Log,
    NoData,
    Observation,
    Outcome,
    Reason,
    RuntimeOptions,
    Target,
)
from watchkeeper.testing.world import World

from tests.actors.flow.driver import run_to_start

NO_ROUTE = Observation(
    outcome=Outcome.UNKNOWN, reason=Reason.BLIND, detail="this machine has no route to 2001:db8::1"
)
PLUGIN = Target(id="raid", every="1m", exec=Exec(argv=("check_raid",)), notify=("ops",))


def site(name="shop", **fields):
    return Target(
        **{"id": name, "every": "30s", "http": Http(url=f"http://{name}/"), "notify": ("ops",)} | fields
    )


def world_of(*targets, **options):
    return World(
        Configuration(
            runtime=RuntimeOptions(notify=(), **options),
            channels=(Channel(id="ops", log=Log()),),
            targets=targets,
        )
    )


def test_a_plugin_that_answers_unknown_for_ever_is_told_after_ten_minutes():
    world = World([PLUGIN])
    world.script("raid", "ok 5m, unknown")
    world.run("14m")
    assert (world.delivered("ops"), world.status().problems) == ([], ())
    world.run("3m")
    assert world.delivered("ops") == ["raid/silent opened"]
    explanation = world.notices("ops")[0].incident.explanation
    assert explanation.startswith("no evidence for too long; the last attempt: ")
    ((part, problem),) = world.status().problems
    assert part == "targets"
    assert problem.startswith("raid cannot be checked; the last attempt of raid: ")


def test_the_problem_of_unchecked_targets_ends_with_their_next_evidence():
    world = World([PLUGIN, site()])
    world.script("raid", "unknown 20m, down")
    world.script("shop", "unknown 25m, ok")
    world.run("15m")
    ((_, problem),) = world.status().problems
    assert problem.startswith("raid, shop cannot be checked")
    world.run("7m")
    ((_, problem),) = world.status().problems
    assert problem.startswith("shop cannot be checked")
    world.run("10m")
    assert world.status().problems == ()


def test_a_target_without_rules_that_cannot_be_checked_shows_in_the_health():
    world = World([site(default_rules=False, rules=(Consecutive(id="down"),))])
    world.script("shop", "unknown")
    world.run("12m")
    assert [part for part, _ in world.status().problems] == ["targets"]


@pytest.mark.parametrize("how", [World.pause, World.untrack])
def test_a_target_that_is_not_checked_any_more_is_no_problem(how):
    world = World([PLUGIN, site()])
    world.script("raid", "unknown")
    world.run("12m")
    assert len(world.status().problems) == 1
    how(world, "raid")
    world.run("2m")
    assert world.status().problems == ()


@pytest.mark.parametrize("gap", [World.suspend, World.stall])
def test_blind_time_makes_no_target_unchecked(gap):
    world = World([PLUGIN])
    world.script("raid", "ok 5m, unknown 8m, ok")
    world.run("10m")
    gap(world, "1h")
    world.run("5m")
    assert (world.delivered("ops"), world.status().problems) == ([], ())


@pytest.mark.parametrize("gap", [World.suspend, World.stall])
def test_short_gaps_again_and_again_hide_no_target_that_cannot_be_checked(gap):
    world = World([PLUGIN])
    world.script("raid", "ok 5m, unknown")
    for _ in range(3):
        world.run("9m")
        gap(world, "6s")
    assert world.delivered("ops") == ["raid/silent opened"]
    assert [part for part, _ in world.status().problems] == ["targets"]


@pytest.mark.parametrize("gap", [World.suspend, World.stall])
@pytest.mark.parametrize("first", ["29s", "31s", "62s", "89s"])
def test_a_gap_just_before_evidence_makes_no_target_silent(gap, first):
    world = World([site(rules=(NoData(id="silent", after="31s"),))])
    world.run(first)
    for _ in range(10):
        gap(world, "10m")
        world.run("28s")
    world.run("10m")
    assert world.delivered("ops") == []


@pytest.mark.parametrize("how", [World.crash, World.restart])
def test_a_restart_after_a_gap_hides_no_target_that_cannot_be_checked(how):
    world = World([PLUGIN])
    world.script("raid", "ok 5m, unknown")
    for _ in range(3):
        world.run("7m")
        world.suspend("6s")
        world.run("2m")
        how(world)
    assert world.delivered("ops") == ["raid/silent opened"]


def test_the_own_network_gone_makes_no_target_unchecked():
    world = world_of(site("gateway"), site(), connectivity=Connectivity(targets=("gateway",), every="30s"))
    for name in world.targets:
        world.script(name, "ok 5m, down 2h, ok")
    world.run("90m")
    assert [part for part, _ in world.status().problems] == ["network"]
    world.run("2h")
    assert (world.delivered("ops"), world.status().problems) == ([], ())


def test_a_network_that_never_stood_is_told_as_silence():
    """A named gateway that never answers, or a host without IPv6 with IPv6 targets alone, lasts."""
    world = world_of(site("gateway"), site(), connectivity=Connectivity(targets=("gateway",), every="30s"))
    for name in world.targets:
        world.script(name, "down")
    world.run("15m")
    assert sorted(world.delivered("ops")) == ["gateway/silent opened", "shop/silent opened"]
    assert [part for part, _ in world.status().problems] == ["network", "targets"]


def test_targets_of_a_family_that_the_host_lacks_are_told(driven):
    world = driven(site("v6", every="1m"))
    while not world.incidents():
        world.prober.answer(run_to_start(world), NO_ROUTE)
        world.run("50s")
    assert [(incident.target, incident.rule) for incident in world.incidents()] == [("v6", "silent")]
    assert "no route to 2001:db8::1" in world.incidents()[0].explanation
