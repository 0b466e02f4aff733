"""The roster of targets and pollers has one owner at any time, and outlives every end of the supervisor."""

import pytest
from watchkeeper.actors.supervisor.poller_registry import Roster, RosterHandover
from watchkeeper.domain.supervision.blindness import BlindnessDetector
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


def test_a_roster_that_was_taken_belongs_to_its_owner_until_it_is_given_back():
    roster = Roster({}, None, {}, BlindnessDetector())
    handover = RosterHandover(roster)
    assert handover.look() is roster
    assert handover.take() is roster
    for again in (handover.look, handover.take):
        with pytest.raises(ValueError, match="belongs to a supervisor"):
            again()
    handover.give_back(roster)
    assert handover.take() is roster


def test_the_supervisor_after_a_crash_watches_all_that_the_one_before_it_did(shop):
    world = World([shop(), shop("mail")])
    world.run("1m")
    world.system.supervisor.tell(object())
    before = world.prober.started
    world.run("1m")
    assert world.system.supervisor.epoch == 2
    assert world.prober.started - before >= 10
    assert {target.id for target in world.status().targets if target.samples > 9} == {"mail", "shop"}


def test_a_target_that_came_before_a_crash_is_watched_after_it(shop):
    world = World([shop()])
    world.track(shop("mail"))
    world.system.supervisor.tell(object())
    before = world.prober.started
    world.run("1m")
    assert {target.id for target in world.status().targets if target.samples > 4} == {"mail", "shop"}
    assert world.prober.started > before


def test_a_supervisor_that_cannot_start_leaves_the_roster_intact(shop):
    world = World([shop(), shop("mail")])
    world.expectation_of = FailsOnce()
    world.crash()
    assert not world.system.supervisor.alive
    world.run("1m")
    assert world.system.supervisor.epoch == 2
    assert {target.id for target in world.status().targets if target.samples > 4} == {"mail", "shop"}
