"""Runs of a job: their start, their end, their length, and one that does not end."""

import pytest
from msgspec import UNSET
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.rule import WARNED, Consecutive, Threshold
from watchkeeper.protocol.supervisor import Beat
from watchkeeper.testing.world import World

S = 1_000_000_000
MIN = 60 * S
DOWN = Consecutive(id="down", after=1, recover=1)


@pytest.fixture
def world(shop):
    return World([job(shop)])


def job(shop, **fields):
    said = {"every": "24h", "heartbeat": Heartbeat(grace="1h", run_max="30m"), "rules": (DOWN,)} | fields
    return shop("job", tcp=None, **said)


def opened(world):
    return [(each.reason, each.opened_at_ns, each.is_open) for each in world.incidents()]


def figures(world):
    (target,) = world.status().targets
    return {each.name: each.value for each in target.sample.measurements}


def test_a_run_that_does_not_end_in_time_is_missed_at_its_moment(world):
    world.heartbeat("job", start=True, run="one")
    began = world.now.wall_ns
    world.run("31m")
    assert opened(world) == [("run_overdue", began + 30 * MIN, True)]
    assert (
        "run one, which began at 2026-01-01T00:00:00.000Z, has not ended within 30m"
        in world.incidents()[0].summary()
    )


def test_a_run_that_ends_in_time_is_well_and_its_length_is_known(world):
    world.heartbeat("job", start=True, run="one")
    world.run("12m")
    world.heartbeat("job", run="one")
    world.run("1h")
    assert world.incidents() == ()
    assert figures(world) == {"run_time": 12 * 60_000}


def test_a_start_alone_changes_no_status_and_is_no_report(world):
    world.heartbeat("job", ok=False)
    world.run("1m")
    world.heartbeat("job", start=True)
    world.run("1m")
    assert [each.is_open for each in world.incidents()] == [True]


def test_a_success_of_another_run_does_not_end_a_run(world):
    world.heartbeat("job", start=True, run="one")
    world.run("10m")
    world.heartbeat("job", run="two")
    world.run("1s")
    assert figures(world) == {}
    world.run("20m")
    assert [each.reason for each in world.incidents()] == ["run_overdue"]


def test_a_success_of_another_run_does_not_resolve_an_overdue_one(world):
    world.heartbeat("job", start=True, run="one")
    world.run("31m")
    world.heartbeat("job", run="two")
    world.run("1m")
    assert [each.is_open for each in world.incidents()] == [True]
    world.heartbeat("job", run="one")
    world.run("1m")
    assert [each.is_open for each in world.incidents()] == [False]
    assert figures(world) == {"run_time": 32 * 60_000}


@pytest.mark.parametrize("end", [{"ok": False, "run": "two"}, {"ok": False}, {}])
def test_a_failure_and_an_end_without_an_id_end_whatever_runs(world, end):
    world.heartbeat("job", start=True, run="one")
    world.run("10m")
    world.heartbeat("job", **end)
    world.run("1h")
    assert "run_overdue" not in [each.reason for each in world.incidents()]


def test_a_failure_is_down_at_once(world):
    world.heartbeat("job", ok=False)
    world.run("1s")
    assert [each.reason for each in world.incidents()] == ["reported"]


def test_a_new_start_takes_the_place_of_the_one_before(world):
    world.heartbeat("job", start=True, run="one")
    world.run("20m")
    world.heartbeat("job", start=True, run="two")
    world.run("20m")
    assert world.incidents() == ()
    world.heartbeat("job", run="two")
    world.run("1h")
    assert figures(world) == {"run_time": 20 * 60_000}


def test_a_start_that_arrives_twice_counts_once(world):
    start = Beat("job", Outcome.UP, "", world.now, is_start=True, run="one")
    world.tell(start)
    world.run("10m")
    world.heartbeat("job", run="one")
    world.run("1s")
    end = Beat("job", Outcome.UP, "", world.now, run="one")
    world.tell(end)
    world.tell(end)
    world.run("1h")
    assert world.incidents() == ()


@pytest.mark.parametrize("how", [World.restart, World.crash])
def test_a_restart_keeps_a_run_and_when_it_began(world, how):
    world.heartbeat("job", start=True, run="one")
    began = world.now.wall_ns
    world.run("10m")
    how(world, "5m")
    world.run("16m")
    assert opened(world) == [("run_overdue", began + 30 * MIN, True)]
    world.heartbeat("job", run="one")
    world.run("1s")
    assert figures(world) == {"run_time": 31 * 60_000}


