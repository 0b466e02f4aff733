"""Moments and deadlines: a wall and a monotonic time that may differ, and a deadline that has passed at its very instant."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline, Moment, wall_ns_of, wall_text

NOW = Moment(monotonic_ns=5 * NS_PER_S, wall_ns=1_767_268_800 * NS_PER_S)
LENGTHS = st.integers(-(10**15), 10**15)
YEAR_2100_MS = 4_102_444_800_000


@given(LENGTHS)
def test_a_moment_is_shifted_by_both_hands_alike(by_ns):
    later = NOW.shifted(by_ns)
    assert (later.since(NOW), later.wall_ns - NOW.wall_ns) == (by_ns, by_ns)


@given(LENGTHS)
def test_a_step_of_the_wall_clock_is_no_elapsed_time(step_ns):
    stepped = msgspec.structs.replace(NOW, wall_ns=NOW.wall_ns + step_ns)
    assert stepped.since(NOW) == 0
    assert Deadline.after(NOW, 1).remaining_ns(stepped) == 1


@pytest.mark.parametrize(
    ("timeout_ns", "after_ns", "remaining_ns", "expired"),
    [
        (10, 0, 10, False),
        (10, 9, 1, False),
        (10, 10, 0, True),
        (10, 11, -1, True),
        (0, 0, 0, True),
        (-1, 0, -1, True),
    ],
)
def test_a_deadline_is_over_at_its_very_instant(timeout_ns, after_ns, remaining_ns, expired):
    deadline, then = Deadline.after(NOW, timeout_ns), NOW.shifted(after_ns)
    assert (deadline.remaining_ns(then), deadline.expired(then)) == (remaining_ns, expired)


def test_the_rest_of_a_deadline_is_never_negative():
    deadline = Deadline.after(NOW, 10 * NS_PER_S)
    waits = [deadline.remaining_s(NOW.shifted(passed_s * NS_PER_S)) for passed_s in (0, 3, 10, 12)]
    assert waits == [10.0, 7.0, 0.0, 0.0]


@given(LENGTHS, LENGTHS)
def test_a_deadline_is_expired_when_nothing_remains(timeout_ns, after_ns):
    deadline, then = Deadline.after(NOW, timeout_ns), NOW.shifted(after_ns)
    assert deadline.expired(then) is (deadline.remaining_ns(then) <= 0)


def test_moments_and_deadlines_cannot_be_changed():
    for value, field in ((NOW, "wall_ns"), (Deadline(1), "monotonic_ns")):
        with pytest.raises(AttributeError):
            setattr(value, field, 0)


@pytest.mark.parametrize(
    ("wall_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_767_268_800 * NS_PER_S + 250 * NS_PER_MS, "2026-01-01T12:00:00.250Z"),
        (1_767_268_800 * NS_PER_S + 999_999_999, "2026-01-01T12:00:00.999Z"),
        (-NS_PER_MS, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_a_wall_time_is_written_in_utc_to_the_millisecond(wall_ns, text):
    assert wall_text(wall_ns) == text


@given(st.integers(0, YEAR_2100_MS))
def test_a_wall_time_reads_back_to_the_same_millisecond(wall_ms):
    assert wall_ns_of(wall_text(wall_ms * NS_PER_MS)) == wall_ms * NS_PER_MS


def test_one_instant_in_two_zones_is_the_same_wall_time():
    assert wall_ns_of("2026-01-01T12:00:00Z") == wall_ns_of("2026-01-01T14:30:00+02:30") == NOW.wall_ns


@pytest.mark.parametrize("text", ["2026-01-01T12:00:00", "2026-01-01"])
def test_a_wall_time_without_an_offset_is_refused(text):
    with pytest.raises(ValueError, match="names no UTC offset"):
        wall_ns_of(text)


@pytest.mark.parametrize("text", ["noon", "18:00", "2026-13-01T12:00:00Z"])
def test_a_text_that_is_no_wall_time_is_refused_with_the_right_spelling(text):
    with pytest.raises(ValueError, match=f"'{text}' is no moment: write it like 2026-01-31T12:30:00Z"):
        wall_ns_of(text)
