"""The runtime's own problems are told as incidents of `watchkeeper`: once each, and not by the channel that has one."""

import pytest
from msgspec.structs import replace
from watchkeeper import Channel, Configuration, Consecutive, Http, Log, RuntimeOptions, Target
from watchkeeper.domain.incidents.record import Checkpoint
from watchkeeper.domain.limits import GENERATIONS_PER_RUN
from watchkeeper.protocol.sink import RecordSamples
from watchkeeper.testing.world import World

FAILING = "status 503"
BEGUN, OVER = "watchkeeper/channel ops opened", "watchkeeper/channel ops resolved"


def world_of(told=None, channels=("ops", "mail"), more=(), **fields):
    """A world with a shop that is down for as long as a test lasts, so that there is a notice to deliver."""
    shop = Target(
        **{
            "id": "shop",
            "every": "10s",
            "http": Http(url="http://shop/"),
            "rules": (Consecutive(id="down", after=3),),
            "notify": ("ops", "mail"),
            **fields,
        }
    )
    world = World(
        Configuration(
            runtime=RuntimeOptions(notify=told),
            channels=tuple(Channel(id=name, log=Log()) for name in channels),
            targets=(shop, *(replace(shop, id=name) for name in more)),
        )
    )
    world.script("shop", "ok 1m, down")
    return world


def own(world, channel):
    return [said for said in world.delivered(channel) if said.startswith("watchkeeper/")]


def test_a_channel_that_is_stuck_is_told_to_the_others_once_it_lasts():
    world = world_of()
    world.script_channel("ops", FAILING)
    world.run("6m")
    assert own(world, "mail") == []
    world.run("3h")
    assert own(world, "mail") == [BEGUN]
    (incident,) = [each for each in world.incidents() if each.target == "watchkeeper"]
    assert incident.severity == "warning"
    assert incident.cause

    world.script_channel("ops", "ok")
    world.run("2h")
    assert own(world, "mail") == [BEGUN, OVER]
    assert own(world, "ops") == []


def test_a_channel_that_fails_for_a_moment_is_not_told():
    world = world_of()
    world.script_channel("ops", FAILING)
    world.run("3m")
    world.script_channel("ops", "ok")
    world.run("3h")
    assert (own(world, "mail"), own(world, "ops")) == ([], [])


def test_two_stuck_channels_make_one_incident_each():
    world = world_of()
    for name in ("ops", "mail"):
        world.script_channel(name, FAILING)
    world.run("30h")
    told = [incident.rule for incident in world.incidents() if incident.target == "watchkeeper"]
    assert sorted(told) == ["channel mail", "channel ops"]


def test_a_problem_of_which_nobody_can_be_told_is_shown_by_the_health_alone():
    world = world_of(channels=("ops",), notify=("ops",))
    world.script_channel("ops", FAILING)
    world.run("3h")
    assert [incident.target for incident in world.incidents()] == ["shop"]
    assert [part for part, _ in world.status().problems] == ["channel ops"]


@pytest.mark.parametrize(("told", "mail"), [(None, [BEGUN]), (("mail",), [BEGUN]), (("ops",), []), ((), [])])
def test_the_named_channels_are_told_by_default_all_that_are_used(told, mail):
    world = world_of(told)
    world.script_channel("ops", FAILING)
    world.run("1h")
    assert own(world, "mail") == mail


@pytest.mark.parametrize("again", [World.restart, World.crash])
def test_a_restart_repeats_no_problem_and_loses_no_end(again):
    world = world_of()
    world.script_channel("ops", FAILING)
    world.run("1h")
    again(world, "1m")
    world.run("1h")
    assert own(world, "mail") == [BEGUN]
    again(world, "1m")
    world.script_channel("ops", "ok")
    world.run("2h")
    assert own(world, "mail") == [BEGUN, OVER]


def test_an_owner_that_crashes_repeats_no_problem():
    world = world_of()
    world.script_channel("ops", FAILING)
    world.run("1h")
    world.system.owner.tell(object())
    world.run("1h")
    assert own(world, "mail") == [BEGUN]


def test_a_store_that_fails_is_told_once_it_can_be_written():
    world = world_of(notify=("ops",), channels=("ops",))
    world.run("5m")
    world.fill_store("10m")
    world.run("9m")
    assert own(world, "ops") == []
    world.run("11m")
    assert own(world, "ops") == ["watchkeeper/store opened", "watchkeeper/store resolved"]


def test_an_acknowledged_problem_is_told_at_its_end_alone():
    world = world_of()
    world.script_channel("ops", FAILING)
    world.run("1h")
    (incident,) = [each for each in world.incidents() if each.target == "watchkeeper"]
    world.acknowledge(incident.id, "ann", "the provider knows")
    world.run("1h")
    (seen,) = [each for each in world.incidents() if each.target == "watchkeeper"]
    assert (seen.acknowledged_by, seen.note) == ("ann", "the provider knows")
    world.script_channel("ops", "ok")
    world.run("2h")
    assert own(world, "mail")[-1] == OVER


def test_a_recorded_state_that_cannot_be_read_costs_its_target_its_count_and_no_other_anything():
    """Two targets count bad samples when the process ends; the state of one is of no known form afterwards."""
    world = world_of(more=("post",))
    world.script("post", "ok 1m, down")
    world.run("75s")
    assert world.incidents() == ()
    of_no_form = Checkpoint("shop", b"\xc1", world.status().at_ns)
    world.system.sink.tell(RecordSamples(GENERATIONS_PER_RUN + 1, (), (), (of_no_form,)))
    world.restart()
    world.run("12s")
    status = world.status()
    assert [each.rule for each in world.incidents() if each.target == "post"] == ["down"]
    assert [each for each in world.incidents() if each.target == "shop"] == []
    assert dict(status.counters)["checkpoints_unreadable"] == 1
    ((part, text),) = status.problems
    assert part == "state of rules"
    assert text.startswith("the recorded state of the rules of shop could not be read")
    world.run("30s")
    assert [each.rule for each in world.incidents() if each.target == "shop"] == ["down"]
    world.run("2m")
    assert own(world, "mail") == ["watchkeeper/state of rules opened"]
    world.run("3m")
    assert world.status().problems == ()
    assert own(world, "mail") == ["watchkeeper/state of rules opened", "watchkeeper/state of rules resolved"]
