"""Figures of windows: a value of recovery, the least number of samples, availability, and the change against the window before."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lines import course, samples, watched
from records import sample_at
from watchkeeper.domain.conditions.comparison import OPERATORS
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.rules.evaluator import Verdict
from watchkeeper.domain.rules.figures import ThresholdEvaluator
from watchkeeper.domain.specification.rule import Aggregate, Mode, Threshold
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S


def answered(*latencies_ms):
    """One answer a second, each after so many milliseconds."""
    return [
        sample_at(number * NS_PER_S, latency_ns=int(ms * NS_PER_MS), attempt=number)
        for number, ms in enumerate(latencies_ms, 1)
    ]


COURSES = [
    # Opens above 300, ends at 200 or below.
    ({"recover": 200}, (100, 250, 301, 250, 201, 200, 250), "--O++R-"),
    ({"recover": 200}, (301, 250, 301, 200), "O++R"),
    ({"recover": 300}, (301, 300), "OR"),
    ({"recover": "200ms"}, (301, 250, 199), "O+R"),
    ({"operator": "<", "value": 50, "recover": 80}, (60, 49, 60, 79, 80, 60), "-O++R-"),
    ({"recover": 200, "mode": "consecutive", "window": 2}, (301, 250, 301, 301, 250, 250, 199), "---O++R"),
    ({"recover": 200, "for_": "2s"}, (301, 250, 301, 301, 301, 250, 199), "----O+R"),
    ({"recover": 200, "keep_firing_for": "2s"}, (301, 199, 250, 199, 199, 199), "O++++R"),
    ({"recover": 200, "aggregate": "mean", "window": 2}, (100, 700, 100, 100), "-O+R"),
    # Fewer values than needed change nothing.
    ({"min_samples": 3, "window": "10s"}, (400, 400, 400), "--O"),
    ({"min_samples": 2, "window": 2, "aggregate": "max"}, (400, 1, 1, 1), "-OR-"),
]


@pytest.mark.parametrize(("fields", "latencies_ms", "wanted"), COURSES)
def test_a_threshold_opens_and_ends_as_the_table_says(fields, latencies_ms, wanted):
    rule = Threshold(**{"id": "slow", "value": 300, **fields})
    assert course(watched(rule), answered(*latencies_ms)) == wanted


LATENCIES = st.lists(st.integers(0, 20), max_size=40)


@settings(deadline=None)
@given(LATENCIES, st.integers(0, 20), st.integers(0, 20), st.integers(1, 4), st.sampled_from("><"))
def test_a_value_of_recovery_agrees_with_a_naive_latch(latencies, value, recover, count, sign):
    assume(recover <= value if sign == ">" else recover >= value)
    rule = Threshold(id="slow", operator=sign, value=value, recover=recover, window=count, aggregate="mean")
    aggregate, is_open, seen = watched(rule), False, []
    for sample, latency_ms in zip(answered(*latencies), latencies, strict=True):
        aggregate.apply(sample, sample.at)
        seen.append(latency_ms)
        recent = seen[-count:]
        mean = sum(recent) / len(recent)
        broken = OPERATORS[sign](mean, recover if is_open else value)
        is_open = broken or (is_open and len(seen) < count)
        assert bool(aggregate.incidents()) is is_open


def test_an_open_incident_says_the_value_that_ends_it():
    evaluator = ThresholdEvaluator(Threshold(id="slow", value=300, recover=200))
    for sample, firing in zip(answered(400, 250), (False, True), strict=True):
        evaluator.take(sample, firing=firing)
    assert evaluator.says() == "last of response_time is 250 ms, > 200 ms"


def test_availability_is_the_share_of_samples_that_are_not_bad():
    rule = Threshold(
        id="weak", measure="availability", operator="<", value=70, recover=90, window="50s", aggregate="mean"
    )
    aggregate = watched(rule)
    # Two bad ones of the last five open it, and it ends when all five are good: a degraded one is.
    assert course(aggregate, samples("...xwxt......")) == "-----O+++++R-"
    aggregate = watched(rule)
    for sample in samples("...xx"):
        steps = aggregate.apply(sample, sample.at)
    assert steps[0].explanation == "mean of availability is 60, < 70"


def changes(**fields):
    return Threshold(
        **{
            "id": "slower",
            "value": 50,
            "mode": "relative_change",
            "window": 2,
            "baseline": 3,
            "aggregate": "mean",
            **fields,
        }
    )


CHANGES = [
    # Three values before, two now: +100 % opens it, and the window before follows until nothing changes any more.
    (changes(), (10, 10, 10, 10, 10, 20, 20, 20, 20, 20), "------OR--"),
    (changes(recover=10), (10, 10, 10, 10, 10, 20, 20, 20, 20, 20), "------O++R"),
    (changes(operator="<", value=-30), (10, 10, 10, 10, 10, 5, 5, 5), "------O+"),
    # Until the window before is whole nothing is judged.
    (changes(), (10, 10, 10, 99, 99), "----O"),
    (changes(), (10, 10, 99, 99), "----"),
    # No change of nothing.
    (changes(), (0, 0, 0, 0, 0, 9, 9), "-------"),
]


@pytest.mark.parametrize(("rule", "latencies_ms", "wanted"), CHANGES)
def test_a_relative_change_opens_and_ends_as_the_table_says(rule, latencies_ms, wanted):
    assert course(watched(rule), answered(*latencies_ms)) == wanted


def naive_change(values, now, before):
    """The change in percent of the mean of the newest values, against those before them."""
    recent, earlier = values[-now:], values[-now - before : -now]
    if len(earlier) < before or not sum(earlier):
        return None
    mean = sum(earlier) / len(earlier)
    return (sum(recent) / len(recent) - mean) / mean * 100


@settings(deadline=None)
@given(LATENCIES, st.integers(1, 4), st.integers(1, 5), st.integers(-80, 200))
def test_a_relative_change_agrees_with_a_naive_one(latencies, now, before, value):
    rule = changes(window=now, baseline=before, value=value + 0.125)
    evaluator, values = ThresholdEvaluator(rule), []
    for sample, latency_ms in zip(answered(*latencies), latencies, strict=True):
        values.append(latency_ms)
        verdict = evaluator.take(sample, firing=False)
        change = naive_change(values, now, before)
        if change is None:
            assert verdict is Verdict.UNCHANGED
        else:
            assert verdict is (Verdict.VIOLATED if change > value + 0.125 else Verdict.OK)


def test_the_window_before_is_as_long_as_the_window_unless_stated():
    rule = Threshold(id="slower", value=50, mode="relative_change", window=2, aggregate="max")
    assert course(watched(rule), answered(1, 1, 9, 9, 9)) == "---OR"


def test_a_window_before_may_be_a_length_of_time():
    rule = changes(window="2s", baseline="3s")
    # The first value is three seconds older than the newest one before only in the sixth second.
    assert course(watched(rule), answered(10, 10, 10, 10, 10, 20, 20)) == "------O"


def test_a_relative_change_says_both_figures():
    evaluator = ThresholdEvaluator(changes())
    for sample in answered(10, 10, 10, 20, 20):
        evaluator.take(sample, firing=False)
    assert evaluator.says() == "mean of response_time is 20 ms after 10 ms: +100%, > 50%"
    assert evaluator.figure == pytest.approx(100)


@pytest.mark.parametrize("aggregate", Aggregate)
def test_each_aggregate_is_compared_with_that_of_the_window_before(aggregate):
    rule = changes(aggregate=aggregate, window=3, baseline=3)
    assert course(watched(rule), answered(10, 10, 10, 20, 20, 20)) == "-----O"


def test_a_time_that_a_block_may_have_made_says_nothing_of_a_change():
    evaluator = ThresholdEvaluator(changes())
    blocked = sample_at(0, latency_ns=NS_PER_S, blocked_ns=NS_PER_MS)
    assert evaluator.take(blocked, firing=False) is Verdict.UNCHANGED
    assert evaluator.figure is None


@pytest.mark.parametrize("recover", [200, 150])
def test_a_block_decides_nothing_beside_the_value_that_ends_an_incident(recover):
    evaluator = ThresholdEvaluator(Threshold(id="slow", value=300, recover=recover))
    sample = sample_at(0, latency_ns=220 * NS_PER_MS, blocked_ns=50 * NS_PER_MS)
    wanted = Verdict.UNCHANGED if recover == 200 else Verdict.VIOLATED
    assert evaluator.take(sample, firing=True) is wanted
    assert evaluator.take(sample, firing=False) is Verdict.OK


def test_a_late_answer_counts_beyond_the_value_that_ends_an_incident():
    evaluator = ThresholdEvaluator(Threshold(id="slow", value=300, recover=200))
    late = sample_at(0, outcome=Outcome.TIMED_OUT, latency_ns=250 * NS_PER_MS)
    assert evaluator.take(late, firing=True) is Verdict.VIOLATED
    assert evaluator.take(late, firing=False) is Verdict.UNCHANGED


def test_every_mode_has_a_course_above():
    modes = {fields.get("mode", "threshold") for fields, _, _ in COURSES}
    assert {*Mode} - modes == {Mode.RATE_OF_CHANGE, Mode.RELATIVE_CHANGE}
