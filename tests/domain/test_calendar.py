"""Windows of the calendar, held against a walk through every minute of the days on which clocks change."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.time.calendar import RecurringWindow, SingleWindow, wall_ns_in, zone_of
from watchkeeper.domain.units import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S

DAYS = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "Pacific/Apia": ("2011-04-02", "2011-09-24", "2011-12-30"),
    "Africa/Casablanca": ("2026-02-15", "2026-03-22"),
    "UTC": ("2026-02-28",),
}
"""Days on which the clocks of a zone change, or skip a whole day."""
AROUND = timedelta(days=2, hours=6)
MINUTE = timedelta(minutes=1)
PLACES = [(zone, day) for zone, days in DAYS.items() for day in days]


def ns(text):
    return round(datetime.fromisoformat(text).timestamp()) * NS_PER_S


def shown(at_ns, zone):
    return None if at_ns is None else datetime.fromtimestamp(at_ns // NS_PER_S, ZoneInfo(zone)).isoformat()


# The oracle: it knows no cron library, and looks at one minute after the other.


@cache
def minutes_around(zone, day):
    """Every minute of the days around one: its moment, and what the clocks of the zone show, with their fold."""
    middle = datetime.fromisoformat(day).replace(tzinfo=UTC)
    count = int(2 * AROUND / MINUTE)
    moments = [middle - AROUND + MINUTE * number for number in range(count)]
    return [(moment, moment.astimezone(ZoneInfo(zone))) for moment in moments]


class Fields:
    """A schedule as sets of numbers; None stands for a star."""

    def __init__(self, *sets):
        self.minutes, self.hours, self.days, self.months, self.weekdays = sets

    def __repr__(self):
        sets = self.minutes, self.hours, self.days, self.months, self.weekdays
        return " ".join("*" if one is None else ",".join(map(str, sorted(one))) for one in sets)

    def fit(self, local):
        numbers = (self.minutes, local.minute), (self.hours, local.hour), (self.months, local.month)
        return all(wanted is None or number in wanted for wanted, number in numbers) and self._fits_day(local)

    def _fits_day(self, local):
        is_day = self.days is None or local.day in self.days
        is_weekday = self.weekdays is None or local.isoweekday() % 7 in self.weekdays
        both = self.days is None or self.weekdays is None
        return is_day and is_weekday if both else is_day or is_weekday

    @property
    def is_fixed(self):
        return self.minutes is not None and self.hours is not None


def walked(fields, zone, day):
    """The starts in the days around one."""
    starts, before = [], None
    for moment, local in minutes_around(zone, day):
        plain = local.replace(tzinfo=None)
        fits = fields.fit(plain)
        if fields.is_fixed:
            fits = fits and not local.fold
            left_out = before + MINUTE if before is not None else plain
            while left_out < plain and not fits:
                fits = fields.fit(left_out)
                left_out += MINUTE
        if fits:
            starts.append(round(moment.timestamp()) * NS_PER_S)
        before = plain
    return starts


def numbers(low, high):
    return st.none() | st.frozensets(st.integers(low, high), min_size=1, max_size=3)


FIELDS = st.builds(
    Fields,
    numbers(0, 59) | st.sampled_from([frozenset([0]), frozenset([30])]),
    numbers(0, 23) | st.sampled_from([frozenset([2]), frozenset([1, 2, 3])]),
    st.none() | st.frozensets(st.integers(1, 28), min_size=1, max_size=3),
    st.just(None),
    numbers(0, 6),
)


@cache
def asked(zone, day):
    """The moments to ask about: the hours around each change of the clocks, or those around noon without any."""
    minutes = minutes_around(zone, day)
    changes = [
        at for at in range(1, len(minutes)) if minutes[at][1].utcoffset() != minutes[at - 1][1].utcoffset()
    ]
    near = sorted({at + by for at in changes or [len(minutes) // 2] for by in range(-250, 250, 10)})
    return [round(minutes[at][0].timestamp()) * NS_PER_S + at % 3 * 17 * NS_PER_S for at in near]


def differences(zone, day, fields, length_minutes):
    """The moments at which a window and the walk disagree, each with both answers."""
    starts = walked(fields, zone, day)
    length_ns = length_minutes * NS_PER_MINUTE
    from_ns = round(minutes_around(zone, day)[0][0].timestamp()) * NS_PER_S
    window = RecurringWindow(repr(fields), length_ns, zone)
    for at_ns in asked(zone, day):
        number = bisect_right(starts, at_ns)
        end = starts[number - 1] + length_ns if number else 0
        if number < len(starts) and window.next_start(at_ns) != starts[number]:
            yield shown(at_ns, zone), shown(window.next_start(at_ns), zone), shown(starts[number], zone)
        lasting = end if end > at_ns else None
        if (number or length_ns < at_ns - from_ns) and window.in_force(at_ns) != lasting:
            yield shown(at_ns, zone), shown(window.in_force(at_ns), zone), shown(lasting, zone)


@given(st.sampled_from(PLACES), FIELDS, st.integers(1, 48 * 60))
def test_a_window_agrees_with_a_walk_through_every_minute(place, fields, length_minutes):
    assert list(differences(*place, fields, length_minutes)) == []


@pytest.mark.parametrize("length_minutes", [20, 3 * 60, 30 * 60])
@pytest.mark.parametrize(
    ("minutes", "hours"),
    [
        ({30}, {2}),
        ({0, 30}, {1, 2, 3}),
        ({0}, {0}),
        ({15}, {12}),
        (None, {2}),
        ({0, 20, 40}, None),
        (None, None),
    ],
)
@pytest.mark.parametrize(("zone", "day"), PLACES)
def test_a_window_around_changed_clocks_agrees_with_the_walk(zone, day, minutes, hours, length_minutes):
    fields = Fields(minutes, hours, None, None, None)
    assert list(differences(zone, day, fields, length_minutes)) == []


# Days of changed clocks, as people see them.


@pytest.mark.parametrize(
    ("cron", "at", "starts"),
    [
        ("30 2 * * *", "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00"),  # 02:30 is left out
        ("30 2 * * *", "2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+02:00"),  # 02:30 passes twice ...
        ("30 2 * * *", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"),  # ... and counts once
        ("*/20 * * * *", "2026-10-25T02:40:00+02:00", "2026-10-25T02:00:00+01:00"),
        ("*/20 * * * *", "2026-03-29T01:40:00+01:00", "2026-03-29T03:00:00+02:00"),
        ("0 22 * * MON-FRI", "2026-11-27T22:00:00+01:00", "2026-11-30T22:00:00+01:00"),
        ("0 3 L * *", "2026-02-10T00:00:00+01:00", "2026-02-28T03:00:00+01:00"),
        ("0 3 * * SUN#1", "2026-02-10T00:00:00+01:00", "2026-03-01T03:00:00+01:00"),
        ("0 0 29 2 *", "2026-02-10T00:00:00+01:00", "2028-02-29T00:00:00+01:00"),
    ],
)
def test_the_next_start_is_the_one_that_people_expect(cron, at, starts):
    window = RecurringWindow(cron, NS_PER_HOUR, "Europe/Berlin")
    assert shown(window.next_start(ns(at)), "Europe/Berlin") == starts


@pytest.mark.parametrize(
    ("evening", "end"),
    [
        ("2026-03-28T23:00:00+01:00", "2026-03-29T08:00:00+02:00"),
        ("2026-10-24T23:00:00+02:00", "2026-10-25T06:00:00+01:00"),
        ("2026-11-28T23:00:00+01:00", "2026-11-29T07:00:00+01:00"),
    ],
)
def test_the_length_of_a_window_is_elapsed_time(evening, end):
    window = RecurringWindow("0 22 * * *", 9 * NS_PER_HOUR, "Europe/Berlin")
    assert shown(window.in_force(ns(evening)), "Europe/Berlin") == end


def test_the_day_that_samoa_skipped_begins_with_the_next_one():
    window = RecurringWindow("0 12 * * *", NS_PER_HOUR, "Pacific/Apia")
    thursday = ns("2011-12-29T12:00:00-10:00")
    assert shown(window.next_start(thursday), "Pacific/Apia") == "2011-12-31T00:00:00+14:00"
    assert window.in_force(window.next_start(thursday) - 1) is None


def test_a_window_lasts_from_its_start_up_to_its_end():
    window = RecurringWindow("0 3 * * SUN", 2 * NS_PER_HOUR)
    start = ns("2026-11-29T03:00:00Z")
    end = start + 2 * NS_PER_HOUR
    assert [window.in_force(at) for at in (start - 1, start, end - 1, end)] == [None, end, end, None]
    assert window.next_start(start) == start + 7 * 24 * NS_PER_HOUR


@pytest.mark.parametrize("at", [0, ns("1999-01-01T00:00:00Z"), ns("2199-12-31T00:00:00Z"), 2**63 - 1])
def test_a_window_answers_for_clocks_that_were_never_set(at):
    window = RecurringWindow("0 3 29 2 *", NS_PER_HOUR, "Europe/Berlin")
    assert window.in_force(at) is None
    assert window.next_start(at) is not None


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6 *", "0 0 */30 2 SUN#2", "5 5 31 FEB,APR *"])
def test_a_schedule_that_never_comes_is_refused(cron):
    with pytest.raises(ValueError, match="never comes: no day fits all of its fields"):
        RecurringWindow(cron, NS_PER_HOUR)


@pytest.mark.parametrize(
    ("cron", "field"),
    [
        ("60 0 * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 0 32 * *", "day of month"),
        ("0 0 31 13 *", "month"),
        ("0 0 * * MOO", "day of week"),
        ("0/0 0 * * *", "minute"),
    ],
)
def test_a_schedule_that_cannot_be_read_names_the_field(cron, field):
    with pytest.raises(ValueError, match=f"is no cron schedule: it has a bad {field}$"):
        RecurringWindow(cron, NS_PER_HOUR)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("europe/berlin", "did you mean Europe/Berlin"),
        ("America", ""),
        ("Mars", ""),
    ],
)
def test_an_unknown_zone_is_refused_with_the_name_that_may_be_meant(name, hint):
    with pytest.raises(ValueError, match=f"there is no time zone '{name}'.*{hint}"):
        zone_of(name)


def test_a_single_window_lasts_from_its_start_up_to_its_end():
    window = SingleWindow(10, 20)
    assert [window.in_force(at) for at in (9, 10, 19, 20)] == [None, 20, 20, None]
    assert [window.next_start(at) for at in (9, 10, 20)] == [10, None, None]


# Moments.


@pytest.mark.parametrize(
    ("text", "zone", "same"),
    [
        ("2026-12-24T20:00:00Z", None, "2026-12-24T20:00:00Z"),
        ("2026-12-24T20:00:00+02:00", "Europe/Berlin", "2026-12-24T18:00:00Z"),
        ("2026-12-24T20:00", "Europe/Berlin", "2026-12-24T19:00:00Z"),
        ("2026-06-24 20:00:30", "Europe/Berlin", "2026-06-24T18:00:30Z"),
    ],
)
def test_a_moment_without_an_offset_is_a_local_time(text, zone, same):
    assert wall_ns_in(text, zone) == ns(same)


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        (
            "2026-03-29T02:30:00",
            "Europe/Berlin",
            "does not exist in Europe/Berlin.*2026-03-29T03:00:00\\+02:00",
        ),
        (
            "2026-10-25T02:30:00",
            "Europe/Berlin",
            "comes twice.*02:30:00\\+02:00 or 2026-10-25T02:30:00\\+01:00",
        ),
        (
            "2011-12-30T12:00:00",
            "Pacific/Apia",
            "does not exist in Pacific/Apia.*2011-12-31T00:00:00\\+14:00",
        ),
        ("2026-12-24T20:00:00", None, "names no UTC offset"),
        ("2026-13-24T20:00:00", "UTC", "is no moment"),
    ],
)
def test_a_moment_that_is_none_or_two_is_refused(text, zone, said):
    with pytest.raises(ValueError, match=said):
        wall_ns_in(text, zone)
