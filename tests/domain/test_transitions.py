"""Transitions in detail: what each says, which evidence it names, and what a checkpoint brings back."""

import pytest
from msgspec.msgpack import decode
from msgspec.structs import replace
from records import NOON, sample_at
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Checkpoint
from watchkeeper.domain.limits import CONSECUTIVE_MAX
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.rules.aggregate import TargetAggregate
from watchkeeper.domain.rules.cause import REMOVED, end_of
from watchkeeper.domain.rules.counting import ConsecutiveEvaluator
from watchkeeper.domain.rules.evaluation import NoDataEvaluator
from watchkeeper.domain.rules.evaluator import Verdict
from watchkeeper.domain.rules.figures import ThresholdEvaluator
from watchkeeper.domain.rules.phase import IDLE, Phase, PhaseState
from watchkeeper.domain.rules.watch import OF_TARGET, RuleCheckpoint, RuleWatch, resume, rules_of
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.rule import (
    Consecutive,
    Mode,
    NoData,
    NoDataPolicy,
    RuleState,
    Severity,
    Threshold,
)
from watchkeeper.domain.specification.target import Target

S = 1_000_000_000
DOWN = Consecutive(id="down", after=2, recover=2)


def shop(*rules, **fields):
    return Target(
        id="shop", every="10s", tcp=Tcp(host="a", port=1), rules=rules, **({"notify": ("ops",)} | fields)
    )


def taken(number, outcome=Outcome.UP, **fields):
    return sample_at(number * S, outcome=outcome, attempt=number, **fields)


def fed(aggregate, *outcomes, first=1, late_s=0):
    """Returns the transitions of samples with these outcomes, each judged so many seconds after it was taken."""
    samples = [taken(number, outcome) for number, outcome in enumerate(outcomes, first)]
    return [step for sample in samples for step in aggregate.apply(sample, sample.at.shifted(late_s * S))]


def opened_shop(*rules, **fields):
    aggregate = TargetAggregate(shop(*(rules or (DOWN,)), **fields), run=1)
    (opened,) = fed(aggregate, Outcome.DOWN, Outcome.DOWN)
    return aggregate, opened


# Steps.


def test_an_opening_says_when_it_began_when_it_was_decided_and_by_which_samples():
    aggregate = TargetAggregate(shop(replace(DOWN, state=RuleState.DRAFT, severity=Severity.WARNING)), run=1)
    (opened,) = fed(aggregate, Outcome.DOWN, Outcome.DOWN, late_s=5)
    assert (opened.sequence, opened.change) == (1, TransitionKind.OPENED)
    assert (opened.opened_at_ns, opened.at_ns) == (NOON.wall_ns + S, NOON.wall_ns + 7 * S)
    assert (opened.evidence, opened.draft, opened.notify) == ((1, 2), True, ("ops",))
    assert (opened.target, opened.rule, opened.severity) == ("shop", "down", Severity.WARNING)
    assert aggregate.incidents() == (opened.incident,)


def test_an_end_says_when_it_recovered_when_that_was_decided_and_by_which_samples():
    aggregate, _ = opened_shop()
    (ended,) = fed(aggregate, Outcome.UP, Outcome.UP, first=3, late_s=5)
    assert (ended.sequence, ended.change, ended.reason) == (2, TransitionKind.RESOLVED, "recovered")
    assert (ended.resolved_at_ns, ended.at_ns) == (NOON.wall_ns + 4 * S, NOON.wall_ns + 9 * S)
    assert (ended.evidence, ended.notify) == ((3, 4), ("ops",))
    assert aggregate.incidents() == ()


def test_an_acknowledgement_names_who_and_never_precedes_the_opening():
    aggregate, opened = opened_shop()
    assert aggregate.acknowledge("inc_other", "ada", NOON) == ()
    (seen,) = aggregate.acknowledge(opened.incident_id, "ada", NOON)
    assert (seen.acknowledged_at_ns, seen.at_ns) == (opened.opened_at_ns, NOON.wall_ns)
    assert (seen.acknowledged_by, seen.reason, seen.explanation) == (
        "ada",
        "acknowledged",
        "acknowledged by ada",
    )
    assert aggregate.incidents() == (seen.incident,)
    assert aggregate.acknowledge(opened.incident_id, "bob", NOON.shifted(S)) == ()
    other, opened = opened_shop()
    (seen,) = other.acknowledge(opened.incident_id, "ada", NOON.shifted(9 * S))
    assert seen.acknowledged_at_ns == NOON.wall_ns + 9 * S


