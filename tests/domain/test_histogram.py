"""The histogram: percentiles that are never too low and at most an eighth too high, in bounded space."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.read_model.histogram import Histogram, Percentiles, bucket_of

VALUES = st.lists(st.integers(-5, 10**15) | st.integers(0, 40), min_size=1, max_size=200)


def of(values):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(VALUES)
def test_each_percentile_is_at_most_an_eighth_too_high(values):
    figures = of(values).percentiles()
    ranked = sorted(max(value, 0) for value in values)
    for share, read in ((0.50, figures.p50_ns), (0.90, figures.p90_ns), (0.99, figures.p99_ns)):
        exact = ranked[max(ceil(round(share * len(ranked), 9)), 1) - 1]
        assert exact <= read <= max(exact * 1.125, exact)
    assert (figures.count, figures.max_ns) == (len(values), ranked[-1])


@given(VALUES)
def test_percentiles_stand_in_their_order(values):
    figures = of(values).percentiles()
    assert figures.p50_ns <= figures.p90_ns <= figures.p99_ns <= figures.max_ns


@given(st.lists(st.integers(0, 15), min_size=1, max_size=50))
def test_small_values_are_exact(values):
    assert of(values).percentiles().p50_ns == sorted(values)[ceil(len(values) / 2) - 1]


def test_a_value_is_read_as_the_greatest_of_its_eighth_unless_that_exceeds_the_maximum():
    assert of([900, 900, 5_000]).percentiles() == Percentiles(3, 959, 5_000, 5_000, 5_000)
    assert of([900]).percentiles().p50_ns == 900


def test_an_empty_histogram_reads_zero():
    assert Histogram().percentiles() == Percentiles(0, 0, 0, 0, 0)


@pytest.mark.parametrize("bits", [10, 40, 63])
def test_the_space_grows_with_the_bits_of_a_value_alone(bits):
    values = (number << max(bits - 12, 0) for number in range(1 << min(bits, 12)))
    assert len({bucket_of(value, 3) for value in values}) <= 8 * (bits + 1)
