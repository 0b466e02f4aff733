"""Windows of the calendar: spans that come again by a cron schedule in a time zone, and spans with two ends."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from difflib import get_close_matches
from itertools import islice, pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from ..limits import CALENDAR_YEARS_MAX, SAMPLE_WALL_NS_MAX, STARTS_COMPARED
from ..units import NS_PER_S
from .moment import wall_ns_of

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # cron schedules are followed in local time, which has no zone
_STEP_S = 7 * 86_400
"""No zone changes its offset and changes it back within a week: Morocco does so within a month, around Ramadan."""
_FAR_S = CALENDAR_YEARS_MAX * 366 * 86_400
_LAST_S = SAMPLE_WALL_NS_MAX // NS_PER_S


class RecurringWindow:
    """A span that begins by a cron schedule in a time zone and lasts for a length of elapsed time.

    A start that the clocks skip is at the first moment after the gap; one that they pass twice is at the first of the two.
    A schedule that goes on through all hours or all minutes (`*` in one of these fields) starts at every moment whose local
    time fits it, as cron does.
    """

    def __init__(self, cron: str, length_ns: int, zone: str = "UTC") -> None:
        """Raises: ValueError for a schedule that cannot be read or never comes, and for an unknown zone."""
        self._cron, self._length_ns, self._zone = cron, length_ns, zone_of(zone)
        minute, hour, *_ = cron.split()
        self._is_fixed = not minute.startswith("*") and not hour.startswith("*")
        _require_coming(cron)

    def in_force(self, wall_ns: int) -> int | None:
        """Returns the wall time at which the span around this moment ends; None outside of one."""
        wall_s = _seconds_of(wall_ns)
        start = self._last_start(wall_s, wall_s - self._length_ns // NS_PER_S - 1)
        end_ns = 0 if start is None else start * NS_PER_S + self._length_ns
        return end_ns if end_ns > wall_ns else None

    def next_start(self, wall_ns: int) -> int | None:
        """Returns the first start after this moment; None where there is none for CALENDAR_YEARS_MAX years."""
        start = self._first_start(_seconds_of(wall_ns))
        return None if start is None else start * NS_PER_S

    # All times below are whole seconds since 1970; a local time is the one that a clock on the wall shows.

    def _first_start(self, wall_s: int) -> int | None:
        """Returns the first start after this second."""
        if self._is_fixed:
            # Later local times begin later, so the first that begins after this second is the one.
            return next(
                (at for at in map(self._begins, self._locals_after(self._local(wall_s))) if at > wall_s), None
            )
        at = wall_s + 1
        while at <= wall_s + _FAR_S:
            offset = self._offset(at)
            local = next(self._locals_after(at + offset - 1), None)
            if local is None:
                return None
            change = self._first_change(at, local - offset)
            if change is None:
                return local - offset
            at = change
        return None

    def _last_start(self, wall_s: int, floor_s: int) -> int | None:
        """Returns the last start up to this second and after `floor_s`."""
        if self._is_fixed:
            latest = self._local(wall_s) + self._passed_twice(wall_s)
            begun = next((at for at in map(self._begins, self._locals_before(latest)) if at <= wall_s), None)
            return begun if begun is not None and begun > floor_s else None
        at = wall_s
        while at > floor_s:
            offset = self._offset(at)
            local = next(self._locals_before(at + offset), None)
            if local is None:
                return None
            change = self._last_change(max(local - offset, floor_s), at)
            if change is None:
                return local - offset if local - offset > floor_s else None
            at = change - 1
        return None

    def _locals_after(self, local_s: int) -> Iterator[int]:
        """Yields the local times after this one that fit the schedule, earliest first, for 50 years."""
        return map(local_seconds, CronSim(self._cron, EPOCH + timedelta(seconds=local_s)))

    def _locals_before(self, local_s: int) -> Iterator[int]:
        """Yields the local times up to this one that fit the schedule, latest first."""
        return map(local_seconds, CronSim(self._cron, EPOCH + timedelta(seconds=local_s + 1), reverse=True))

    def _begins(self, local_s: int) -> int:
        """Returns when a local time is first, or the end of the gap in which it is left out."""
        return local_moment(local_s, self._zone)[0]

    def _passed_twice(self, wall_s: int) -> int:
        """Returns by how much clocks were set back in the hour that now passes for the second time; 0 in any other hour."""
        local = datetime.fromtimestamp(wall_s, self._zone)
        return _offset_of(local.replace(fold=0)) - _offset_of(local) if local.fold else 0

    def _local(self, wall_s: int) -> int:
        return wall_s + self._offset(wall_s)

    def _offset(self, wall_s: int) -> int:
        return _offset_at(wall_s, self._zone)

    def _first_change(self, from_s: int, until_s: int) -> int | None:
        """Returns the first second with another offset than `from_s` has, up to `until_s`."""
        for low in range(from_s, until_s, _STEP_S):
            if self._offset(high := min(low + _STEP_S, until_s)) != self._offset(low):
                return _change(low, high, self._zone)
        return None

    def _last_change(self, from_s: int, until_s: int) -> int | None:
        """Returns the last second, after `from_s` and up to `until_s`, with another offset than the one before it."""
        for high in range(until_s, from_s, -_STEP_S):
            if self._offset(low := max(high - _STEP_S, from_s)) != self._offset(high):
                return _change(low, high, self._zone)
        return None


class SingleWindow:
    """A span with a beginning and an end."""

    def __init__(self, from_ns: int, until_ns: int) -> None:
        """The end is exclusive."""
        self._from_ns, self._until_ns = from_ns, until_ns

    def in_force(self, wall_ns: int) -> int | None:
        """Returns the wall time of its end while it lasts; None before and after."""
        return self._until_ns if self._from_ns <= wall_ns < self._until_ns else None

    def next_start(self, wall_ns: int) -> int | None:
        """Returns its beginning where that is after this moment; None otherwise."""
        return self._from_ns if wall_ns < self._from_ns < self._until_ns else None


CalendarWindow: TypeAlias = RecurringWindow | SingleWindow


class NeverComes(ValueError):
    """A schedule that can be read and that no day fits."""


def _require_coming(cron: str) -> None:
    """Raises: ValueError for a schedule that cannot be read; NeverComes for one that no day fits."""
    try:
        if next(CronSim(cron, EPOCH), None) is not None:
            return
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        # A day that none of the months has is refused as a day that is none.
        days, months = cron.split()[2:4]
        if not (_is_read(f"0 0 {days} * *") and _is_read(f"0 0 1 {months} *") and field == "day-of-month"):
            raise ValueError(
                f"{cron!r} is no cron schedule: it has a bad {field.replace('-', ' ')}"
            ) from None
    raise NeverComes(f"{cron!r} never comes: no day fits all of its fields")


def _is_read(cron: str) -> bool:
    try:
        CronSim(cron, EPOCH)
    except CronSimError:
        return False
    return True


def shortest_period_s(cron: str) -> int | None:
    """Returns the shortest time between two starts of a schedule on days of 24 hours; None where it has fewer than two."""
    try:
        starts = [local_seconds(local) for local in islice(CronSim(cron, EPOCH), STARTS_COMPARED)]
    except CronSimError:
        return None
    return min((later - earlier for earlier, later in pairwise(starts)), default=None)


def zone_of(name: str) -> ZoneInfo:
    """Returns the time zone of this name. Raises: ValueError for an unknown one, with the name that may be meant."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = {each.casefold(): each for each in available_timezones()}
        close = get_close_matches(name.casefold(), known, n=1)
        meant = f", did you mean {known[close[0]]}" if close else ": write it like Europe/Berlin or UTC"
        raise ValueError(f"there is no time zone {name!r}{meant}") from None


