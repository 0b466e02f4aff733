"""The aggregate: any stream of samples gives legal transitions, and a restart continues as if it had not happened."""

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import NOON, sample_at
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Checkpoint
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.rules.aggregate import RAW_STATUS, Status, TargetAggregate
from watchkeeper.domain.rules.cause import RETIRED, end_of
from watchkeeper.domain.rules.evaluator import BAD_FROM
from watchkeeper.domain.rules.watch import OF_TARGET, rules_of
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.rule import (
    Consecutive,
    NoData,
    NoDataPolicy,
    RuleState,
    Severity,
    Threshold,
)
from watchkeeper.domain.specification.target import Target

S = 1_000_000_000
RUNS = st.lists(st.tuples(st.sampled_from(Outcome), st.integers(1, 6)), max_size=10)
STREAMS = RUNS.map(lambda runs: [outcome for outcome, length in runs for _ in range(length)])
"""Outcomes in runs: clocks that run for half a minute are met too."""
DOWN = Consecutive(id="down", after=3, recover=2)
HELD = Consecutive(
    id="held", after=1, recover=1, for_="30s", keep_firing_for="20s", severity=Severity.WARNING
)
SLOW = Threshold(id="slow", value=300, severity=Severity.WARNING)


def shop(*rules, **fields):
    said = {"tcp": Tcp(host="a", port=1), "rules": rules, "default_rules": False, "notify": ("ops",)}
    return Target(id="shop", every="10s", **said, **fields)


def taken(number, outcome=Outcome.UP, **fields):
    return sample_at(number * 10 * S, outcome=outcome, attempt=number, **fields)


@dataclass
class Told:
    """An aggregate with all its transitions, each checked as it is made."""

    aggregate: TargetAggregate
    latest: dict = field(default_factory=dict)
    steps: list = field(default_factory=list)

    def hear(self, transitions):
        for transition in transitions:
            assert transition.may_follow(self.latest.get(transition.incident_id))
            assert transition.resolved_at_ns is None or transition.resolved_at_ns >= transition.opened_at_ns
            self.latest[transition.incident_id] = transition.incident
            self.steps.append(transition)
        open_ = [incident for incident in self.latest.values() if incident.is_open]
        assert sorted(open_, key=str) == sorted(self.aggregate.incidents(), key=str)
        assert len({incident.rule for incident in open_}) == len(open_)
        return transitions

    def take(self, sample):
        return self.hear(self.aggregate.apply(sample, sample.at))


def told(*rules):
    return Told(TargetAggregate(shop(*rules), run=1))


def bad_run_before(outcomes, mildest):
    """How many bad samples in a row, evidence only, end a stream."""
    evidence = [outcome in BAD_FROM[mildest] for outcome in outcomes if outcome.is_evidence]
    return next((back for back, bad in enumerate(reversed(evidence)) if not bad), len(evidence))


@given(STREAMS, st.integers(1, 4), st.integers(1, 4), st.sampled_from(["down", "degraded"]))
def test_any_stream_gives_legal_transitions_each_with_its_evidence(outcomes, after, recover, mildest):
    world = told(Consecutive(id="down", after=after, recover=recover, on=mildest), HELD, SLOW)
    for number, outcome in enumerate(outcomes, 1):
        for transition in world.take(taken(number, outcome)):
            if transition.rule != "down":
                continue
            if transition.change is TransitionKind.OPENED:
                assert bad_run_before(outcomes[:number], mildest) >= after
                assert transition.opened_at_ns == taken(transition.evidence[0]).at.wall_ns
            else:
                good = [outcome for outcome in outcomes[:number] if outcome.is_evidence][-recover:]
                assert not any(outcome in BAD_FROM[mildest] for outcome in good)
    assert {step.change for step in world.steps} <= {TransitionKind.OPENED, TransitionKind.RESOLVED}


@given(STREAMS)
def test_a_sample_that_is_no_evidence_changes_nothing(outcomes):
    with_gaps, without = told(DOWN), told(DOWN)
    for number, outcome in enumerate(outcomes, 1):
        said = with_gaps.take(taken(number, outcome))
        if outcome.is_evidence:
            assert without.take(taken(number, outcome)) == said
        else:
            assert said == ()
    kept = (rules_of(each.aggregate.checkpoint()) for each in (with_gaps, without))
    first, second = ([rule for rule in rules if rule.rule != OF_TARGET] for rules in kept)
    assert first == second


