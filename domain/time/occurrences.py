"""Occurrences: the moments of a job's schedule in a time zone, by cron or by an OnCalendar expression of systemd."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice

from cronsim import CronSim, CronSimError
from oncalendar import SPECIALS, BaseIterator, OnCalendarError, parse_tz

from ..limits import GAPS_COMPARED, SCHEDULES_KEPT
from ..units import NS_PER_S
from .calendar import EPOCH, NeverComes, RecurringWindow, local_moment, local_seconds, zone_of

CRON_FIELDS = 5
_YEAR_S = 366 * 86_400
WAYS = (
    "write cron's five fields, like 0 3 * * *, or an OnCalendar expression of systemd, like Mon *-*-* 03:00"
)


class Occurrences:
    """The moments of a schedule in a time zone, in wall time.

    Where clocks leave out a local time, cron's schedule comes at the first moment after the gap, and systemd's does not come
    on that day. Where clocks pass it twice, both come at the first of the two. A schedule that goes on through all hours or
    all minutes comes at every moment whose local time fits it.
    """

    def __init__(self, schedule: str, zone: str = "UTC") -> None:
        """Raises: ValueError for a schedule that cannot be read, and for an unknown zone."""
        zone_of(zone)
        self._is_cron = len(schedule.split()) == CRON_FIELDS
        self._schedule = schedule if self._is_cron else _expression(schedule)
        self._starts: RecurringWindow | None = None
        if not self._is_cron:
            self._starts = _CalendarStarts(self._schedule, zone)
            return
        with suppress(NeverComes):
            self._starts = RecurringWindow(schedule, 0, zone)

    def next_after(self, wall_ns: int) -> int | None:
        """Returns the first moment later than this one; None where there is none."""
        return None if self._starts is None else self._starts.next_start(wall_ns)

    @property
    def longest_gap_ns(self) -> int | None:
        """The longest time between two of its moments on days of 24 hours; None where it has fewer than two.

        It is looked for in the first year of them, and between GAPS_COMPARED at most.
        """
        try:
            moments = _locals_after(self._schedule, 0, is_cron=self._is_cron)
            first = next(moments, None)
        except CronSimError:
            return None
        if first is None:
            return None
        longest_s, before = 0, first
        for moment in islice(moments, GAPS_COMPARED):
            longest_s, before = max(longest_s, moment - before), moment
            if moment - first > _YEAR_S:
                break
        return longest_s * NS_PER_S or None


class _CalendarStarts(RecurringWindow):
    """The starts of an OnCalendar expression; a local time that clocks leave out is left out, as systemd does."""

    def __init__(self, expression: str, zone: str) -> None:
        """The expression is one that can be read."""
        self._cron, self._length_ns, self._zone = expression, 0, zone_of(zone)
        time_of_day = expression.rsplit(maxsplit=1)[-1]
        hour, minute, *_ = time_of_day.split(":") if ":" in time_of_day else ("0", "0")
        self._is_fixed = "*" not in hour and "*" not in minute

    def _locals_after(self, local_s: int) -> Iterator[int]:
        return _locals_after(self._cron, local_s, is_cron=False)

    def _first_start(self, wall_s: int) -> int | None:
        if not self._is_fixed:
            return super()._first_start(wall_s)
        for local_s in self._locals_after(self._local(wall_s)):
            at, is_left_out = local_moment(local_s, self._zone)
            if at > wall_s and not is_left_out:
                return at
        return None


def expected_text(expected_ns: int, until_ns: int, zone: str, near_ns: int) -> str:
    """Returns a moment of a schedule for people, `expected 03:00 CET, grace until 04:00`; the date of a far day stands before it.

    `until_ns` is the end of the grace after it, and `near_ns` the moment at which the text is read.
    """
    place = zone_of(zone)
    expected, until, near = (
        datetime.fromtimestamp(each // NS_PER_S, place) for each in (expected_ns, until_ns, near_ns)
    )
    text = f"expected {_clock(expected, near)} {expected.tzname()}"
    return f"{text}, grace until {_clock(until, expected)}" if until_ns > expected_ns else text


def moment_text(at_ns: int, zone: str, near_ns: int) -> str:
    """Returns a moment on the clock of a zone, `03:01:12 CET`; the date of another day stands before it."""
    place = zone_of(zone)
    at, near = (datetime.fromtimestamp(each // NS_PER_S, place) for each in (at_ns, near_ns))
    return f"{_clock(at, near)} {at.tzname()}"


def _clock(local: datetime, near: datetime) -> str:
    time_of_day = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return time_of_day if local.date() == near.date() else f"{local:%Y-%m-%d} {time_of_day}"


@lru_cache(SCHEDULES_KEPT)
def occurrences_of(schedule: str, zone: str) -> Occurrences:
    """Returns the moments of a schedule. Raises: ValueError as `Occurrences` does."""
    return Occurrences(schedule, zone)


@lru_cache(SCHEDULES_KEPT)
def longest_gap_ns(schedule: str) -> int | None:
    """Returns the longest time between two moments of a schedule that can be read."""
    return Occurrences(schedule).longest_gap_ns


def _locals_after(schedule: str, local_s: int, *, is_cron: bool) -> Iterator[int]:
    """Yields the local times after this one that fit a schedule, earliest first."""
    after = EPOCH + timedelta(seconds=local_s)
    return map(local_seconds, CronSim(schedule, after) if is_cron else BaseIterator(schedule, after))


def _expression(schedule: str) -> str:
    """Returns an OnCalendar expression with its word written out. Raises: ValueError for what is none, with what to write."""
    text = schedule.strip()
    word = text.removeprefix("@").lower()
    if text.startswith("@"):
        way = f"write {word}" if word in SPECIALS else WAYS
        raise ValueError(f"{schedule!r} is no schedule: {way}")
    *before, last = text.split() or [""]
    if before and parse_tz(last) is not None:
        raise ValueError(f"{schedule!r} names a time zone itself: write {last} under zone")
    expression = SPECIALS.get(word, text)
    try:
        BaseIterator(expression, EPOCH)
    except OnCalendarError as error:
        said = str(error)
        raise ValueError(f"{schedule!r} is no schedule ({said[:1].lower()}{said[1:]}): {WAYS}") from None
    return expression
