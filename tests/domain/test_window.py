"""Windows: kept up to date one value at a time, equal to recomputing everything from a plain list."""

from fractions import Fraction
from math import ceil, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.rules.window import PERCENTILES, Percentile, SampleWindow, summary_of
from watchkeeper.domain.specification.rule import Aggregate

S = 1_000_000_000
VALUES = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
ENTRIES = st.lists(st.tuples(st.integers(0, 5), VALUES), min_size=1, max_size=60)
"""Gaps in seconds since the entry before (0: two samples at one instant), and values."""


def naive(aggregate, values):
    ranked = sorted(values)
    match aggregate:
        case Aggregate.LAST:
            return values[-1]
        case Aggregate.MEAN:
            return float(sum(map(Fraction, values)) / len(values))
        case Aggregate.MIN:
            return ranked[0]
        case Aggregate.MAX:
            return ranked[-1]
        case _:
            share = int(aggregate.value[1:])
            return ranked[max(ceil(share * len(ranked) / 100), 1) - 1]


def timed(entries):
    at_ns = 0
    for gap_s, value in entries:
        at_ns += gap_s * S
        yield at_ns, value


def held(taken, count_max, length_ns):
    now_ns = taken[-1][0]
    young = [entry for entry in taken if length_ns is None or entry[0] > now_ns - length_ns]
    return young[-count_max:]


@pytest.mark.parametrize("aggregate", Aggregate)
@given(entries=ENTRIES, count_max=st.integers(1, 12), length_s=st.none() | st.integers(1, 20))
def test_a_window_equals_recomputing_from_a_plain_list(aggregate, entries, count_max, length_s):
    length_ns = None if length_s is None else length_s * S
    window = SampleWindow(summary_of(aggregate), count_max=count_max, length_ns=length_ns)
    taken = []
    for at_ns, value in timed(entries):
        window.add(at_ns, value)
        taken.append((at_ns, value))
        expected = held(taken, count_max, length_ns)
        figure = naive(aggregate, [value for _, value in expected])
        assert len(window) == len(expected)
        # Only the mean rounds, and by no more than its sum's own rounding.
        assert isclose(
            window.read(), figure, rel_tol=1e-9, abs_tol=1e-6 if aggregate is Aggregate.MEAN else 0
        )


@given(entries=ENTRIES, count_max=st.integers(2, 12), length_s=st.none() | st.integers(1, 20))
def test_a_rate_is_from_the_first_value_held_to_the_last(entries, count_max, length_s):
    length_ns = None if length_s is None else length_s * S
    window = SampleWindow(summary_of(Aggregate.LAST), count_max=count_max, length_ns=length_ns)
    taken = []
    for at_ns, value in timed(entries):
        window.add(at_ns, value)
        taken.append((at_ns, value))
        (first_ns, first), (last_ns, last) = held(taken, count_max, length_ns)[0], taken[-1]
        rate = window.change_per_second()
        if first_ns == last_ns:
            assert rate is None
        else:
            assert isclose(rate, (last - first) / ((last_ns - first_ns) / S), rel_tol=1e-9, abs_tol=1e-12)


@given(entries=ENTRIES, length_s=st.integers(1, 20))
def test_a_timed_window_is_covered_once_we_have_looked_that_long(entries, length_s):
    window = SampleWindow(summary_of(Aggregate.LAST), count_max=1_000, length_ns=length_s * S)
    assert not window.covered()
    moments = []
    for at_ns, value in timed(entries):
        window.add(at_ns, value)
        moments.append(at_ns)
        assert window.covered() is (at_ns - moments[0] >= length_s * S)


@given(entries=ENTRIES, count_max=st.integers(1, 12))
def test_a_counted_window_is_covered_once_it_is_full(entries, count_max):
    window = SampleWindow(summary_of(Aggregate.LAST), count_max=count_max, length_ns=None)
    for number, (at_ns, value) in enumerate(timed(entries), 1):
        window.add(at_ns, value)
        assert window.covered() is (number >= count_max)


def test_the_far_end_of_a_timed_window_is_exclusive():
    window = SampleWindow(summary_of(Aggregate.MAX), count_max=10, length_ns=5 * S)
    window.add(0, 9.0)
    window.add(5 * S - 1, 1.0)
    assert window.read() == 9.0
    window.add(5 * S, 2.0)
    assert window.read() == 2.0


@pytest.mark.parametrize(
    ("aggregate", "rank"),
    [(Aggregate.P50, 10), (Aggregate.P75, 15), (Aggregate.P90, 18), (Aggregate.P95, 19), (Aggregate.P99, 20)],
)
def test_a_percentile_is_the_nearest_rank_of_twenty(aggregate, rank):
    summary = summary_of(aggregate)
    for value in range(20, 0, -1):
        summary.add(float(value))
    assert summary.read() == rank


@given(
    values=st.lists(st.integers(0, 30), min_size=60, max_size=120),
    count_max=st.integers(1, 40),
    block_max=st.integers(1, 5),
    asked_every=st.integers(1, 7),
    aggregate=st.sampled_from(sorted(PERCENTILES)),
)
def test_a_percentile_in_blocks_is_that_of_a_plain_list(values, count_max, block_max, asked_every, aggregate):
    summary = Percentile(PERCENTILES[aggregate], block_max=block_max)
    for place, value in enumerate(values):
        summary.add(value)
        if place >= count_max:
            summary.remove(values[place - count_max])
        held_values = values[max(0, place - count_max + 1) : place + 1]
        if place % asked_every == 0:
            assert summary.read() == naive(aggregate, held_values)


def test_every_aggregate_that_is_a_percentile_has_its_share():
    named = {aggregate for aggregate in Aggregate if aggregate.value[1:].isdigit()}
    assert {aggregate: int(aggregate.value[1:]) / 100 for aggregate in named} == PERCENTILES


@pytest.mark.parametrize("huge", [1e16, 1e300, -1.7e308, 5e-324])
def test_a_mean_forgets_a_huge_value_that_has_left(huge):
    window = SampleWindow(summary_of(Aggregate.MEAN), count_max=2, length_ns=None)
    for at_ns, value in enumerate((0.25, huge, 0.5, 0.25)):
        window.add(at_ns, value)
    assert window.read() == 0.375


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_mean_is_rounded_once(values):
    summary = summary_of(Aggregate.MEAN)
    for value in values:
        summary.add(value)
    assert summary.read() == float(sum(map(Fraction, values)) / len(values))
