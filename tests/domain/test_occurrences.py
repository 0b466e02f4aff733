"""Schedules of jobs, held against a walk through every minute of the days on which clocks change."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.time.occurrences import Occurrences, expected_text, longest_gap_ns
from watchkeeper.domain.units import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S

ZONES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "UTC": ("2026-02-28",),
}
"""Days on which the clocks of a zone change."""
PLACES = [(zone, day) for zone, days in ZONES.items() for day in days]


def ns(text):
    return round(datetime.fromisoformat(text).timestamp()) * NS_PER_S


def minutes_around(zone, day):
    """Every minute from a day before a day to two days after it, with what the clocks of the zone show."""
    begin_ns = ns(f"{day}T00:00:00+00:00") - 24 * NS_PER_HOUR
    for number in range(4 * 24 * 60):
        at_ns = begin_ns + number * NS_PER_MINUTE
        yield at_ns, datetime.fromtimestamp(at_ns // NS_PER_S, ZoneInfo(zone))


def walked(zone, day, hour, minute, *, by_systemd):
    """The moments of a daily schedule by the clock on the wall: the first pass counts, and a gap as the program has it."""
    found, before = [], None
    for at_ns, local in minutes_around(zone, day):
        if (local.hour, local.minute) == (hour, minute):
            if not local.fold:
                found.append(at_ns)
        elif before is not None and not by_systemd:
            skipped = local.replace(tzinfo=None) - before.replace(tzinfo=None) - timedelta(minutes=1)
            wanted = local.replace(hour=hour, minute=minute, tzinfo=None, fold=0)
            if skipped > timedelta(0) and before.replace(tzinfo=None) < wanted < local.replace(tzinfo=None):
                found.append(at_ns)
        before = local
    return found


def followed(occurrences, since_ns, until_ns):
    found, at_ns = [], since_ns
    while (at_ns := occurrences.next_after(at_ns)) is not None and at_ns <= until_ns:
        found.append(at_ns)
    return found


@pytest.mark.parametrize("by_systemd", [False, True])
@given(place=st.sampled_from(PLACES), hour=st.integers(0, 4), minute=st.integers(0, 59))
def test_a_daily_schedule_comes_as_the_clocks_of_its_zone_show_it(by_systemd, place, hour, minute):
    zone, day = place
    schedule = f"*-*-* {hour:02}:{minute:02}" if by_systemd else f"{minute} {hour} * * *"
    moments = [at_ns for at_ns, _ in minutes_around(zone, day)]
    found = followed(Occurrences(schedule, zone), moments[0] - 1, moments[-1])
    assert found == walked(zone, day, hour, minute, by_systemd=by_systemd)


@pytest.mark.parametrize("schedule", ["*/15 * * * *", "*:0/15"])
@given(place=st.sampled_from(PLACES), after=st.integers(0, 3 * 24 * 60))
def test_a_schedule_of_all_hours_goes_on_through_a_change_of_clocks(schedule, place, after):
    zone, day = place
    since_ns = ns(f"{day}T00:00:00+00:00") + (after - 24 * 60) * NS_PER_MINUTE
    quarter_ns = 15 * NS_PER_MINUTE
    assert Occurrences(schedule, zone).next_after(since_ns) == since_ns + quarter_ns - since_ns % quarter_ns


@given(place=st.sampled_from(PLACES), after_s=st.integers(0, 3 * 86_400), schedule=st.sampled_from([
    "0 3 * * *", "30 2 * * *", "*-*-* 02:30", "hourly", "Sun 02:15", "5,35 1-3 * * *",
]))  # fmt: skip
def test_the_next_moment_of_a_schedule_is_always_later(place, after_s, schedule):
    zone, day = place
    since_ns = ns(f"{day}T00:00:00+00:00") + (after_s - 86_400) * NS_PER_S
    assert Occurrences(schedule, zone).next_after(since_ns) > since_ns


def test_a_schedule_that_no_day_fits_never_comes():
    since_ns = ns("2026-01-01T00:00:00+00:00")
    assert [Occurrences(each).next_after(since_ns) for each in ("0 0 30 2 *", "*-02-30", "2020-01-01 03:00")] == [
        None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "hours"),
    [("0 3 * * *", 24), ("0 9 * * MON-FRI", 72), ("*/5 9-17 * * 1-5", 63 + 1 / 12), ("Mon 03:00", 168), ("0 0 30 2 *", None)],
)  # fmt: skip
def test_the_longest_time_between_two_moments_of_a_schedule_is_known(schedule, hours):
    assert longest_gap_ns(schedule) == (hours and round(hours * NS_PER_HOUR))


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("@daily", "is no schedule: write daily"),
        ("0 3 * *", "is no schedule .bad day-of-week.: write cron's five fields"),
        ("61 3 * * *", "is no cron schedule: it has a bad minute"),
        ("*-*-* 25:00", "is no schedule .bad hour.: write cron's five fields"),
        ("03:00 Europe/Berlin", "names a time zone itself: write Europe/Berlin under zone"),
        ("", "is no schedule"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused_with_what_to_write(schedule, said):
    with pytest.raises(ValueError, match=said):
        Occurrences(schedule)


def test_a_moment_of_a_schedule_is_told_in_the_time_of_its_zone():
    at_ns = ns("2026-01-02T02:00:00+00:00")
    zone = "Europe/Berlin"
    assert expected_text(at_ns, at_ns + NS_PER_HOUR, zone, at_ns) == "expected 03:00 CET, grace until 04:00"
    far_ns = at_ns - 24 * NS_PER_HOUR
    assert expected_text(at_ns, at_ns, zone, far_ns) == "expected 2026-01-02 03:00 CET"
    over = expected_text(at_ns, at_ns + 24 * NS_PER_HOUR, zone, at_ns)
    assert over == "expected 03:00 CET, grace until 2026-01-03 03:00"
