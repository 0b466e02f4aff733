"""A report of a heartbeat whose judgement the record has lost is judged again: the next one may be due a day later."""

import copy

import pytest
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.rule import Consecutive

OPENED, RESOLVED = "nightly/down opened", "nightly/down resolved"


@pytest.fixture
def world(watched, shop):
    """A nightly job that was reported 24 h 50 min ago, and counts as missed in 10 minutes."""
    return nightly(watched, shop, after=1)


def nightly(watched, shop, *, after):
    rules = (Consecutive(id="down", after=after, recover=1),)
    made = watched(shop("nightly", every="24h", tcp=None, heartbeat=Heartbeat(grace="1h"), rules=rules))
    made.run("1h")
    made.heartbeat("nightly")
    made.run("24h50m")
    return made


def crash_sink(world):
    world.system.sink.tell("no message")
    world.run("1m")


def lose_what_is_judged_within(world, length):
    """The sink crashes while nothing can be written: all that it has gathered is gone."""
    world.store.failing = "commit"
    world.run(length)
    crash_sink(world)
    world.store.failing = None
    world.run("30m")


def test_a_missed_heartbeat_that_a_crash_of_the_sink_has_lost_opens_its_incident(world):
    lose_what_is_judged_within(world, "20m")
    assert world.delivered("ops") == [OPENED]
    assert world.store.changes() == ["opened"]


def test_a_report_that_a_crash_of_the_sink_has_lost_resolves_the_incident(world):
    world.run("20m")
    world.store.failing = "commit"
    world.heartbeat("nightly")
    lose_what_is_judged_within(world, "1m")
    assert world.delivered("ops") == [OPENED, RESOLVED]
    assert [incident.is_open for incident in world.incidents()] == [False]


def test_a_missed_heartbeat_that_a_copy_of_the_store_lacks_opens_its_incident_again(world):
    kept = copy.deepcopy(world.store.inner)
    world.run("1h")
    assert world.delivered("ops") == [OPENED]
    world.store.failing = "commit"
    world.run("2m")
    world.store.inner, world.store.failing = kept, None
    world.run("30m")
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
