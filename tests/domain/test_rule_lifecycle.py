"""The lifecycle of a rule: a draft is judged and notifies no channel, a retired rule is not judged."""

import msgspec
import pytest
from records import NOON, sample_at
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.ledger import Ledger
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.rules.aggregate import Status, TargetAggregate
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.rule import (
    RULE_TRANSITIONS,
    Consecutive,
    NoData,
    RuleState,
    Threshold,
    illegal_transitions,
)
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.suppression.suppression import Suppression

S = 1_000_000_000
DRAFT, ACTIVE, RETIRED = RuleState.DRAFT, RuleState.ACTIVE, RuleState.RETIRED


def shop(state):
    rule = Consecutive(id="down", after=1, recover=1, state=state)
    return Target(id="shop", tcp=Tcp(host="a", port=1), rules=(rule,), default_rules=False, notify=("ops",))


def bad(number):
    return sample_at(number * S, outcome=Outcome.DOWN, attempt=number)


def test_the_table_lists_every_state_and_only_forward_moves():
    order = [DRAFT, ACTIVE, RETIRED]
    assert list(RULE_TRANSITIONS) == order == list(RuleState)
    assert RULE_TRANSITIONS == {DRAFT: (ACTIVE, RETIRED), ACTIVE: (RETIRED,), RETIRED: ()}


@pytest.mark.parametrize(("state", "steps", "notices"), [(DRAFT, 1, 0), (ACTIVE, 1, 1), (RETIRED, 0, 0)])
def test_each_state_is_judged_and_notified_as_the_lifecycle_says(state, steps, notices):
    aggregate, ledger = TargetAggregate(shop(state), 1), Ledger([Channel(id="ops", log=Log())], Suppression())
    made = aggregate.apply(bad(1), NOON)
    assert len(made) == steps
    assert [len(ledger.note(step, NOON)) for step in made] == [notices] * steps


def test_a_draft_leaves_the_confirmed_status_alone():
    aggregate = TargetAggregate(shop(DRAFT), 1)
    aggregate.apply(bad(1), NOON)
    assert len(aggregate.incidents()) == 1
    assert aggregate.status() is Status.UP


def test_a_draft_made_active_tells_what_it_has_found():
    aggregate, ledger = TargetAggregate(shop(DRAFT), 1), Ledger([Channel(id="ops", log=Log())], Suppression())
    (opened,) = aggregate.apply(bad(1), NOON)
    ledger.note(opened, NOON)
    (changed,) = aggregate.reconfigure(shop(ACTIVE), NOON)
    assert (changed.change, changed.draft, changed.opened_at_ns) == (
        TransitionKind.CHANGED,
        False,
        bad(1).at.wall_ns,
    )
    (notice,) = ledger.note(changed, NOON)
    assert notice.change is TransitionKind.OPENED


def test_retiring_a_rule_ends_its_incident_once():
    aggregate = TargetAggregate(shop(ACTIVE), 1)
    aggregate.apply(bad(1), NOON)
    (ended,) = aggregate.reconfigure(shop(RETIRED), NOON)
    assert (ended.change, ended.reason) == (TransitionKind.RESOLVED, "retired")
    assert aggregate.reconfigure(shop(RETIRED), NOON) == ()
    assert aggregate.apply(bad(2), NOON) == ()


def test_a_rule_that_comes_back_starts_with_no_past():
    aggregate = TargetAggregate(shop(ACTIVE), 1)
    (first,) = aggregate.apply(bad(1), NOON)
    aggregate.reconfigure(shop(RETIRED), NOON)
    aggregate.reconfigure(shop(ACTIVE), NOON)
    (second,) = aggregate.apply(bad(2), NOON)
    assert second.incident != first.incident
    assert second.sequence == 1


@pytest.mark.parametrize(
    "rule",
    [Consecutive(id="r"), Threshold(id="r", value=1.0), NoData(id="r")],
    ids=lambda rule: type(rule).__name__,
)
def test_a_rule_is_active_critical_and_immediate_unless_it_says_otherwise(rule):
    assert (rule.state, rule.severity.value, rule.for_, rule.keep_firing_for) == (
        ACTIVE,
        "critical",
        "0s",
        "0s",
    )
    with pytest.raises(AttributeError):
        rule.state = DRAFT
    assert msgspec.structs.replace(rule, state=DRAFT) != rule


@pytest.mark.parametrize("old", RuleState)
@pytest.mark.parametrize("new", RuleState)
def test_a_list_of_rules_may_ask_for_moves_of_the_table(old, new):
    faults = illegal_transitions((Consecutive(id="down", state=old),), (Consecutive(id="down", state=new),))

    assert bool(faults) == (new is not old and new not in RULE_TRANSITIONS[old])
