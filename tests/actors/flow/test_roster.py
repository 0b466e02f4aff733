"""The roster of targets and pollers has one owner at any time, and outlives every end of the supervisor."""

import pytest
from watchkeeper.testing.expectations import ScriptedExpectations
from watchkeeper.testing.world import World


class FailsOnce:
    """Expectations of which one cannot be made, the first time."""

    def __init__(self):
        self.made, self.failed = ScriptedExpectations(), False

    def __call__(self, target):
        if target.id == "mail" and not self.failed:
            self.failed = True
            raise ValueError("not yet")
        return self.made(target)


def names(roster):
    return sorted(roster.targets), sorted(name for name in ("mail", "shop") if name in roster.pollers)


def test_the_roster_belongs_to_the_supervisor_that_lives(shop):
    world = World([shop(), shop("mail")])
    with pytest.raises(ValueError, match="belongs to a supervisor"):
        world.system._handover.look()
    with pytest.raises(ValueError, match="belongs to a supervisor"):
        world.system._handover.take()


def test_a_crash_gives_the_roster_back_and_the_next_supervisor_takes_all_of_it(shop):
    world = World([shop(), shop("mail")])
    world.run("1m")
    world.system.supervisor.tell(object())
    world.run("1ms")
    assert names(world.system._handover.look()) == (["mail", "shop"], ["mail", "shop"])
    world.run("1s")
    assert world.system.supervisor.epoch == 2
    with pytest.raises(ValueError, match="belongs to a supervisor"):
        world.system._handover.look()


def test_a_target_that_came_before_a_crash_is_watched_after_it(shop):
    world = World([shop()])
    world.track(shop("mail"))
    world.system.supervisor.tell(object())
    before = world.prober.started
    world.run("1m")
    assert {target.id for target in world.status().targets if target.samples > 4} == {"mail", "shop"}
    assert world.prober.started > before


def test_a_supervisor_that_cannot_even_start_leaves_the_roster_whole(shop):
    world = World([shop(), shop("mail")])
    world._expectation_of = FailsOnce()
    world.crash()
    assert not world.system.supervisor.alive
    assert names(world.system._handover.look())[0] == ["mail", "shop"]
    world.run("1m")
    assert world.system.supervisor.epoch == 2
    assert {target.id for target in world.status().targets if target.samples > 4} == {"mail", "shop"}
