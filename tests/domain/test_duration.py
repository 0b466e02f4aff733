"""Durations: the accepted and the refused texts with their messages, and that writing and reading agree."""

import math
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.limits import DURATION_CHARACTERS_MAX, DURATION_NS_MAX
from watchkeeper.domain.time.duration import duration_ns, format_duration, parse_duration

S = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "duration_ns"),
    [
        ("0", 0),
        ("0s", 0),
        ("1ns", 1),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("1μs", 1_000),
        ("500ms", 500_000_000),
        ("1s", S),
        ("1.5s", 1_500_000_000),
        (".5s", 500_000_000),
        ("0.1s", 100_000_000),
        ("1m30s", 90 * S),
        ("48h", 48 * 3600 * S),
        ("7d", 7 * 86400 * S),
        ("2w", 14 * 86400 * S),
        ("1w2d3h4m5s6ms7us8ns", 788_645_006_007_008),
        ("1.000000001s", S + 1),
        ("007s", 7 * S),
        ("0" * (DURATION_CHARACTERS_MAX - 1) + "s", 0),
        (f"{DURATION_NS_MAX}ns", DURATION_NS_MAX),
    ],
)
def test_a_duration_is_read_to_the_nanosecond(text, duration_ns):
    assert parse_duration(text) == duration_ns


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("5", "no unit"),
        ("1m30", "no unit"),
        ("5x", "unknown unit 'x'"),
        ("5S", "unknown unit 'S'"),
        ("5 s", "unknown unit ' s'"),
        ("5s ", "unknown unit 's '"),
        ("1µ", "unknown unit"),
        ("-5s", "below zero"),
        ("−5s", "below zero"),
        ("+5s", "no duration"),
        (" 5s", "no duration"),
        ("s", "no duration"),
        ("NaN", "no duration"),
        ("nans", "no duration"),
        ("inf", "no duration"),
        ("1e3s", "unknown unit 'e'"),
        ("1..5s", "no unit"),
        ("1.s", "no unit"),
        ("٣s", "no duration"),
        ("30s1m", "large to small"),
        ("1s1s", "each once"),
        ("1us1µs", "each once"),
        ("1.5ns", "finer than a nanosecond"),
        ("0.0000000001s", "finer than a nanosecond"),
        ("101000w", "100 years"),
        (f"{DURATION_NS_MAX + 1}ns", "100 years"),
        ("9" * (DURATION_CHARACTERS_MAX - 1) + "w", "100 years"),
        ("0" * DURATION_CHARACTERS_MAX + "s", "65 characters"),
        ("9" * 5000 + "w", "5001 characters"),
    ],
)
def test_a_text_that_is_no_duration_is_refused_by_name(text, says):
    with pytest.raises(ValueError, match=says) as caught:
        parse_duration(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (999, "999ns"),
        (1_000, "1us"),
        (1_500, "1.5us"),
        (1_000_000, "1ms"),
        (250_000_000, "250ms"),
        (1_500_000, "1.5ms"),
        (S, "1s"),
        (1_500_000_000, "1.5s"),
        (90 * S, "1m30s"),
        (3600 * S, "1h"),
        (3615 * S, "1h15s"),
        (14 * 86400 * S, "336h"),
        (-3 * 3600 * S, "-3h"),
    ],
)
def test_a_length_is_written_for_people(duration_ns, text):
    assert format_duration(duration_ns) == text


@pytest.mark.parametrize(
    ("length", "length_ns"),
    [
        ("1m30s", 90 * S),
        (0, 0),
        (0.0, 0),
        (timedelta(0), 0),
        (1.5, 1_500_000_000),
        (4e-10, 0),
        (6e-10, 1),
        (timedelta(days=1, microseconds=1), 86_400 * S + 1_000),
        (DURATION_NS_MAX // S, DURATION_NS_MAX),
        (timedelta(seconds=DURATION_NS_MAX // S), DURATION_NS_MAX),
    ],
)
def test_a_length_is_a_text_a_number_of_seconds_or_a_timedelta(length, length_ns):
    assert duration_ns(length) == length_ns


@pytest.mark.parametrize(
    "length",
    [
        -1,
        -1e-9,
        timedelta(microseconds=-1),
        DURATION_NS_MAX // S + 1,
        timedelta(seconds=DURATION_NS_MAX // S, microseconds=1),
        10**5_000,
        math.inf,
        math.nan,
    ],
    ids=range(8),
)
def test_a_length_below_zero_or_beyond_a_hundred_years_is_refused(length):
    with pytest.raises(ValueError, match="below zero or of more than 100 years"):
        duration_ns(length)


@pytest.mark.parametrize("length", [True, None, b"5s", (5,)])
def test_anything_else_is_no_length(length):
    with pytest.raises(TypeError, match="expected a duration such as 5, '5s' or"):
        duration_ns(length)


@given(st.integers(0, DURATION_NS_MAX))
def test_a_written_value_is_read_back_the_same(duration_ns):
    assert parse_duration(format_duration(duration_ns)) == duration_ns


@given(st.text(alphabet="0123456789.hmsnuµdw -+e", max_size=20) | st.text())
def test_any_text_is_a_length_or_a_value_error(text):
    with suppress(ValueError):
        assert 0 <= parse_duration(text) <= DURATION_NS_MAX
