"""Turns: a target that found no free descriptor gets one look beside its grid, when others have given theirs back."""

import pytest
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.target import Target

from tests.actors.flow.driver import start_times

S = 1_000_000_000
STARVED = Observation(connected=False, outcome=Outcome.UNKNOWN, reason=Reason.NO_DESCRIPTORS)
OTHERS = ("a", "b", "c", "d")


@pytest.fixture
def crowd(driven, shop):
    """A world of four targets that run and one that has found no descriptor."""
    world = driven(shop(every="1m", timeout="1m"), *(shop(name, every="1m", timeout="1m") for name in OTHERS))
    while len(world.prober.requests) < 1 + len(OTHERS):
        world.run("1s")
    answer(world, "shop", STARVED)
    return world


def answer(world, name, *observations):
    """Answers the newest attempt of a target."""
    attempt = [each.attempt for each in world.prober.requests if each.attempt.target == name][-1]
    world.prober.answer(attempt, *observations)
    world.run("20ms")


def test_a_target_without_a_descriptor_is_looked_at_again_when_two_others_have_ended(crowd):
    answer(crowd, "a")
    answer(crowd, "b")
    first, second = start_times(crowd)
    assert 0 < second - first < 60 * S
    answer(crowd, "shop")
    crowd.run("1m")
    # The look beside the grid has moved no tick of it.
    assert (start_times(crowd)[2] - first) % (60 * S) == 0


def test_a_turn_that_finds_no_descriptor_is_followed_by_a_tick(crowd):
    answer(crowd, "a")
    answer(crowd, "b")
    answer(crowd, "shop", STARVED)
    answer(crowd, "c")
    answer(crowd, "d")
    assert len(start_times(crowd)) == 2


def test_half_of_the_descriptors_that_come_free_are_left_to_notices(crowd):
    answer(crowd, "a")
    assert len(start_times(crowd)) == 1


def test_a_paused_target_gets_no_turn(crowd):
    crowd.pause("shop")
    for name in OTHERS:
        answer(crowd, name)
    assert len(start_times(crowd)) == 1


def test_a_target_that_has_become_a_heartbeat_is_not_missed_at_its_turn(crowd, target_of):
    crowd.track(Target(id="shop", every="1h", heartbeat=Heartbeat()))
    for name in OTHERS:
        answer(crowd, name)
    assert target_of(crowd).sample.reason is Reason.NO_DESCRIPTORS
