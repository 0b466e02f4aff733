"""Evaluation: what each kind of rule makes of samples, against naive recomputation of the whole past."""

import operator
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import NOON, sample_at
from watchkeeper.domain.conditions.comparison import OPERATORS
from watchkeeper.domain.limits import EVIDENCE_KEPT
from watchkeeper.domain.observation.observation import Measurement, Phases
from watchkeeper.domain.observation.outcome import (
    GOOD,
    INTERNAL_FAULTS,
    WITHOUT_ANSWER,
    Outcome,
    Reason,
    is_answered,
)
from watchkeeper.domain.rules.cause import Cause
from watchkeeper.domain.rules.counting import ConsecutiveEvaluator
from watchkeeper.domain.rules.evaluation import NoDataEvaluator, evaluator_of
from watchkeeper.domain.rules.evaluator import BAD_FROM, Verdict
from watchkeeper.domain.rules.figures import (
    ANSWER_TIMES,
    MEASURES,
    ThresholdEvaluator,
    counted,
    measured,
)
from watchkeeper.domain.rules.phase import Phase, PhaseState
from watchkeeper.domain.rules.watch import RuleWatch, resume, saved_of
from watchkeeper.domain.specification.rule import (
    Aggregate,
    Consecutive,
    Mode,
    NoData,
    NoDataPolicy,
    Threshold,
)

S = 1_000_000_000
EVIDENCE = [outcome for outcome in Outcome if outcome.is_evidence]
OUTCOMES = st.lists(st.sampled_from(EVIDENCE), max_size=30)


def taken(number, outcome=Outcome.UP, **fields):
    return sample_at(number * S, outcome=outcome, attempt=number, **fields)


def run_of(flags):
    """How many at the end of a list are true."""
    return next((back for back, flag in enumerate(reversed(flags)) if not flag), len(flags))


@pytest.mark.parametrize("name", [*MEASURES, "lag"])
def test_a_reported_figure_is_judged_whatever_its_name(name):
    evaluator = evaluator_of(Threshold(id="over", measure=name, value=5))
    reported = taken(1, latency_ns=1, measurements=(Measurement(name, 7.0),))
    assert evaluator.take(reported, firing=False) is Verdict.VIOLATED


@given(OUTCOMES, st.integers(1, 5), st.integers(1, 5), st.sampled_from(["down", "degraded"]))
def test_bad_samples_in_a_row_break_and_good_ones_mend(outcomes, after, recover, mildest):
    """Gatus' thresholds: failures reset successes and the other way round; firing is the rule's own last word."""
    evaluator = ConsecutiveEvaluator(Consecutive(id="down", after=after, recover=recover, on=mildest))
    firing, bad = False, []
    for number, outcome in enumerate(outcomes, 1):
        bad.append(outcome in BAD_FROM[mildest])
        verdict = evaluator.take(taken(number, outcome), firing=firing)
        if bad[-1]:
            expected = Verdict.VIOLATED if run_of(bad) >= after else Verdict.UNCHANGED
        else:
            good = run_of([not flag for flag in bad])
            expected = Verdict.OK if not firing or good >= recover else Verdict.UNCHANGED
        assert verdict is expected
        firing = verdict is Verdict.VIOLATED or (firing and verdict is Verdict.UNCHANGED)


def test_every_short_sequence_opens_after_three_and_ends_after_two():
    """Every stream of up to seven samples, walked whole."""
    for outcomes in product((Outcome.UP, Outcome.DOWN), repeat=7):
        evaluator, firing = ConsecutiveEvaluator(Consecutive(id="down", after=3, recover=2)), False
        text = ""
        for number, outcome in enumerate(outcomes, 1):
            text += "b" if outcome is Outcome.DOWN else "g"
            verdict = evaluator.take(taken(number, outcome), firing=firing)
            firing = verdict is Verdict.VIOLATED or (firing and verdict is Verdict.UNCHANGED)
            opened, ended = text.rfind("bbb"), text.rfind("gg")
            assert firing is (opened > ended)


def test_evidence_is_bounded_and_begins_with_the_first_bad_sample():
    evaluator = ConsecutiveEvaluator(Consecutive(id="down", after=2))
    for number in range(1, 40):
        evaluator.take(taken(number, Outcome.DOWN), firing=number > 2)
    assert evaluator.evidence() == tuple(range(1, EVIDENCE_KEPT + 1))
    assert evaluator.since() == taken(1).at


@pytest.mark.parametrize("sign", OPERATORS)
def test_each_operator_compares_as_it_is_written(sign):
    reference = {">": "gt", ">=": "ge", "<": "lt", "<=": "le", "==": "eq", "!=": "ne"}[sign]
    for left, right in product((1.0, 2.0), repeat=2):
        assert OPERATORS[sign](left, right) is getattr(operator, reference)(left, right)