def names_offset(text: str) -> bool:
    """Whether the text of a moment says by itself how far its clock is from UTC."""
    return text.endswith("Z") or text[-6:-5] in {"+", "-"}


def wall_ns_in(text: str, zone: str | None) -> int:
    """Returns the moment that a text such as `2026-12-24T20:00:00Z` names; without an offset it is a local time of the zone.

    Raises: ValueError for what is no moment, and for a local time that is left out or passes twice on the day on which
    clocks change.
    """
    if names_offset(text) or zone is None:
        return wall_ns_of(text)
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no moment: write it like 2026-12-24T20:00:00") from None
    place = zone_of(zone)
    at, is_left_out = local_moment(local_seconds(local.replace(microsecond=0)), place)
    if is_left_out:
        first = datetime.fromtimestamp(at, place)
        raise ValueError(
            f"{text} does not exist in {zone}, where clocks are set forward: the first moment after it is {first.isoformat()}"
        )
    early, late = (local.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    if early.utcoffset() != late.utcoffset():
        raise ValueError(
            f"{text} comes twice in {zone}, where clocks are set back: write {early.isoformat()} or {late.isoformat()}"
        )
    return at * NS_PER_S + local.microsecond * 1_000


def local_moment(local_s: int, zone: ZoneInfo) -> tuple[int, bool]:
    """Returns the first moment of a local time, and whether clocks leave it out; it is the end of the gap then."""
    local = (EPOCH + timedelta(seconds=local_s)).replace(tzinfo=zone)
    at = local_s - _offset_of(local)
    if at + _offset_at(at, zone) == local_s:
        return at, False
    # In a gap, `fold` chooses the offset before it or the one after it, and the change lies between the two moments.
    return _change(local_s - _offset_of(local.replace(fold=1)), at, zone), True


def _change(low_s: int, high_s: int, zone: ZoneInfo) -> int:
    """Returns the first second that has the offset of `high_s`, between two that differ by one change."""
    offset = _offset_at(high_s, zone)
    while high_s - low_s > 1:
        middle = (low_s + high_s) // 2
        low_s, high_s = (low_s, middle) if _offset_at(middle, zone) == offset else (middle, high_s)
    return high_s


def _offset_at(wall_s: int, zone: ZoneInfo) -> int:
    return _offset_of(datetime.fromtimestamp(wall_s, zone))


def _offset_of(local: datetime) -> int:
    """Returns the seconds by which the clock of a zone is ahead of UTC."""
    offset = local.utcoffset()
    return 0 if offset is None else offset // timedelta(seconds=1)


def local_seconds(local: datetime) -> int:
    """Returns the seconds of a local time since the beginning of 1970 on the same clock."""
    return (local - EPOCH) // timedelta(seconds=1)


def _seconds_of(wall_ns: int) -> int:
    """Returns the whole seconds of a wall time, within the years of a clock that was set."""
    return min(max(wall_ns // NS_PER_S, 0), _LAST_S)
