"""Blindness: the hands compared with each other and with the plan, at their exact bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import NOON
from watchkeeper.domain.limits import (
    CLOCK_STEP_NS,
    LAG_LOOK_NS,
    LAG_NOTED_NS,
    LAGS_KEPT_NS,
    STALL_NS,
    SUSPEND_NS,
)
from watchkeeper.domain.supervision.blindness import BlindnessDetector, Reading
from watchkeeper.domain.time.moment import Moment

S = 1_000_000_000
MS = 1_000_000
NOON_BOOT_NS = 50 * S


def later(monotonic_ns=0, wall_ns=0, boot_ns=0):
    at = Moment(NOON.monotonic_ns + monotonic_ns, NOON.wall_ns + wall_ns)
    return Reading(at, NOON_BOOT_NS + boot_ns)


ROWS = [
    pytest.param(later(5 * S, 5 * S, 5 * S), 0, None, id="nothing"),
    pytest.param(later(5 * S, 5 * S + SUSPEND_NS, 5 * S + SUSPEND_NS), 0, "suspended", id="slept"),
    pytest.param(later(5 * S, 5 * S, 5 * S + SUSPEND_NS - 1), 0, None, id="slept too short to matter"),
    pytest.param(later(5 * S, 5 * S + CLOCK_STEP_NS, 5 * S), 0, "clock_stepped", id="set ahead"),
    pytest.param(later(5 * S, 5 * S - CLOCK_STEP_NS, 5 * S), 0, "clock_stepped", id="set back"),
    pytest.param(later(5 * S, 5 * S + CLOCK_STEP_NS - 1, 5 * S), 0, None, id="slewed"),
    pytest.param(later(5 * S, 5 * S, 5 * S), STALL_NS, "stalled", id="stood still"),
    pytest.param(later(5 * S, 5 * S, 5 * S), STALL_NS - 1, None, id="a little late"),
    pytest.param(later(5 * S, 90 * S, 90 * S), STALL_NS, "suspended", id="slept, and so late"),
]


@pytest.mark.parametrize(("reading", "lag_ns", "cause"), ROWS)
def test_each_cause_of_blindness_is_distinguished(reading, lag_ns, cause):
    detector = BlindnessDetector()
    detector.woke(later(), None)
    interval = detector.woke(reading, reading.at.monotonic_ns - lag_ns)
    assert (None if interval is None else interval.cause) == cause


def test_the_span_reaches_from_the_last_look_to_this_one():
    detector = BlindnessDetector()
    detector.woke(later(), None)
    interval = detector.woke(later(S, 300 * S, 300 * S), None)
    assert (interval.started_at_ns, interval.ended_at_ns) == (NOON.wall_ns, NOON.wall_ns + 300 * S)


def test_a_stall_reaches_back_to_when_we_should_have_woken():
    detector = BlindnessDetector()
    detector.woke(later(), None)
    interval = detector.woke(later(30 * S, 30 * S, 30 * S), NOON.monotonic_ns + 20 * S)
    assert (interval.started_at_ns, interval.ended_at_ns) == (NOON.wall_ns + 20 * S, NOON.wall_ns + 30 * S)


def test_the_first_look_compares_with_nothing():
    assert BlindnessDetector().woke(later(0, 10**18, 10**18), NOON.monotonic_ns - 3_600 * S) is None


def test_an_early_or_unplanned_wake_up_is_no_lag():
    detector = BlindnessDetector()
    for reading, planned_ns in ((later(), None), (later(S, S, S), NOON.monotonic_ns + 9 * S)):
        assert detector.woke(reading, planned_ns) is None
    assert detector.blocked_ns(0) == 0


def test_the_greatest_lag_is_told_once():
    detector = BlindnessDetector()
    for second, lag_ns in enumerate((3, 9, 5)):
        reading = later(second * S, second * S, second * S)
        detector.woke(reading, reading.at.monotonic_ns - lag_ns)
    assert (detector.take_lag_ns(), detector.take_lag_ns()) == (9, 0)


def test_a_wake_up_planned_before_the_last_check_is_late_since_that_check():
    detector = BlindnessDetector()
    detector.woke(later(), None)
    detector.woke(later(20 * S, 20 * S, 20 * S), NOON.monotonic_ns)
    assert detector.woke(later(21 * S, 21 * S, 21 * S), NOON.monotonic_ns + 3 * S) is None


WAKES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4_000)), min_size=1, max_size=40)


@given(WAKES, st.integers(0, 60))
def test_the_blocked_time_is_the_sum_of_all_blocks_since(wakes, back_s):
    detector, seen, now_ns = BlindnessDetector(), [], NOON.monotonic_ns
    for gap_s, lag_ms in wakes:
        # Before the first wake-up nothing is known of the process, so its lag has no bound.
        lag_ns = min(lag_ms * MS, gap_s * S) if seen else lag_ms * MS
        now_ns += gap_s * S
        detector.woke(Reading(Moment(now_ns, now_ns), now_ns), now_ns - lag_ms * MS)
        block_ns = lag_ns + LAG_LOOK_NS
        seen.append((now_ns, 0 if lag_ns < LAG_NOTED_NS else min(block_ns, gap_s * S) if seen else block_ns))
    since_ns = now_ns - back_s * S
    expected = sum(min(block, at_ns - since_ns) for at_ns, block in seen if at_ns > since_ns)
    assert detector.blocked_ns(since_ns) == expected


@pytest.mark.parametrize(("after_ns", "blocks"), [(LAGS_KEPT_NS, 2), (LAGS_KEPT_NS + 1, 1)])
def test_a_block_is_remembered_for_a_minute(after_ns, blocks):
    detector = BlindnessDetector()
    detector.woke(later(), None)
    for at_ns in (S, S + after_ns):
        detector.woke(later(at_ns, at_ns, at_ns), NOON.monotonic_ns + at_ns - 500 * MS)
    assert detector.blocked_ns(0) == blocks * (500 * MS + LAG_LOOK_NS)


def test_a_block_is_no_longer_than_the_time_since_the_last_wake_up():
    detector = BlindnessDetector()
    detector.woke(later(), None)
    detector.woke(later(30 * MS, 30 * MS, 30 * MS), NOON.monotonic_ns + MS)
    assert detector.blocked_ns(0) == 30 * MS