@given(st.lists(st.tuples(st.integers(1, 12), st.sampled_from([Outcome.UP, Outcome.DOWN])), max_size=40))
def test_a_sample_that_is_not_newer_is_no_news_and_changes_nothing(stream):
    world, ordered = told(DOWN), told(DOWN)
    newest = 0
    for number, outcome in stream:
        assert world.aggregate.is_news(taken(number, outcome)) is (number > newest)
        said = world.take(taken(number, outcome))
        if number <= newest:
            assert said == ()
        else:
            assert ordered.take(taken(number, outcome)) == said
            newest = number
    assert world.aggregate.checkpoint() == ordered.aggregate.checkpoint()


def saved(aggregate, at):
    state = aggregate.checkpoint()
    return Checkpoint("shop", state, at.wall_ns) if state else None


def outline(transition):
    """Returns the part of a transition that a restart must not change: all but the incident's id and its evidence."""
    return msgspec.structs.replace(transition, id="", evidence=())


RESUMED = [
    (DOWN,),
    (HELD,),
    (Consecutive(id="both", after=2, recover=2, for_="20s", keep_firing_for="20s"), DOWN),
    (Consecutive(id="later", after=1, for_="1m"), Consecutive(id="kept", after=1, keep_firing_for="1m")),
    (SLOW, Threshold(id="long", value=300, for_="20s", keep_firing_for="30s")),
]


@pytest.mark.parametrize("rules", RESUMED)
@settings(max_examples=80, deadline=None)
@given(outcomes=STREAMS, cut=st.integers(0, 60))
def test_a_restart_goes_on_as_if_it_had_not_happened(rules, outcomes, cut):
    unbroken, cut = told(*rules), min(cut, len(outcomes))
    samples = [
        taken(number, outcome, latency_ns=(400 if outcome is Outcome.DEGRADED else 5) * 1_000_000)
        for number, outcome in enumerate(outcomes, 1)
    ]
    for sample in samples[:cut]:
        unbroken.take(sample)
    at = samples[cut - 1].at if cut else NOON
    again = TargetAggregate(shop(*rules), run=2)
    assert again.restore(saved(unbroken.aggregate, at), unbroken.aggregate.incidents(), at) == ()
    assert again.incidents() == unbroken.aggregate.incidents()
    for sample in samples[cut:]:
        expected = unbroken.take(sample)
        got = again.apply(sample, sample.at)
        assert [outline(step) for step in got] == [outline(step) for step in expected]


def test_time_without_a_running_process_counts_for_no_clock():
    world = told(HELD)
    world.take(taken(1, Outcome.DOWN))
    world.take(taken(2, Outcome.DOWN))
    stopped_at = taken(2).at
    state = saved(world.aggregate, stopped_at)
    an_hour_later = stopped_at.shifted(3_600 * S)
    again = TargetAggregate(shop(HELD), run=2)
    again.restore(state, (), an_hour_later)
    first = sample_at(2 * 10 * S + 3_600 * S, outcome=Outcome.DOWN, attempt=3)
    assert again.apply(first, first.at) == ()
    due = sample_at(2 * 10 * S + 3_620 * S, outcome=Outcome.DOWN, attempt=4)
    (opened,) = again.apply(due, due.at)
    assert opened.opened_at_ns == taken(1).at.wall_ns


@pytest.mark.parametrize("seen_before", [True, False])
def test_silence_that_is_pending_goes_on_over_a_restart(seen_before):
    rule = NoData(id="silent", for_="30s")
    world = told(rule)
    if seen_before:
        world.take(taken(1))
    assert world.hear(world.aggregate.missing("silent", taken(4).at, taken(4).at)) == ()
    again = TargetAggregate(shop(rule), run=2)
    again.restore(saved(world.aggregate, taken(4).at), (), taken(4).at)
    for aggregate in (world.aggregate, again):
        assert aggregate.missing("silent", taken(4).at, taken(6).at) == ()
        (opened,) = aggregate.missing("silent", taken(4).at, taken(7).at)
        assert opened.opened_at_ns == taken(4).at.wall_ns


def test_an_incident_whose_rule_is_gone_ends_when_it_is_restored():
    world = told(DOWN)
    for number in (1, 2, 3):
        world.take(taken(number, Outcome.DOWN))
    again = TargetAggregate(shop(SLOW), run=2)
    (ended,) = again.restore(None, world.aggregate.incidents(), NOON)
    assert (ended.change, ended.reason) == (TransitionKind.RESOLVED, "retired")
    assert again.incidents() == ()


