"""Acknowledgements with an end: it is noticed in time, after crashes, restarts and steps of the clock, and told once."""

import pytest
from watchkeeper import UnknownName, UsageError
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.testing.world import World

QUICK = (Consecutive(id="down", after=1, recover=1),)
SEEN = ["shop/down opened", "shop/down acknowledged"]
ENDED = [*SEEN, "shop/down changed"]


@pytest.fixture
def world(shop):
    """A target that is down, with one open incident."""
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down")
    world.run("2m")
    return world


def incident(world):
    return world.incidents(open_only=True)[0]


def test_an_acknowledgement_ends_at_its_time_and_the_channel_is_told_once(world):
    world.acknowledge(incident(world).id, by="ann", note="rolling back", until="10m")
    world.run("9m59s")
    assert (incident(world).acknowledged_by, world.delivered("ops")) == ("ann", SEEN)
    world.run("2s")
    assert (incident(world).acknowledged_at_ns, incident(world).note) == (None, "")
    assert world.delivered("ops") == ENDED
    assert world.notices("ops")[-1].incident.reason == "acknowledgement_ended"
    world.run("1h")
    assert world.delivered("ops") == ENDED


def test_a_withdrawn_acknowledgement_leaves_the_incident_unseen(world):
    world.acknowledge(incident(world).id, by="ann")
    world.unacknowledge(incident(world).id, by="bob")
    world.unacknowledge(incident(world).id, by="bob")
    world.run("1m")
    assert (incident(world).acknowledged_by, incident(world).reason) == (None, "acknowledgement_withdrawn")
    assert world.delivered("ops") == ENDED
    world.acknowledge(incident(world).id, by="bob")
    world.run("1m")
    assert (incident(world).acknowledged_by, world.delivered("ops")) == ("bob", [*ENDED, SEEN[1]])


def test_an_acknowledgement_without_an_end_stays(world):
    world.acknowledge(incident(world).id, by="ann")
    world.acknowledge(incident(world).id, by="ann", until="5m")
    world.unacknowledge(incident(world).id)
    world.acknowledge(incident(world).id, by="bob")
    world.run("1h")
    assert incident(world).acknowledged_by == "bob"


@pytest.mark.parametrize("actor", ["owner", "supervisor", "sink"])
def test_the_end_comes_after_a_crash_too(world, actor):
    world.acknowledge(incident(world).id, by="ann", until="10m")
    getattr(world.system, actor).tell(object())
    world.run("11m")
    assert (incident(world).acknowledged_by, world.delivered("ops")) == (None, ENDED)


def test_an_end_that_passed_while_nothing_ran_is_noticed_at_the_start(world):
    world.acknowledge(incident(world).id, by="ann", until="10m")
    world.run("1m")
    world.crash()
    world.clock.advance(20 * 60 * 10**9)
    world.run("1m")
    assert (incident(world).acknowledged_by, world.delivered("ops")) == (None, ENDED)


def test_a_restart_keeps_an_end_that_is_to_come(world):
    world.acknowledge(incident(world).id, by="ann", until="10m")
    world.run("1m")
    world.crash()
    world.run("5m")
    assert incident(world).acknowledged_by == "ann"
    world.run("5m")
    assert incident(world).acknowledged_by is None


def test_the_end_follows_the_wall_clock(world):
    world.acknowledge(incident(world).id, by="ann", until="2h")
    world.clock.step_wall(2 * 3_600 * 10**9)
    world.run("5s")
    assert incident(world).acknowledged_by is None


def test_an_end_is_a_moment_or_a_length(world):
    now = world.clock.read().utc
    moment = now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    with pytest.raises(UsageError, match="has passed: unacknowledge"):
        world.acknowledge(incident(world).id, until=moment)
    with pytest.raises(ValueError, match="year 2262"):
        world.acknowledge(incident(world).id, until="2300-01-01T00:00:00Z")
    with pytest.raises(ValueError, match="soon"):
        world.acknowledge(incident(world).id, until="soon")
    with pytest.raises(UnknownName, match="no open incident is inc_0"):
        world.unacknowledge("inc_0")
