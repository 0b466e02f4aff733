"""Targets that are probed from several locations, in virtual time: what opens an incident, what ends it, and what is said."""

import pytest
from watchkeeper import Http, Target
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.testing import World

PLACES = ("fra", "iad", "syd")


def world_of(script, **fields):
    given = {"locations": PLACES, "every": "10s", "notify": ("ops",)} | fields
    made = World([Target(id="shop", http=Http(url="http://shop.example/"), **given)])
    made.script("shop", script)
    return made


def seen(world):
    (row,) = world.status().targets
    return row.status, row.sample.explanation()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("down from fra 30m, ok", []),
        ("hang from fra iad 30m, ok", []),
        ("hang 30m, ok", []),
        ("down from fra hang from iad syd 30m, ok", []),
        ("down from fra hang from iad 30m, ok", []),
        ("unknown from fra iad 30m, ok", []),
        ("down from fra iad 30m, ok", ["shop/down opened", "shop/down resolved"]),
        ("down from fra iad hang from syd 30m, ok", ["shop/down opened", "shop/down resolved"]),
        ("down 30m, ok", ["shop/down opened", "shop/down resolved"]),
    ],
)
def test_a_quorum_opens_one_incident_and_less_opens_none(script, told):
    world = world_of(f"ok 5m, {script}")
    world.run("1h")
    assert world.delivered("ops") == told


@pytest.mark.parametrize("gone", ["hang", "hang from fra iad"])
def test_silent_locations_do_not_end_an_incident_either(gone):
    world = world_of(f"ok 5m, down from fra iad 5m, {gone}")
    world.run("1h")
    assert world.delivered("ops") == ["shop/down opened"]
    assert seen(world)[0] is Status.DOWN


def test_a_target_that_no_location_reaches_is_a_problem_of_the_watchkeeper_and_not_of_the_target():
    world = world_of("ok 5m, hang")
    world.run("30m")
    assert seen(world) == (Status.UNKNOWN, "location_silent: no answer from fra, iad and syd")
    ((part, said),) = world.status().problems
    assert part == "targets"
    assert "no answer from fra, iad and syd" in said


def test_the_notice_says_from_where():
    world = world_of("ok 5m, down from fra iad")
    world.run("10m")
    (notice,) = world.notices("ops")
    assert notice.incident.explanation == "connection_refused: down from fra and iad, up from syd"


def test_each_location_is_in_the_newest_sample():
    world = world_of("ok 5m, down from fra hang from syd")
    world.run("10m")
    (row,) = world.status().targets
    assert [(each.location, each.outcome, each.reason) for each in row.sample.locations] == [
        ("fra", Outcome.DOWN, Reason.CONNECTION_REFUSED),
        ("iad", Outcome.UP, Reason.OK),
        ("syd", Outcome.UNKNOWN, Reason.LOCATION_SILENT),
    ]
    assert row.sample.to_dict()["locations"][1]["latency_ms"] == 5


@pytest.mark.parametrize(("quorum", "told"), [(1, ["shop/down opened"]), (2, []), (3, [])])
def test_the_quorum_is_as_stated(quorum, told):
    world = world_of("ok 5m, down from fra", quorum=quorum)
    world.run("30m")
    assert world.delivered("ops") == told


def test_a_target_that_must_fail_is_turned_at_each_location():
    world = world_of("down 5m, ok from fra 20m, ok from fra iad", upside_down=True)
    world.run("20m")
    assert seen(world) == (
        Status.UP,
        "locations_differ: down from fra (unexpected_answer), up from iad and syd",
    )
    world.run("20m")
    assert seen(world) == (Status.DOWN, "unexpected_answer: down from fra and iad, up from syd")


def test_a_word_with_a_fact_is_judged_by_the_conditions():
    world = world_of("ok 5m, status 503", expect=("[STATUS] == 200",))
    world.run("10m")
    assert seen(world) == (Status.DOWN, "condition_failed: [STATUS] (503) == 200")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("down from sydney 5m, ok", "is not probed from 'sydney': it is probed from fra, iad, syd"),
        ("down from 5m, ok", "`from` needs a location"),
        ("down from fra hang from fra, ok", "`from` needs a location that is not named before"),
        ("down from fra, ok", "needs exactly one length"),
        ("slow 1s from fra 5m, ok", "'from' is no duration"),
    ],
)
def test_a_script_with_a_wrong_location_is_refused(script, said):
    with pytest.raises(ValueError, match=said):
        world_of(script)


def test_a_location_of_a_target_without_any_is_refused():
    world = World([Target(id="shop", http=Http(url="http://shop.example/"))])
    with pytest.raises(ValueError, match="it has no locations"):
        world.script("shop", "down from fra")


def test_a_target_with_locations_can_be_tracked_while_it_runs():
    world = world_of("ok")
    world.track(Target(id="other", every="10s", http=Http(url="http://h/"), locations=("syd",)))
    world.script("other", "hang from syd")
    world.run("1m")
    assert world.status()["other"].sample.reason is Reason.LOCATION_SILENT