def test_an_incident_without_a_checkpoint_stays_open_until_it_is_acquitted():
    world = told(DOWN)
    for number in (1, 2, 3):
        world.take(taken(number, Outcome.DOWN))
    again = TargetAggregate(shop(DOWN), run=2)
    again.restore(None, world.aggregate.incidents(), NOON)
    assert again.apply(taken(1), taken(1).at) == ()
    (ended,) = again.apply(taken(2), taken(2).at)
    assert (ended.change, ended.sequence) == (TransitionKind.RESOLVED, 2)


@given(STREAMS, st.integers(0, 40))
def test_a_new_specification_keeps_incidents_and_clocks(outcomes, cut):
    """The same rules, written again with another cadence and another rule beside them."""
    steady, changed = told(DOWN, HELD), told(DOWN, HELD)
    for number, outcome in enumerate(outcomes, 1):
        if number == cut:
            target = msgspec.structs.replace(shop(SLOW, HELD, DOWN), every="1s")
            assert changed.hear(changed.aggregate.reconfigure(target, taken(number).at)) == ()
        expected, got = steady.take(taken(number, outcome)), changed.take(taken(number, outcome))
        assert [outline(step) for step in sorted(got, key=lambda step: step.rule)] == [
            outline(step) for step in sorted(expected, key=lambda step: step.rule)
        ]


def broken(*rules):
    world = told(*rules)
    for number in (1, 2, 3):
        world.take(taken(number, Outcome.DOWN))
    return world


def test_a_rule_that_is_gone_or_retired_closes_its_incident():
    for target in (shop(), shop(msgspec.structs.replace(DOWN, state=RuleState.RETIRED))):
        world = broken(DOWN)
        (ended,) = world.hear(world.aggregate.reconfigure(target, taken(4).at))
        assert (ended.change, ended.reason) == (TransitionKind.RESOLVED, "retired")


def test_another_severity_changes_the_open_incident_once():
    world = broken(DOWN)
    target = shop(msgspec.structs.replace(DOWN, severity=Severity.INFO))
    (changed,) = world.hear(world.aggregate.reconfigure(target, taken(4).at))
    assert (changed.change, changed.severity, changed.sequence) == (TransitionKind.CHANGED, Severity.INFO, 2)
    assert world.hear(world.aggregate.reconfigure(target, taken(4).at)) == ()


def test_other_thresholds_keep_an_open_incident_and_its_start():
    world = broken(DOWN)
    assert world.aggregate.reconfigure(shop(msgspec.structs.replace(DOWN, recover=1)), taken(4).at) == ()
    (ended,) = world.take(taken(4))
    assert (ended.change, ended.opened_at_ns) == (TransitionKind.RESOLVED, taken(1).at.wall_ns)


def test_other_thresholds_of_a_pending_rule_keep_its_start():
    world = told(HELD)
    world.take(taken(1, Outcome.DOWN))
    target = shop(msgspec.structs.replace(HELD, recover=3))
    assert world.hear(world.aggregate.reconfigure(target, taken(2).at)) == ()
    said = [step for number in (2, 3, 4) for step in world.take(taken(number, Outcome.DOWN))]
    assert [(step.change, step.opened_at_ns) for step in said] == [
        (TransitionKind.OPENED, taken(1).at.wall_ns)
    ]


@pytest.mark.parametrize(("mildest", "opens_at"), [("down", 3), ("degraded", 5)])
def test_a_count_stands_while_bad_means_the_same(mildest, opens_at):
    world = told(DOWN)
    for number in (1, 2):
        world.take(taken(number, Outcome.DOWN))
    world.aggregate.reconfigure(shop(msgspec.structs.replace(DOWN, recover=1, on=mildest)), taken(2).at)
    opened_by = [number for number in range(3, 9) if world.take(taken(number, Outcome.DOWN))]
    assert opened_by == [opens_at]


def test_a_target_no_longer_watched_has_one_end_for_whatever_is_open():
    world = broken(DOWN, Consecutive(id="quick", after=1))
    ended = world.hear(world.aggregate.close(taken(4).at))
    assert [(step.rule, step.change, step.reason) for step in ended] == [
        ("down", TransitionKind.RESOLVED, "removed"),
        ("quick", TransitionKind.RESOLVED, "removed"),
    ]
    assert world.aggregate.close(taken(4).at) == ()


def test_acknowledging_is_one_step_and_ends_nothing():
    world = broken(DOWN)
    incident = world.aggregate.incidents()[0].id
    (seen,) = world.hear(world.aggregate.acknowledge(incident, "ann", taken(4).at))
    assert (seen.change, seen.acknowledged_by, seen.is_open) == (TransitionKind.ACKNOWLEDGED, "ann", True)
    assert world.hear(world.aggregate.acknowledge(incident, "bob", taken(4).at)) == ()
    assert world.hear(world.aggregate.acknowledge("inc_other", "bob", taken(4).at)) == ()


