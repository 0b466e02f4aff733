"""A heartbeat that reports by a schedule: when it is missed, through restarts, gaps and clocks that are set."""

from datetime import datetime

import pytest
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.testing.world import World

S = 1_000_000_000
H = 3_600 * S


def at(text):
    return round(datetime.fromisoformat(text).timestamp()) * S


def nightly(shop, heartbeat=None, after=1):
    """Reports at three at night in Berlin; the world begins at midnight UTC of the first of January, an hour later there."""
    spec = heartbeat or Heartbeat(schedule="0 3 * * *", zone="Europe/Berlin", grace="1h")
    rules = (Consecutive(id="down", after=after, recover=1),)
    return shop("nightly", every="30s", tcp=None, heartbeat=spec, rules=rules)


def opened(world):
    return [incident.opened_at_ns for incident in world.incidents()]


def test_a_report_is_missed_at_the_end_of_the_grace_after_its_moment(shop):
    world = World([nightly(shop)])
    world.run("3h")
    (incident,) = world.incidents()
    assert incident.opened_at_ns == at("2026-01-01T03:00:00+00:00")
    assert (
        incident.summary() == "heartbeat_missed: no heartbeat in time: expected 03:00 CET, grace until 04:00"
    )


def test_the_moment_that_was_due_is_recorded_however_late_it_is_noticed(shop):
    world = World([nightly(shop)])
    world.run("2h59m59s")
    world.stall("900ms")
    world.run("1s")
    world.stall("1s")
    world.run("5s")
    assert opened(world) == [at("2026-01-01T03:00:00+00:00")]


def test_reports_after_each_moment_keep_a_job_well(shop):
    world = World([nightly(shop)])
    for _ in range(5):
        world.run("2h30m")
        world.heartbeat("nightly")
        world.run("21h30m")
    assert world.incidents() == ()


def test_a_report_before_its_moment_is_none_for_it(shop):
    world = World([nightly(shop)])
    world.run("1h59m")
    world.heartbeat("nightly")
    world.run("1h2m")
    assert opened(world) == [at("2026-01-01T03:00:00+00:00")]


def test_a_dead_job_is_missed_at_each_moment_of_its_schedule(shop):
    world = World([nightly(shop, after=3)])
    world.run("50h")
    assert world.incidents() == ()
    world.run("2h")
    assert len(world.incidents()) == 1


def test_a_schedule_that_never_comes_again_is_never_missed(shop):
    world = World([nightly(shop, Heartbeat(schedule="0 0 30 2 *"))])
    world.run("100h")
    assert world.incidents() == ()


@pytest.mark.parametrize("how", [World.restart, World.crash])
def test_a_restart_every_day_hides_no_silent_job(shop, how):
    world = World([nightly(shop)])
    world.run("2h30m")
    world.heartbeat("nightly")
    for _ in range(5):
        world.run("10h")
        how(world)
    assert opened(world) == [at("2026-01-02T03:00:00+00:00")]


def test_a_miss_that_became_due_in_a_short_stop_is_dated_at_its_moment(shop):
    world = World([nightly(shop)])
    world.run("2h45m")
    world.restart("30m")
    world.run("1s")
    assert opened(world) == [at("2026-01-01T03:00:00+00:00")]


def test_a_moment_within_a_long_stop_is_not_missed_and_the_next_one_is(shop):
    world = World([nightly(shop)])
    world.run("1h")
    world.restart("8h")
    world.run("1s")
    assert world.incidents() == ()
    world.run("20h")
    assert opened(world) == [at("2026-01-02T03:00:00+00:00")]


def test_a_long_stop_before_its_moment_puts_nothing_off(shop):
    world = World([nightly(shop)])
    world.run("2h30m")
    world.heartbeat("nightly")
    world.run("1h")
    world.restart("20h")
    world.run("5h")
    assert opened(world) == [at("2026-01-02T03:00:00+00:00")]


def test_a_miss_that_was_counted_before_a_restart_counts_once(shop):
    world = World([nightly(shop, after=2)])
    world.run("4h")
    for _ in range(3):
        world.restart()
        world.run("1h")
    assert world.incidents() == ()


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_is_set_moves_the_moment_with_it(shop, hours):
    world = World([nightly(shop)])
    world.run("30m")
    world.heartbeat("nightly")
    world.run("5s")
    world.step_wall(hours * H)
    world.run("1s")
    was = world.now.wall_ns
    world.run("25h")
    expected = at("2026-01-01T03:00:00+00:00") if hours < 0 else at("2026-01-02T03:00:00+00:00")
    assert was < expected
    assert opened(world) == [expected]


def test_a_night_through_which_the_machine_slept_is_not_missed(shop):
    world = World([nightly(shop)])
    world.run("1h")
    world.suspend("6h")
    world.run("1m")
    assert world.incidents() == ()
    world.run("21h")
    assert opened(world) == [at("2026-01-02T03:00:00+00:00")]


def test_a_machine_that_slept_before_the_moment_waits_by_the_clock_on_the_wall(shop):
    world = World([nightly(shop)])
    world.run("10m")
    world.suspend("1h")
    world.run("1h51m")
    assert opened(world) == [at("2026-01-01T03:00:00+00:00")]


def test_a_new_schedule_counts_from_the_last_report(shop):
    world = World([nightly(shop)])
    world.run("30m")
    world.heartbeat("nightly")
    world.track(nightly(shop, Heartbeat(schedule="Thu 01:00", grace="15m")))
    world.run("46m")
    assert opened(world) == [at("2026-01-01T01:15:00+00:00")]