def test_an_end_never_precedes_the_opening_or_the_acknowledgement():
    aggregate, opened = opened_shop()
    (seen,) = aggregate.acknowledge(opened.incident_id, "ada", NOON.shifted(9 * S))
    assert end_of(opened.incident, REMOVED, NOON).resolved_at_ns == opened.opened_at_ns
    assert end_of(seen.incident, REMOVED, NOON).resolved_at_ns == NOON.wall_ns + 9 * S
    later = NOON.shifted(20 * S)
    assert end_of(seen.incident, REMOVED, later).resolved_at_ns == later.wall_ns
    assert (
        end_of(seen.incident, REMOVED, later, at=NOON.shifted(15 * S)).resolved_at_ns == NOON.wall_ns + 15 * S
    )


def test_an_end_goes_to_the_channels_of_now_or_to_those_of_before():
    _, opened = opened_shop()
    assert end_of(opened.incident, REMOVED, NOON).notify == ("ops",)
    assert end_of(opened.incident, REMOVED, NOON, notify=("boss",)).notify == ("boss",)


def test_a_target_that_is_closed_ends_each_incident_once_and_judges_nothing_more():
    aggregate, _ = opened_shop(DOWN, replace(DOWN, id="quick", after=5))
    (ended,) = aggregate.close(NOON.shifted(9 * S))
    assert (ended.rule, ended.change, ended.reason) == ("down", TransitionKind.RESOLVED, "removed")
    assert ended.explanation == "the target is no longer watched"
    assert aggregate.incidents() == aggregate.close(NOON.shifted(9 * S)) == ()
    assert fed(aggregate, *[Outcome.DOWN] * 5, first=3) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, None),
        ({"for_": "5s"}, None),
        ({"severity": Severity.WARNING}, "the rule is now active with severity warning"),
        ({"state": RuleState.DRAFT}, "the rule is now draft with severity critical"),
    ],
)
def test_an_open_incident_follows_the_severity_and_the_state_of_its_rule(changed, says):
    aggregate, opened = opened_shop()
    target = shop(replace(DOWN, **changed), notify=("boss",))
    steps = aggregate.reconfigure(target, NOON.shifted(9 * S))
    assert aggregate.target is target
    assert [step.explanation for step in steps] == ([says] if says else [])
    for step in steps:
        assert (step.change, step.reason, step.notify) == (TransitionKind.CHANGED, "reconfigured", ("boss",))
        assert (step.sequence, step.at_ns) == (2, NOON.wall_ns + 9 * S)
        assert aggregate.incidents() == (step.incident,)
    assert aggregate.reconfigure(target, NOON.shifted(9 * S)) == ()
    assert opened.incident_id == aggregate.incidents()[0].id


def test_a_rule_that_is_not_open_changes_without_a_word():
    aggregate = TargetAggregate(shop(DOWN), run=1)
    assert fed(aggregate, Outcome.DOWN) == []
    assert aggregate.reconfigure(shop(replace(DOWN, severity=Severity.INFO)), NOON) == ()
    (opened,) = fed(aggregate, Outcome.DOWN, first=2)
    assert (opened.severity, opened.evidence) == (Severity.INFO, (1, 2))


def test_missing_samples_advance_the_clocks_of_the_checkpoint():
    silent = NoData(id="silent", policy=NoDataPolicy.FIRE, for_="30s")
    aggregate = TargetAggregate(shop(silent), run=1)
    assert aggregate.missing("unknown", NOON, NOON) == ()
    aggregate.missing("silent", NOON, NOON)
    before = aggregate.checkpoint()
    aggregate.missing("silent", NOON, NOON.shifted(10 * S))
    assert before != aggregate.checkpoint() != b""
    (opened,) = aggregate.missing("silent", NOON, NOON.shifted(30 * S))
    assert (opened.opened_at_ns, opened.reason) == (NOON.wall_ns, "no_data")


def test_a_sample_from_before_a_silence_sets_no_clock_of_the_checkpoint_back():
    held = replace(DOWN, after=1, for_="60s")
    aggregate = TargetAggregate(shop(held, NoData(id="silent", for_="30s")), run=1)
    fed(aggregate, Outcome.DOWN)
    aggregate.missing("silent", NOON, NOON.shifted(10 * S))
    fed(aggregate, Outcome.DOWN, first=2)
    assert decode(aggregate.checkpoint(), type=list[RuleCheckpoint])[0].active_ns == 9 * S


# Evidence.


def test_a_breach_names_the_samples_since_it_began():
    evaluator = ThresholdEvaluator(Threshold(id="slow", value=300))
    rows = [(1, 400, (1,), 1), (2, 400, (1, 2), 1), (3, 1, (3,), None), (4, 400, (4,), 4), (5, 1, (5,), None)]
    for number, latency_ms, evidence, since in rows:
        evaluator.take(taken(number, latency_ns=latency_ms * 1_000_000), firing=False)
        assert evaluator.evidence() == evidence
        assert evaluator.since() == (None if since is None else taken(since).at)