PHASES = Phases(
    dns_ns=1_000_000, connect_ns=2_000_000, tls_ns=3_000_000, first_byte_ns=4_000_000, transfer_ns=5_500_000
)


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("response_time", 7.0),
        ("status", 503),
        ("certificate_expiration", 3.0),
        ("dns", 1.0),
        ("connect", 2.0),
        ("tls", 3.0),
        ("first_byte", 4.0),
        ("transfer", 5.5),
        ("queue depth", 12.5),
        ("nothing", None),
    ],
)
def test_each_measure_is_read_from_the_sample(measure, value):
    sample = taken(
        1,
        latency_ns=7_000_000,
        status=503,
        certificate_expires_in_ns=3_000_000,
        phases=PHASES,
        measurements=(Measurement("queue depth", 12.5),),
    )
    assert measured(sample, measure) == value


def test_a_sample_without_facts_is_measured_by_its_availability_alone():
    bare = taken(1, latency_ns=None, status=None)
    assert {name: value for name in MEASURES if (value := measured(bare, name)) is not None} == {
        "availability": 100.0
    }
    assert measured(taken(2, Outcome.DOWN, latency_ns=None), "availability") == 0.0


LATENCIES = st.lists(st.none() | st.integers(0, 20), min_size=1, max_size=40)


def naive_figure(rule, values):
    """The window's figure, recomputed; None where it has too few samples. Samples come every second."""
    match rule.mode:
        case Mode.THRESHOLD:
            ranked = sorted(values)
            return {
                "last": values[-1],
                "mean": sum(values) / len(values),
                "min": ranked[0],
                "max": ranked[-1],
            }[rule.aggregate.value]
        case Mode.CONSECUTIVE:
            return None
        case Mode.RATE_OF_CHANGE:
            return None


@given(LATENCIES, st.integers(1, 6), st.sampled_from(["last", "mean", "min", "max"]), st.integers(0, 20))
def test_a_threshold_compares_the_aggregate_of_the_window(latencies, count, aggregate, value):
    rule = Threshold(id="slow", value=value, window=count, aggregate=Aggregate(aggregate))
    evaluator, values = ThresholdEvaluator(rule), []
    for number, latency_ms in enumerate(latencies, 1):
        latency_ns = None if latency_ms is None else latency_ms * 1_000_000
        verdict = evaluator.take(taken(number, latency_ns=latency_ns), firing=False)
        if latency_ms is None:
            assert verdict is Verdict.UNCHANGED
            continue
        values.append(float(latency_ms))
        broken = naive_figure(rule, values[-count:]) > value
        assert verdict is (Verdict.VIOLATED if broken else Verdict.OK)


@given(LATENCIES, st.integers(1, 6), st.integers(0, 20))
def test_in_consecutive_mode_every_value_of_a_full_window_must_break(latencies, count, value):
    evaluator = ThresholdEvaluator(Threshold(id="slow", value=value, window=count, mode=Mode.CONSECUTIVE))
    broken = []
    for number, latency_ms in enumerate(filter(None, latencies), 1):
        verdict = evaluator.take(taken(number, latency_ns=latency_ms * 1_000_000), firing=False)
        broken.append(latency_ms > value)
        if not all(broken[-count:]):
            assert verdict is Verdict.OK
        else:
            assert verdict is (Verdict.VIOLATED if len(broken) >= count else Verdict.UNCHANGED)


@given(LATENCIES, st.integers(2, 6), st.integers(-10, 10))
def test_a_rate_of_change_is_per_second_over_the_window(latencies, count, value):
    evaluator = ThresholdEvaluator(
        Threshold(id="rising", value=value, window=count, mode=Mode.RATE_OF_CHANGE)
    )
    values = []
    for number, latency_ms in enumerate(filter(None, latencies), 1):
        verdict = evaluator.take(taken(number, latency_ns=latency_ms * 1_000_000), firing=False)
        values.append(latency_ms)
        recent = values[-count:]
        if len(recent) < 2:
            assert verdict is Verdict.UNCHANGED
            continue
        broken = (recent[-1] - recent[0]) / (len(recent) - 1) > value
        assert verdict is (Verdict.VIOLATED if broken else Verdict.OK)


def test_rules_over_windows_fire_when_each_poll_brings_one_sample():
    evaluator = ThresholdEvaluator(Threshold(id="slow", value=300, window=3, mode=Mode.CONSECUTIVE))
    slow = [evaluator.take(taken(number, latency_ns=400_000_000), firing=False) for number in (1, 2, 3)]
    assert slow == [Verdict.UNCHANGED, Verdict.UNCHANGED, Verdict.VIOLATED]