@pytest.mark.parametrize("how", [World.restart, World.crash])
def test_a_run_that_ended_before_a_restart_is_over(world, how):
    world.heartbeat("job", start=True, run="one")
    world.run("10m")
    world.heartbeat("job", run="one")
    world.run("1m")
    how(world)
    world.run("1h")
    assert world.incidents() == ()


def test_a_crash_of_the_supervisor_keeps_a_run(world):
    world.heartbeat("job", start=True, run="one")
    world.run("10m")
    world.system.supervisor.tell("no message")
    world.run("21m")
    assert [each.reason for each in world.incidents()] == ["run_overdue"]


def test_an_overdue_run_that_was_counted_before_a_restart_counts_once(shop):
    world = World([job(shop, rules=(Consecutive(id="down", after=2, recover=1),))])
    world.heartbeat("job", start=True, run="one")
    world.run("31m")
    for _ in range(3):
        world.restart()
        world.run("1m")
    assert world.incidents() == ()


def test_a_run_whose_end_may_have_come_in_a_long_stop_is_forgotten(world):
    world.heartbeat("job", start=True, run="one")
    world.run("10m")
    world.restart("2h")
    world.run("1m")
    world.restart("1m")
    world.run("1h")
    assert world.incidents() == ()


@pytest.mark.parametrize("gap", [World.stall, World.suspend])
def test_a_run_whose_end_may_have_come_while_the_machine_slept_is_forgotten(world, gap):
    world.heartbeat("job", start=True, run="one")
    world.run("25m")
    gap(world, "10m")
    world.run("2m")
    world.restart("1m")
    world.run("1h")
    assert world.incidents() == ()


@pytest.mark.parametrize("how", [World.restart, World.crash])
def test_the_sleep_of_the_machine_counts_for_the_length_of_a_run(world, how):
    world.heartbeat("job", start=True, run="one")
    began = world.now.wall_ns
    world.run("10m")
    world.suspend("10m")
    world.run("1m")
    how(world)
    (target,) = world.status().targets
    assert target.running_since_ns == began
    world.run("10m")
    assert opened(world) == [("run_overdue", began + 30 * MIN, True)]
    world.heartbeat("job", run="one")
    world.run("1s")
    assert figures(world) == {"run_time": 31 * 60_000}


def test_a_paused_target_forgets_its_run(world):
    world.heartbeat("job", start=True, run="one")
    world.run("1m")
    world.pause("job")
    world.run("1h")
    world.resume("job")
    world.run("1h")
    assert world.incidents() == ()


def test_rules_judge_the_length_of_a_run_and_its_exit_status(shop):
    slow = Threshold(id="slow", measure="run_time", operator=">", value="10m")
    status = Threshold(id="status", measure="exit_status", operator="==", value=3)
    world = World([job(shop, rules=(slow, status), default_rules=False)])
    world.heartbeat("job", start=True)
    world.run("12m")
    world.tell(Beat("job", Outcome.UP, "", world.now, is_start=UNSET, exit_status=3))
    world.run("1m")
    assert sorted(each.rule for each in world.incidents()) == ["slow", "status"]


def test_conditions_judge_the_length_of_a_run_that_is_known(shop):
    world = World([job(shop, expect=("[RUN_TIME] < 10m",))])
    world.heartbeat("job")
    world.run("1m")
    assert world.incidents() == ()
    world.heartbeat("job", start=True)
    world.run("12m")
    world.heartbeat("job")
    world.run("1m")
    (incident,) = world.incidents()
    assert incident.summary() == "condition_failed: [RUN_TIME] (12m) < 10m"


def test_a_warning_on_the_length_of_a_run_degrades_it(shop):
    world = World([job(shop, warn=("[RUN_TIME] < 10m",), rules=(WARNED,))])
    for _ in range(2):
        world.heartbeat("job", start=True)
        world.run("12m")
        world.heartbeat("job")
    world.run("1m")
    (incident,) = world.incidents()
    assert (incident.rule, incident.severity) == ("warn", "warning")
    assert incident.summary() == "condition_failed: [RUN_TIME] (12m) < 10m"


def test_the_sleep_of_the_machine_counts_while_no_supervisor_lives(world):
    world.heartbeat("job", start=True, run="one")
    world.run("25m")
    for _ in range(20):
        world.system.supervisor.tell("no message")
    world.run("1s")
    world.suspend("10m")
    world.run("30m")
    assert [interval.cause for interval in world.status().blind] == ["suspended"]
    assert world.incidents() == ()
