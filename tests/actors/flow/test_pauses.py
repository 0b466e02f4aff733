"""A commanded pause outlives the process, until a command or the removal of its target ends it."""

import pytest
from watchkeeper.domain.incidents.record import PauseMark
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.protocol.sink import GetPauses
from watchkeeper.protocol.supervisor import Pause
from watchkeeper.testing.world import World

AGAIN = pytest.mark.parametrize("again", [World.restart, World.crash])


def marks(world):
    return world.system.sink.ask(GetPauses(), 60.0)


@pytest.fixture
def world(shop):
    world = World([shop(), shop("door")])
    world.script("shop", "ok 1m, down")
    world.run("30s")
    world.pause("shop")
    world.run("1s")
    return world


@AGAIN
def test_a_pause_is_kept_by_the_next_process(world, again, target_of):
    for _ in range(2):
        again(world)
        started = world.prober.started
        world.run("1h")
        assert target_of(world).status is Status.PAUSED
        assert target_of(world).samples == 0, "not one attempt was started"
        assert world.prober.started > started, "the other target is checked"
    assert world.delivered("ops") == []


@AGAIN
def test_a_resumed_target_is_not_paused_again(world, again, target_of):
    world.resume("shop")
    again(world)
    world.run("5m")
    assert target_of(world).status is Status.DOWN
    assert marks(world) == ()


def test_a_paused_heartbeat_is_not_missed_after_a_restart(shop):
    world = World([shop("job", every="1m", tcp=None, heartbeat=Heartbeat(grace="10s"))])
    world.pause("job")
    world.restart()
    world.run("1h")
    assert world.incidents() == ()


def test_a_pause_ends_with_its_target(world, shop, target_of):
    world.untrack("shop")
    world.track(shop())
    world.restart()
    world.run("5m")
    assert target_of(world).status is Status.DOWN


def test_a_new_specification_that_is_not_paused_ends_the_pause(world, shop):
    world.track(shop())
    assert marks(world) == ()


def test_a_pause_keeps_its_first_author(world):
    (mark,) = marks(world)
    world.system.supervisor.tell(Pause("shop", "ann"))
    world.run("1m")
    assert marks(world) == (mark,)
    world.resume("shop")
    world.system.supervisor.tell(Pause("shop", "ann"))
    world.run("1s")
    assert marks(world) == (PauseMark("shop", world.now.wall_ns - 1_000_000_000, "ann"),)


@pytest.mark.parametrize("actor", ["supervisor", "sink", "owner"])
def test_a_pause_survives_the_crash_of_an_actor(world, actor, target_of):
    getattr(world.system, actor).tell(object())
    world.run("1h")
    assert target_of(world).status is Status.PAUSED
    world.restart()
    assert [mark.target for mark in marks(world)] == ["shop"]