def test_a_breach_begins_with_the_first_value_that_breaks_though_the_window_is_not_full():
    evaluator = ThresholdEvaluator(Threshold(id="slow", value=300, window=2, mode=Mode.CONSECUTIVE))
    for number, verdict in ((1, Verdict.UNCHANGED), (2, Verdict.VIOLATED)):
        assert evaluator.take(taken(number, latency_ns=S), firing=False) is verdict
    assert (evaluator.evidence(), evaluator.since()) == ((1, 2), taken(1).at)


def test_a_rule_of_rows_names_the_samples_of_its_last_row():
    evaluator = ConsecutiveEvaluator(DOWN)
    assert (evaluator.counters(), evaluator.since(), evaluator.evidence()) == ((0, 0), None, ())
    rows = [
        (Outcome.DOWN, False, (1, 0), (1,), 1),
        (Outcome.UP, False, (0, 0), (), None),
        (Outcome.DOWN, False, (1, 0), (3,), 3),
        (Outcome.DOWN, False, (2, 0), (3, 4), 3),
        (Outcome.UP, True, (0, 1), (5,), 3),
        (Outcome.DOWN, True, (1, 0), (6,), 6),
        (Outcome.UP, True, (0, 1), (7,), 6),
        (Outcome.UP, True, (0, 2), (7, 8), 6),
        (Outcome.UP, False, (0, 0), (), None),
    ]
    for number, (outcome, firing, counters, evidence, since) in enumerate(rows, 1):
        evaluator.take(taken(number, outcome), firing=firing)
        assert (evaluator.counters(), evaluator.evidence()) == (counters, evidence)
        assert evaluator.since() == (None if since is None else taken(since).at)


@pytest.mark.parametrize("outcome", [Outcome.UP, Outcome.DOWN])
def test_a_count_stops_at_its_bound(outcome):
    evaluator = ConsecutiveEvaluator(Consecutive(id="down", after=CONSECUTIVE_MAX, recover=CONSECUTIVE_MAX))
    for number in range(1, CONSECUTIVE_MAX + 2):
        evaluator.take(taken(number, outcome), firing=True)
    assert max(evaluator.counters()) == CONSECUTIVE_MAX


def test_a_sample_ends_a_silence_and_is_the_evidence_of_that():
    evaluator = NoDataEvaluator(NoData(id="silent"))
    evaluator.missing(NOON)
    evaluator.take(taken(7), firing=True)
    assert (evaluator.evidence(), evaluator.since()) == ((7,), None)


# Checkpoints.


def saved(phase=Phase.PENDING, active_ns=None, keep_firing_ns=None, since_wall_ns=None, counters=(1, 0)):
    return RuleCheckpoint("down", phase, active_ns, keep_firing_ns, since_wall_ns, counters)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (saved(Phase.INACTIVE), PhaseState()),
        (saved(active_ns=3), PhaseState(Phase.PENDING, NOON.shifted(-3))),
        (saved(Phase.FIRING), PhaseState(Phase.FIRING)),
        (saved(Phase.FIRING, keep_firing_ns=0), PhaseState(Phase.FIRING, None, NOON)),
        (saved(Phase.FIRING, keep_firing_ns=4), PhaseState(Phase.FIRING, None, NOON.shifted(-4))),
    ],
)
def test_the_clocks_of_a_rule_go_on_from_its_checkpoint(state, expected):
    watch = RuleWatch(DOWN)
    resume(watch, state, NOON)
    assert watch.phase_state == expected
    assert (watch.phase_state is IDLE) is (expected == IDLE)
    assert (watch.evaluator.counters(), watch.evaluator.since()) == ((1, 0), None)


def test_the_start_of_a_breach_is_kept_as_a_time_of_day():
    watch = RuleWatch(DOWN)
    resume(watch, saved(since_wall_ns=0), NOON)
    assert (watch.evaluator.since().wall_ns, watch.evaluator.since().monotonic_ns) == (0, NOON.monotonic_ns)


@pytest.mark.parametrize("rule", [Threshold(id="down", value=1), NoData(id="down")])
def test_counters_of_another_kind_of_rule_are_left(rule):
    watch = RuleWatch(rule)
    resume(watch, saved(since_wall_ns=5), NOON)
    assert watch.evaluator.since() is None
    counting = RuleWatch(DOWN)
    resume(counting, saved(since_wall_ns=5, counters=()), NOON)
    assert (counting.evaluator.counters(), counting.evaluator.since()) == ((0, 0), None)


def test_the_checkpoint_of_a_rule_that_is_gone_is_left():
    aggregate = TargetAggregate(shop(DOWN), run=1)
    fed(aggregate, Outcome.DOWN)
    kept = Checkpoint("shop", aggregate.checkpoint(), NOON.wall_ns)
    other = TargetAggregate(shop(replace(DOWN, id="other"), default_rules=False), run=2)
    assert other.restore(kept, (), NOON) == ()
    assert [rule.rule for rule in rules_of(other.checkpoint())] == [OF_TARGET]
