"""Since when a target is up, which a restart goes on with."""

import pytest
from records import NOON
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.rules.aggregate import TargetAggregate
from watchkeeper.domain.rules.watch import OF_TARGET, rules_of
from watchkeeper.domain.specification.rule import NoData

from tests.domain.test_aggregate import DOWN, HELD, SLOW, saved, taken, told


def test_a_quiet_target_has_nothing_to_checkpoint_but_since_when_it_is_up():
    world = told(DOWN, HELD, SLOW, NoData(id="silent"))
    assert world.aggregate.checkpoint() == b""
    world.take(taken(1))
    assert [(rule.rule, rule.since_wall_ns) for rule in rules_of(world.aggregate.checkpoint())] == [
        (OF_TARGET, taken(1).at.wall_ns)
    ]


@pytest.mark.parametrize(
    ("outcomes", "since"),
    [
        ([Outcome.UP] * 3, 1),
        ([Outcome.UP, Outcome.DOWN, Outcome.UP], 1),
        ([Outcome.UP, Outcome.UNKNOWN, Outcome.UP], 3),
        ([Outcome.UP, Outcome.DEGRADED, Outcome.UP, Outcome.UP], 3),
        ([Outcome.UP, *[Outcome.DOWN] * 3, *[Outcome.UP] * 3], 6),
        ([Outcome.UP, *[Outcome.DOWN] * 3], None),
        ([Outcome.UP, Outcome.UNKNOWN], None),
        ([], None),
    ],
)
def test_a_target_is_up_since_the_last_end_of_another_status_also_over_a_restart(outcomes, since):
    world = told(DOWN)
    for number, outcome in enumerate(outcomes, 1):
        world.take(taken(number, outcome))
    expected = None if since is None else taken(since).at.wall_ns
    assert world.aggregate.up_since_ns == expected
    after = TargetAggregate(world.aggregate.target, run=2)
    after.restore(saved(world.aggregate, NOON), world.aggregate.incidents(), NOON)
    assert after.up_since_ns == expected
    after.apply(taken(len(outcomes) + 1_000), NOON)
    assert after.up_since_ns == (
        expected or (None if after.incidents() else taken(len(outcomes) + 1_000).at.wall_ns)
    )


def test_a_span_without_samples_is_no_time_of_which_anything_is_known():
    world = told(DOWN)
    for number in (1, 2, 1_000, 1_001):
        world.take(taken(number))
    assert world.aggregate.up_since_ns == taken(1_000).at.wall_ns


def test_missing_samples_that_open_an_incident_end_the_time_up():
    world = told(NoData(id="silent"))
    world.take(taken(1))
    world.aggregate.missing("silent", NOON, taken(50).at)
    assert world.aggregate.up_since_ns is None