def test_a_window_that_is_not_covered_convicts_but_does_not_acquit():
    """After a restart the window refills; until then an open incident stays as it is."""
    evaluator = ThresholdEvaluator(Threshold(id="slow", value=300, window="10s", aggregate=Aggregate.MEAN))
    verdicts = [evaluator.take(taken(number, latency_ns=1_000_000), firing=True) for number in range(1, 12)]
    assert verdicts == [Verdict.UNCHANGED] * 10 + [Verdict.OK]
    assert evaluator.take(taken(12, latency_ns=10**12), firing=True) is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (NoDataPolicy.KEEP, Verdict.UNCHANGED),
        (NoDataPolicy.FIRE, Verdict.VIOLATED),
        (NoDataPolicy.OK, Verdict.OK),
    ],
)
def test_each_policy_says_what_silence_means(policy, verdict):
    evaluator = NoDataEvaluator(NoData(id="silent", policy=policy))
    assert evaluator.missing(NOON) is verdict
    assert evaluator.take(taken(1), firing=True) is Verdict.OK
    assert evaluator.since() is None


def test_silence_began_when_it_first_became_too_long():
    evaluator = NoDataEvaluator(NoData(id="silent"))
    evaluator.missing(NOON)
    evaluator.missing(NOON.shifted(S))
    assert evaluator.since() == NOON


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (Threshold(id="slow", value=300), "last of response_time is 400 ms, > 300 ms"),
        (
            Threshold(id="slow", value=300, mode=Mode.CONSECUTIVE),
            "1 values of response_time in a row are > 300 ms",
        ),
        (
            Threshold(id="slow", value=300, window=2, mode=Mode.RATE_OF_CHANGE),
            "response_time changes by 0 ms a second, > 300 ms",
        ),
        (Consecutive(id="down"), "seen"),
        (NoData(id="silent"), "seen"),
    ],
)
def test_each_kind_says_its_breach_in_one_line(rule, says):
    evaluator = evaluator_of(rule)
    evaluator.take(taken(1, latency_ns=400_000_000), firing=False)
    assert evaluator.breach(Cause("reported", "seen")).explanation == says


SLOW_NS, FAST_NS = 400_000_000, 200_000
TIMES = Phases(first_byte_ns=FAST_NS, transfer_ns=FAST_NS)
WRONG_ANSWERS = {Reason.CONDITION_FAILED, Reason.UNEXPECTED_ANSWER, Reason.EXIT_STATUS, Reason.REPORTED}
WRONG_ANSWERS |= {Reason.ENCRYPTION_REFUSED, Reason.HEADER_REFUSED, Reason.CAPTURE_FAILED}


def slow_for(seconds, evaluator):
    for number in range(1, seconds + 1):
        evaluator.take(
            taken(number, latency_ns=SLOW_NS, phases=Phases(first_byte_ns=SLOW_NS, transfer_ns=SLOW_NS)),
            firing=number > 1,
        )


def test_every_reason_for_being_down_had_an_answer_or_none():
    others = WRONG_ANSWERS | INTERNAL_FAULTS | GOOD | {Reason.CANCELLED, Reason.TIMED_OUT}
    assert set(Reason) - others == WITHOUT_ANSWER


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("reason", Reason)
def test_only_answers_count_as_fast_for_a_rule(outcome, reason):
    """A sample that is no evidence never reaches a rule."""
    rule = Threshold(id="quick", operator="<", value=100)
    found = counted(taken(1, outcome, reason=reason, latency_ns=FAST_NS), rule)
    assert is_answered(outcome, reason) is (outcome in EVIDENCE and found is not None)


@pytest.mark.parametrize("measure", sorted(ANSWER_TIMES))
@pytest.mark.parametrize("reason", sorted(WITHOUT_ANSWER))
@pytest.mark.parametrize("outcome", [Outcome.DOWN, Outcome.TIMED_OUT])
def test_a_refusal_is_no_fast_answer(measure, reason, outcome):
    """Nor a slow one: neither opens, nor resolves, nor enters the window."""
    for operator_, value in ((">", 100), ("<", 100), ("<=", 10_000)):
        evaluator = evaluator_of(
            Threshold(id="slow", measure=measure, operator=operator_, value=value, window=3)
        )
        slow_for(4, evaluator)
        before = (evaluator.says(), evaluator.evidence(), evaluator.since())
        for firing in (True, False):
            refused = taken(5, outcome, reason=reason, latency_ns=FAST_NS, phases=TIMES)
            assert evaluator.take(refused, firing=firing) is Verdict.UNCHANGED
        assert (evaluator.says(), evaluator.evidence(), evaluator.since()) == before


@pytest.mark.parametrize("reason", sorted(WRONG_ANSWERS))
def test_a_wrong_answer_is_one_and_its_time_counts(reason):
    evaluator = evaluator_of(Threshold(id="slow", value=100))
    slow_for(2, evaluator)
    wrong = taken(3, Outcome.DOWN, reason=reason, latency_ns=FAST_NS)
    assert evaluator.take(wrong, firing=True) is Verdict.OK


