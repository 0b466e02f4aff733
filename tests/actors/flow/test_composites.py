"""Composite targets and targets that must fail, in a whole system in virtual time."""

import pytest
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration, RuntimeOptions
from watchkeeper.domain.specification.probe import Composite, Tcp
from watchkeeper.domain.specification.rule import Consecutive, NoData
from watchkeeper.domain.specification.target import Target
from watchkeeper.testing.world import World

QUICK = (Consecutive(id="down", after=2, recover=2), NoData(id="silent", after="2m"))


def member(name, **fields):
    said = {"every": "10s", "tcp": Tcp(host=name, port=1), "default_rules": False} | fields
    return Target(id=name, **said)


def pair(**fields):
    composite = fields.pop("composite", Composite(worst_of=("a", "b")))
    said = {"every": "10s", "rules": QUICK, "default_rules": False, "notify": ("ops",)} | fields
    return Target(id="pair", composite=composite, **said)


def world_of(*targets, scripts=None, store=None):
    configuration = Configuration(
        runtime=RuntimeOptions(store=store),
        channels=(Channel(id="ops", log=Log()),),
        targets=targets or (member("a"), member("b"), pair()),
    )
    world = World(configuration, through_bytes=True)
    for name, script in (scripts or {}).items():
        world.script(name, script)
    return world


def row(world, name="pair"):
    return world.status()[name]


def test_a_composite_target_goes_down_with_a_member_and_comes_back_with_it():
    world = world_of(scripts={"a": "ok 5m, down 5m, ok"})
    world.run("4m")
    assert (row(world).kind, row(world).status) == ("composite", Status.UP)
    assert row(world).sample.detail == "2 of 2 well"
    world.run("3m")
    assert world.delivered("ops") == ["pair/down opened"]
    (incident,) = world.incidents(open_only=True)
    assert incident.cause == "reported: 1 of 2 well; down: a"
    world.run("10m")
    assert world.delivered("ops") == ["pair/down opened", "pair/down resolved"]


def test_a_member_that_is_one_of_enough_makes_it_degraded_and_opens_nothing():
    composite = Composite(targets=("a", "b", "c"), at_least=2)
    targets = (*map(member, "abc"), pair(composite=composite))
    world = world_of(*targets, scripts={"a": "ok 2m, down", "b": "ok 10m, down"})
    world.run("8m")
    assert row(world).status is Status.DEGRADED
    assert world.delivered("ops") == []
    world.run("5m")
    assert world.delivered("ops") == ["pair/down opened"]


def test_a_pause_of_the_member_that_is_down_ends_the_incident():
    world = world_of(scripts={"a": "ok 2m, down"})
    world.run("5m")
    world.pause("a")
    world.run("1m")
    assert world.delivered("ops") == ["pair/down opened", "pair/down resolved"]
    assert row(world).sample.detail == "1 of 1 well; left out: a"
    world.resume("a")
    world.run("1m")
    assert world.delivered("ops")[-1] == "pair/down opened"


def test_members_that_say_nothing_are_silence_of_the_composite_target():
    world = world_of(scripts={"a": "ok 2m, unknown 6m, ok"})
    world.run("3m")
    assert row(world).raw is Status.UNKNOWN
    world.run("5m")
    assert world.delivered("ops") == ["pair/silent opened"]
    (incident,) = world.incidents(open_only=True)
    assert incident.cause.endswith("reported: 1 of 2 well; unknown: a")
    world.run("3m")
    assert world.delivered("ops") == ["pair/silent opened", "pair/silent resolved"]


def test_a_removed_member_is_left_out_and_one_that_comes_back_counts():
    world = world_of(scripts={"a": "ok 2m, down"})
    world.run("1m")
    world.untrack("a")
    world.run("5m")
    assert world.delivered("ops") == []
    world.track(member("a"))
    world.run("2m")
    assert world.delivered("ops") == ["pair/down opened"]


def test_a_restart_tells_nothing_twice():
    world = world_of(scripts={"a": "ok 2m, down 10m, ok"})
    world.run("5m")
    world.restart("1m")
    world.run("2m")
    assert world.delivered("ops") == ["pair/down opened"]
    world.run("10m")
    assert world.delivered("ops") == ["pair/down opened", "pair/down resolved"]


def test_a_gap_leaves_nothing_known_of_the_members():
    """The samples from before a suspension are no evidence of the time after it."""
    slow = [member(name, every="10m") for name in "ab"]
    world = world_of(*slow, pair(rules=QUICK[:1]), scripts={"a": "down"})
    world.run("1m30s")
    assert row(world).raw is Status.DOWN
    world.suspend("30s")
    world.run("20s")
    assert row(world).sample.detail == "0 of 2 well; unknown: a, b"


def test_a_command_makes_a_sample_at_once():
    world = world_of(member("a"), member("b"), pair(every="1h", rules=QUICK[:1]))
    world.run("1m")
    world.check_now("pair")
    world.run("1s")
    assert row(world).sample.detail == "2 of 2 well"


def test_a_composite_target_may_be_a_member():
    top = Target(
        id="top", every="10s", composite=Composite(worst_of=("pair",)), rules=QUICK, default_rules=False
    )
    world = world_of(member("a"), member("b"), pair(), top, scripts={"a": "ok 2m, down"})
    world.run("5m")
    assert row(world, "top").status is Status.DOWN


def test_a_target_becomes_a_composite_one_and_back_again():
    world = world_of(member("a"), member("b"), pair(), scripts={"pair": "down", "a": "ok", "b": "ok"})
    world.track(member("pair", rules=QUICK, notify=("ops",)))
    world.run("2m")
    assert world.delivered("ops") == ["pair/down opened"]
    world.track(pair())
    world.run("1m")
    assert world.delivered("ops") == ["pair/down opened", "pair/down resolved"]


def test_no_problem_is_told_of_a_composite_target_that_cannot_be_judged():
    """Its members are told of: they are the ones that cannot be checked."""
    world = world_of(scripts={"a": "unknown", "b": "unknown"})
    world.run("30m")
    said = repr(world.status().problems)
    assert "'a'" in said or "a, b" in said
    assert "pair" not in said


@pytest.mark.parametrize(("script", "told"), [("ok", ["shut/down opened"]), ("down", []), ("hang", [])])
def test_a_target_that_must_fail_is_bad_when_it_answers(script, told):
    world = world_of(member("shut", rules=QUICK, upside_down=True, notify=("ops",)), scripts={"shut": script})
    world.run("5m")
    assert world.delivered("ops") == told
    assert row(world, "shut").status is (Status.DOWN if told else Status.UP)


def test_a_target_that_must_fail_is_a_member_as_it_is_judged():
    targets = (member("a", upside_down=True), member("b"), pair())
    world = world_of(*targets, scripts={"a": "down", "b": "ok"})
    world.run("2m")
    assert row(world).sample.detail == "2 of 2 well"


def test_a_composite_target_may_have_to_fail():
    world = world_of(member("a"), member("b"), pair(upside_down=True), scripts={"a": "ok 3m, down"})
    world.run("2m")
    assert world.delivered("ops") == ["pair/down opened"]
    world.run("3m")
    assert world.delivered("ops") == ["pair/down opened", "pair/down resolved"]
