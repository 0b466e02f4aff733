"""Two open incidents of one rule, as a target that moves from shard to shard may have for a moment: the older one goes on."""

from records import NOON, opened
from watchkeeper import Consecutive, Target, Tcp
from watchkeeper.domain.rules.aggregate import TargetAggregate

SHOP = Target(
    id="shop",
    renamed_from=("store",),
    every="10s",
    tcp=Tcp(host="a", port=1),
    rules=(Consecutive(id="down", after=3),),
    default_rules=False,
)


def test_the_older_incident_goes_on_under_the_present_name_once_the_younger_has_ended():
    """In this order, as the record refuses two open incidents of one rule."""
    older, younger = opened("inc_1", "store").incident, opened("inc_2", "shop").incident
    aggregate = TargetAggregate(SHOP, 2)
    steps = [(step.id, step.target, step.reason) for step in aggregate.restore(None, (older, younger), NOON)]
    assert steps == [("inc_2", "shop", "removed"), ("inc_1", "shop", "renamed")]
    assert [each.id for each in aggregate.incidents()] == ["inc_1"]
