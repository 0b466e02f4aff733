"""Which shards of a node are to begin anew because others have left open incidents for them."""

import pytest
from watchkeeper import Configuration, Heartbeat, Target
from watchkeeper.domain.cluster.left_incidents import LeftIncident, TakingShards
from watchkeeper.domain.cluster.placement import Placement, shard_of_text
from watchkeeper.domain.limits import NODE_TAKEN_AGAIN_NS
from watchkeeper.domain.time.moment import Moment

SHARDS = 4
HERE, OTHER = shard_of_text("shop", SHARDS), (shard_of_text("shop", SHARDS) + 1) % SHARDS
PLACEMENT = Placement(
    Configuration(targets=[Target(id="shop", renamed_from=("store",), every="1h", heartbeat=Heartbeat())]),
    SHARDS,
)
EVERY_SHARD = range(SHARDS)


@pytest.fixture
def look():
    """Looks at some moment, and returns the shards that are to begin anew."""
    taking = TakingShards()

    def ask(*left, at_ns=0, running=EVERY_SHARD, placement=PLACEMENT):
        return taking.shards_for(left, placement, running, Moment(monotonic_ns=at_ns, wall_ns=0))

    return ask


@pytest.mark.parametrize(
    ("target", "former", "taker"),
    [
        ("shop", OTHER, PLACEMENT.shard_of("shop")),
        ("store", OTHER, PLACEMENT.shard_of("shop")),
        ("gone", OTHER, OTHER),
        ("gone", HERE, HERE),
    ],
    ids=["present name", "former name", "no configuration", "no configuration, another shard"],
)
def test_the_shard_on_which_the_target_lies_takes_an_incident(look, target, former, taker):
    assert look(LeftIncident("inc_1", former, target)) == {taker}


def test_a_shard_begins_anew_once_for_an_incident_and_again_after_a_while(look):
    waiting = LeftIncident("inc_1", OTHER, "shop")
    taker = PLACEMENT.shard_of("shop")
    assert look(waiting) == {taker}
    assert look(waiting, at_ns=NODE_TAKEN_AGAIN_NS - 1) == frozenset()
    assert look(waiting, LeftIncident("inc_2", OTHER, "shop"), at_ns=NODE_TAKEN_AGAIN_NS - 1) == {taker}
    assert look(waiting, at_ns=NODE_TAKEN_AGAIN_NS) == {taker}


def test_an_incident_that_was_taken_and_left_again_is_new(look):
    waiting = LeftIncident("inc_1", OTHER, "shop")
    assert look(waiting)
    assert look() == frozenset()
    assert look(waiting, at_ns=1)


def test_a_shard_of_another_node_is_not_waited_for(look):
    waiting = LeftIncident("inc_1", OTHER, "shop")
    assert look(waiting, running=()) == frozenset()
    assert look(waiting, at_ns=1) == {PLACEMENT.shard_of("shop")}
