"""A report of a heartbeat whose judgement the record has lost is judged again: the next one may be due a day later."""

import copy

import pytest
from msgspec.structs import replace
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.probe import Heartbeat, Tcp
from watchkeeper.domain.specification.rule import Consecutive

OPENED, RESOLVED = "nightly/down opened", "nightly/down resolved"


@pytest.fixture
def world(watched, shop):
    """A nightly job that was reported 24 h 50 min ago, and counts as missed in 10 minutes."""
    return nightly(watched, shop, after=1)


def job(shop, *, after=1):
    rules = (Consecutive(id="down", after=after, recover=1),)
    return shop("nightly", every="24h", tcp=None, heartbeat=Heartbeat(grace="1h"), rules=rules)


def nightly(watched, shop, *, after):
    made = watched(job(shop, after=after))
    made.run("1h")
    made.heartbeat("nightly")
    made.run("24h50m")
    return made


def crash_sink(world):
    world.system.sink.tell("no message")
    world.run("1m")


def go_back_to(world, kept):
    """The store fails for two minutes, and is then as it was when it was kept."""
    world.store.failing = "commit"
    world.run("2m")
    world.store.inner, world.store.failing = kept, None
    world.run("30m")


def lose_what_is_judged_within(world, length):
    """The sink crashes while nothing can be written: all that it has gathered is gone."""
    world.store.failing = "commit"
    world.run(length)
    crash_sink(world)
    world.store.failing = None
    world.run("30m")


def test_a_missed_heartbeat_that_a_crash_of_the_sink_has_lost_opens_its_incident(world, target_of):
    lose_what_is_judged_within(world, "20m")
    assert world.delivered("ops") == [OPENED]
    assert world.store.changes() == ["opened"]
    assert target_of(world, "nightly").status is Status.DOWN


def test_a_report_that_a_crash_of_the_sink_has_lost_resolves_the_incident(world, target_of):
    world.run("20m")
    world.store.failing = "commit"
    world.heartbeat("nightly")
    lose_what_is_judged_within(world, "1m")
    assert world.delivered("ops") == [OPENED, RESOLVED]
    assert [incident.is_open for incident in world.incidents()] == [False]
    assert target_of(world, "nightly").status is Status.UP


def test_two_failed_reports_that_a_crash_of_the_sink_has_lost_count_as_two(watched, shop):
    world = nightly(watched, shop, after=2)
    world.store.failing = "commit"
    for _ in range(2):
        world.heartbeat("nightly", ok=False)
        world.run("1m")
    lose_what_is_judged_within(world, "1m")
    assert world.delivered("ops") == [OPENED]


def test_a_report_that_is_judged_again_makes_no_later_one_older(world):
    world.run("20m")
    kept = copy.deepcopy(world.store.inner)
    for _ in range(3):
        world.heartbeat("nightly")
        world.run("3h")
    go_back_to(world, kept)
    assert world.delivered("ops") == [OPENED, RESOLVED]
    world.restart()
    world.run("20h")
    assert world.delivered("ops") == [OPENED, RESOLVED]


def test_a_missed_heartbeat_that_a_copy_of_the_store_lacks_opens_its_incident_again(world):
    kept = copy.deepcopy(world.store.inner)
    world.run("1h")
    assert world.delivered("ops") == [OPENED]
    go_back_to(world, kept)
    assert [incident.is_open for incident in world.incidents()] == [True]


def test_a_missed_heartbeat_that_the_record_has_counts_once_however_often_the_sink_crashes(watched, shop):
    world = nightly(watched, shop, after=2)
    world.run("20m")
    for _ in range(3):
        crash_sink(world)
    world.run("22h")
    assert world.delivered("ops") == []
    world.run("3h")
    assert world.delivered("ops") == [OPENED]


def test_a_missed_heartbeat_of_a_removed_target_is_not_judged_for_a_new_one_of_its_name(world, shop):
    target = job(shop)
    world.run("20m")
    world.untrack("nightly")
    world.run("1m")
    world.track(target)
    crash_sink(world)
    world.run("20h")
    assert world.delivered("ops") == [OPENED, RESOLVED]


def test_a_missed_heartbeat_is_not_judged_again_after_its_target_was_checked_meanwhile(watched, shop):
    """The checks leave the state that the missed report found: none, as the job has never been reported."""
    target = job(shop)
    world = watched(target)
    world.run("25h10m")
    assert world.delivered("ops") == [OPENED]
    world.track(replace(target, every="10s", heartbeat=None, tcp=Tcp(host="a", port=1)))
    world.run("1m")
    world.script("nightly", "unknown")
    world.run("1m")
    world.track(target)
    world.run("1m")
    crash_sink(world)
    world.run("20h")
    assert world.delivered("ops") == [OPENED, RESOLVED]


def test_a_missed_heartbeat_is_not_judged_again_after_its_rule_was_taken_away_and_came_back(world, shop):
    target = job(shop)
    world.run("20m")
    world.track(replace(target, rules=(Consecutive(id="other", after=9, recover=1),)))
    world.run("1m")
    world.track(target)
    world.run("1m")
    crash_sink(world)
    world.run("20h")
    assert world.delivered("ops") == [OPENED, RESOLVED]