@pytest.mark.parametrize(
    ("policy", "before", "rules_open_after"),
    [
        (NoDataPolicy.FIRE, Outcome.UP, {"silent"}),
        (NoDataPolicy.FIRE, Outcome.DOWN, {"quick", "silent"}),
        (NoDataPolicy.KEEP, Outcome.UP, set()),
        (NoDataPolicy.KEEP, Outcome.DOWN, {"quick"}),
        (NoDataPolicy.OK, Outcome.UP, set()),
        (NoDataPolicy.OK, Outcome.DOWN, set()),
    ],
)
def test_silence_means_what_the_policy_says(policy, before, rules_open_after):
    world = told(Consecutive(id="quick", after=1), NoData(id="silent", policy=policy))
    world.take(taken(1, before))
    world.hear(world.aggregate.missing("silent", taken(4).at, taken(5).at))
    assert {incident.rule for incident in world.aggregate.incidents()} == rules_open_after


def test_an_incident_of_silence_began_when_it_became_too_long():
    world = told(NoData(id="silent"))
    (opened,) = world.hear(world.aggregate.missing("silent", taken(4).at, taken(5).at))
    assert (opened.opened_at_ns, opened.at_ns, opened.reason) == (
        taken(4).at.wall_ns,
        taken(5).at.wall_ns,
        "no_data",
    )
    (ended,) = world.take(taken(6))
    assert (ended.change, ended.reason) == (TransitionKind.RESOLVED, "recovered")


@pytest.mark.parametrize("rule", ["down", "unheard of"])
def test_silence_is_judged_by_no_data_rules_alone(rule):
    world = broken(DOWN)
    assert world.aggregate.missing(rule, NOON, taken(4).at) == ()


def test_an_incident_never_ends_before_it_began():
    world = broken(DOWN)
    back = msgspec.structs.replace(taken(5).at, wall_ns=NOON.wall_ns - 3_600 * S)
    world.take(msgspec.structs.replace(taken(4), at=back))
    (ended,) = world.take(msgspec.structs.replace(taken(5), at=back))
    assert ended.resolved_at_ns == ended.opened_at_ns


def test_a_wall_clock_that_goes_back_makes_no_id_twice():
    def ids(run):
        aggregate = TargetAggregate(shop(Consecutive(id="down", after=1, recover=1)), run=run)
        stream = [Outcome.DOWN, Outcome.UP] * 5
        samples = [msgspec.structs.replace(taken(n, o), at=NOON) for n, o in enumerate(stream, 1)]
        return {step.incident_id for sample in samples for step in aggregate.apply(sample, NOON)}

    assert len(ids(1) | ids(2)) == 10


@pytest.mark.parametrize("outcome", Outcome)
def test_the_raw_status_is_what_the_newest_sample_says(outcome):
    world = told(DOWN)
    assert world.aggregate.raw_status() is Status.UNKNOWN
    world.take(taken(1, outcome))
    assert world.aggregate.raw_status() is RAW_STATUS[outcome]
    # One bad sample that no rule has confirmed does not make the target down.
    confirmed = RAW_STATUS[outcome]
    assert world.aggregate.status() is (Status.UP if confirmed is Status.DOWN else confirmed)


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        (DOWN, Status.DOWN),
        (msgspec.structs.replace(DOWN, severity=Severity.WARNING), Status.DEGRADED),
        (msgspec.structs.replace(DOWN, state=RuleState.DRAFT), Status.UP),
    ],
)
def test_the_confirmed_status_is_that_of_the_open_incidents(rule, status):
    assert broken(rule).aggregate.status() is status


def test_an_incident_names_why_and_the_recovery_does_too():
    world = told(DOWN)
    for number in (1, 2, 3):
        said = world.take(taken(number, Outcome.TIMED_OUT, reason=Reason.TIMED_OUT, detail="no answer"))
    assert (said[0].reason, said[0].explanation) == ("timed_out", "timed_out: no answer")
    world.take(taken(4))
    assert world.take(taken(5))[0].reason == "recovered"


def test_a_breach_of_a_figure_is_reported_in_figures():
    world = told(SLOW)
    (opened,) = world.take(taken(1, latency_ns=400_000_000))
    assert (opened.reason, opened.explanation) == ("threshold", "last of response_time is 400 ms, > 300 ms")


def test_the_end_of_an_orphan_says_why():
    incident = broken(DOWN).aggregate.incidents()[0]
    ended = end_of(incident, RETIRED, taken(4).at)
    assert ended.may_follow(incident)
    assert ended.reason == "retired"