def test_a_connect_that_was_measured_counts_whatever_came_after():
    evaluator = evaluator_of(Threshold(id="slow", measure="connect", value=100))
    reset = {"reason": Reason.CONNECTION_RESET, "phases": Phases(connect_ns=SLOW_NS)}
    assert evaluator.take(taken(1, Outcome.DOWN, **reset), firing=False) is Verdict.VIOLATED
    refused = taken(2, Outcome.DOWN, reason=Reason.CONNECTION_REFUSED, phases=Phases())
    assert evaluator.take(refused, firing=True) is Verdict.UNCHANGED


def test_an_answer_that_is_too_late_counts_against_it_alone():
    evaluator = evaluator_of(Threshold(id="slow", value=100, window=4, aggregate=Aggregate.P95))
    late = taken(1, Outcome.TIMED_OUT, latency_ns=SLOW_NS)
    assert evaluator.take(late, firing=False) is Verdict.VIOLATED
    # Little of the deadline was left at its start: the true latency is unknown.
    assert evaluator.take(taken(2, Outcome.TIMED_OUT, latency_ns=FAST_NS), firing=True) is Verdict.UNCHANGED
    assert evaluator.says().startswith("p95 of response_time is 400")


@pytest.mark.parametrize(
    "fields", [{"operator": "<"}, {"operator": "!="}, {"mode": Mode.RATE_OF_CHANGE, "window": 2}]
)
def test_a_timeout_decides_nothing_where_its_least_latency_does_not(fields):
    evaluator = evaluator_of(Threshold(id="odd", value=500, **fields))
    for number in (1, 2):
        late = taken(number, Outcome.TIMED_OUT, latency_ns=SLOW_NS)
        assert evaluator.take(late, firing=False) is Verdict.UNCHANGED


def test_a_late_answer_never_ends_a_breach():
    """The mean falls below the value as the slowest answer leaves the window: the next answer may resolve."""
    evaluator = evaluator_of(Threshold(id="slow", value=150, window=3, aggregate=Aggregate.MEAN))
    for number, latency_ms in enumerate((900, 10, 10), 1):
        evaluator.take(taken(number, latency_ns=latency_ms * 1_000_000), firing=number > 1)
    late = taken(4, Outcome.TIMED_OUT, latency_ns=160_000_000)
    assert evaluator.take(late, firing=True) is Verdict.UNCHANGED
    assert evaluator.take(late, firing=False) is Verdict.UNCHANGED
    assert evaluator.take(taken(5, latency_ns=10_000_000), firing=True) is Verdict.OK


def test_a_certificate_runs_down_while_nothing_answers():
    evaluator = evaluator_of(
        Threshold(id="soon", measure="certificate_expiration", operator="<", value=1_000)
    )
    refused = {"reason": Reason.CONNECTION_REFUSED, "certificate_expires_in_ns": 999_000_000}
    assert evaluator.take(taken(1, Outcome.DOWN, **refused), firing=False) is Verdict.VIOLATED


@pytest.mark.parametrize("kinds", [(NoData, Consecutive), (Consecutive, NoData)])
def test_a_rule_that_became_another_kind_between_two_runs_begins_again(kinds):
    before, after, fresh = (RuleWatch(kind(id="down")) for kind in (*kinds, kinds[1]))
    resume(after, saved_of(before, NOON), NOON)
    assert saved_of(after, NOON) == saved_of(fresh, NOON)


def test_the_checkpoint_of_a_firing_rule_stays_equal_while_nothing_changes():
    """It is compared with the last one before each commit: equal bytes are not written again."""
    watch = RuleWatch(Consecutive(id="down"))
    watch.phase_state = PhaseState(Phase.FIRING, active_at=NOON)
    later = NOON.shifted(60_000_000_000)
    assert saved_of(watch, NOON) == saved_of(watch, later)
    watch.phase_state = PhaseState(Phase.PENDING, active_at=NOON)
    assert saved_of(watch, NOON) != saved_of(watch, later)


def test_a_value_written_as_a_duration_is_compared_in_milliseconds_and_shown_as_written():
    rules = [Threshold(id="r", value=value) for value in (300, "300ms", timedelta(milliseconds=300))]
    for rule in rules:
        evaluator = ThresholdEvaluator(rule)
        verdicts = [
            evaluator.take(sample_at(number, latency_ns=ms * S // 1_000), firing=False)
            for number, ms in enumerate((299, 300, 301))
        ]
        assert verdicts == [Verdict.OK, Verdict.OK, Verdict.VIOLATED]
        bound = "300 ms" if rule.value == 300 else "300ms"
        assert evaluator.says().endswith(f", > {bound}")
    assert evaluator.says() == "last of response_time is 301ms, > 300ms"
