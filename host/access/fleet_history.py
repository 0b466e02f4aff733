"""The past days and hours of all targets, for pages: what has finished is read from the store once."""

import threading
from array import array
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from operator import add, or_
from typing import NamedTuple, Protocol, TypeVar

from ...adapters.stores.history.stored import Totals
from ...adapters.stores.sqlite.reader import StoreReader
from ...domain import limits
from ...domain.policy import CachePolicy
from ...domain.read_model.days import DayCounts, FleetDays, IncidentSpan, ProblemSpan, judged_days
from ...domain.specification.rule import Severity
from ...domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_US

R = TypeVar("R")
POLICY = CachePolicy(
    name="days and hours of all targets",
    key="a finished day or hour (UTC)",
    owner="the site",
    fresh_for_ns=limits.FLEET_FRESH_NS,
    entries_max=limits.FLEET_DAYS_KEPT + limits.FLEET_HOURS_KEPT,
    invalidation="late samples, a renamed target, another store",
)
_SPANS_KEPT = 4
"""The spans of days that pages ask for: 30 and 90, for the overview and for public pages."""


class _Counts(NamedTuple):
    """The samples of one day or hour, by the number of each target."""

    seen: bytearray
    good: "array[int]"
    bad: "array[int]"
    timed: "array[int]"
    latency_sum_us: "array[int]"

    @property
    def of_day(self) -> DayCounts:
        return DayCounts(self.seen, self.good, self.bad)


class FleetHours:
    """The mean latency of all targets in the hours of a span."""

    def __init__(self, since_hour: int, numbers: Mapping[str, int], hours: Sequence[_Counts | None]) -> None:
        self.since_hour = since_hour
        self._numbers = numbers
        self._hours = hours

    def latency_ms(self, target: str) -> list[float | None]:
        """Returns the mean latency of the answers of each hour, oldest first; None for an hour without any."""
        number = self._numbers.get(target)
        return [_mean_ms(counts, number) for counts in self._hours]

    def is_bad(self, target: str) -> list[bool]:
        """Returns for each hour whether any sample of it was bad."""
        number = self._numbers.get(target, -1)
        return [
            counts is not None and 0 <= number < len(counts.bad) and counts.bad[number] > 0
            for counts in self._hours
        ]


class _Reading(Protocol):
    """Reads from the store on a thread made for it."""

    def __call__(self, work: Callable[[StoreReader], R], /) -> Awaitable[R]: ...


class FleetHistory:
    """Owns the days and hours that are kept. Its questions are awaited; reading blocks a thread of its own."""

    def __init__(self, read: _Reading, now_ns: Callable[[], int]) -> None:
        """`read` runs its argument on a thread, with a reader of the store; `now_ns` is the wall time."""
        self._read = read
        self._now_ns = now_ns
        self._guard = threading.Lock()
        """Held while the store is read, so that several pages share one reading."""
        self._made: dict[tuple[int, int], tuple[int, FleetDays]] = {}
        self._hours_made: tuple[int, FleetHours] | None = None
        self._forget("")

    def _forget(self, path: str) -> None:
        self._path = path
        self._numbers: dict[str, int] = {}
        self._days: dict[int, _Counts] = {}
        self._hours: dict[int, tuple[int, _Counts]] = {}
        """The counts of an hour, and when they were read."""
        self._spans: dict[str, IncidentSpan] = {}
        self._position = 0
        self._made.clear()
        self._hours_made = None

    async def days(self, since_day: int, until_day: int) -> FleetDays:
        """Returns the days of all targets from `since_day` on, before `until_day`, counted from 1970 (UTC).

        They are at most ten seconds old; the samples of the present hour at most a minute.

        Raises: UsageError without a file; StoreError.
        """
        kept = self._made.get((since_day, until_day))
        if kept is not None and self._is_fresh(kept[0], limits.FLEET_FRESH_NS):
            return kept[1]
        return await self._read(lambda reader: self._days_of(reader, since_day, until_day))

    async def last_day(self) -> FleetHours:
        """Returns the latency of all targets in the last 24 hours and the present one. Raises: as `days` does."""
        kept = self._hours_made
        if kept is not None and self._is_fresh(kept[0], limits.FLEET_HOUR_FRESH_NS):
            return kept[1]
        return await self._read(self._last_day_of)

    async def incidents(self) -> tuple[IncidentSpan, ...]:
        """Returns the incidents of all targets that were open in the days that are kept. Raises: as `days` does."""
        return await self._read(self._incidents_of)

    def _is_fresh(self, read_ns: int, within_ns: int) -> bool:
        # A clock that was set back makes nothing fresh for ever.
        return 0 <= self._now_ns() - read_ns < within_ns

    # On the thread of a reading.

    def _incidents_of(self, reader: StoreReader) -> tuple[IncidentSpan, ...]:
        with self._guard:
            self._follow(reader)
            return tuple(self._spans.values())

    def _days_of(self, reader: StoreReader, since_day: int, until_day: int) -> FleetDays:
        with self._guard:
            now_ns = self._now_ns()
            kept = self._made.get((since_day, until_day))
            if kept is not None and self._is_fresh(kept[0], limits.FLEET_FRESH_NS):
                return kept[1]
            self._follow(reader)
            unfinished = reader.unfinished_days() | {now_ns // NS_PER_DAY}
            counts = {}
            for day in range(since_day, until_day):
                found = self._day(reader, day, now_ns, is_finished=day not in unfinished)
                if found is not None:
                    counts[day] = found.of_day
            blind = reader.blind(since_day * NS_PER_DAY)
            made = judged_days(
                [*self._numbers],
                counts,
                self._problems(now_ns),
                [(each.started_at_ns, each.ended_at_ns) for each in blind],
                since_day,
                until_day,
            )
            self._keep(since_day, until_day, now_ns, made)
            return made

    def _keep(self, since_day: int, until_day: int, now_ns: int, made: FleetDays) -> None:
        self._made[since_day, until_day] = now_ns, made
        while len(self._made) > _SPANS_KEPT:
            self._made.pop(min(self._made, key=lambda span: self._made[span][0]))
        today = now_ns // NS_PER_DAY
        for day in [day for day in self._days if day < today - limits.FLEET_DAYS_KEPT]:
            del self._days[day]
        for hour in [hour for hour in self._hours if hour < today * 24 - limits.FLEET_HOURS_KEPT]:
            del self._hours[hour]

    def _last_day_of(self, reader: StoreReader) -> FleetHours:
        with self._guard:
            now_ns = self._now_ns()
            kept = self._hours_made
            if kept is not None and self._is_fresh(kept[0], limits.FLEET_HOUR_FRESH_NS):
                return kept[1]
            self._follow(reader)
            until_hour = now_ns // NS_PER_HOUR + 1
            hours = [self._hour(reader, hour, now_ns) for hour in range(until_hour - 25, until_hour)]
            made = FleetHours(until_hour - 25, dict(self._numbers), hours)
            self._hours_made = now_ns, made
            return made

    def _follow(self, reader: StoreReader) -> None:
        """Learns which incidents have moved; begins anew for another store and after a target was renamed."""
        if reader.path != self._path or not self._numbers.keys() <= {*reader.targets()}:
            self._forget(reader.path)
        end, moved = reader.incident_spans(self._position)
        if end < self._position:
            # A backup was restored.
            self._forget(reader.path)
            end, moved = reader.incident_spans()
        self._position = end
        for span in moved:
            self._spans[span.incident] = span
        since_ns = self._now_ns() - (limits.FLEET_DAYS_KEPT + 1) * NS_PER_DAY
        self._spans = {
            name: span
            for name, span in self._spans.items()
            if span.resolved_at_ns is None or span.resolved_at_ns >= since_ns
        }

    def _problems(self, now_ns: int) -> Iterable[ProblemSpan]:
        for span in self._spans.values():
            if not span.draft:
                until_ns = now_ns if span.resolved_at_ns is None else span.resolved_at_ns
                is_down = span.severity is Severity.CRITICAL
                # One that ended at once has taken some time of its day, too.
                yield ProblemSpan(
                    span.target, span.opened_at_ns, max(until_ns, span.opened_at_ns + 1), is_down
                )

    def _day(self, reader: StoreReader, day: int, now_ns: int, *, is_finished: bool) -> _Counts | None:
        """Returns a finished day as it is kept, or read now; another one as the sum of its hours."""
        if is_finished:
            if day not in self._days:
                whole = list(reader.days(day * NS_PER_DAY, (day + 1) * NS_PER_DAY))
                packed = self._packed(whole[0][1] if whole else {})
                # The latency of a day is on no page of all targets.
                self._days[day] = packed._replace(timed=array("I"), latency_sum_us=array("Q"))
            found = self._days[day]
            return found if any(found.seen) else None
        self._days.pop(day, None)
        until_hour = min(day * 24 + 24, now_ns // NS_PER_HOUR + 1)
        hours = [self._hour(reader, hour, now_ns) for hour in range(day * 24, until_hour)]
        return _summed([hour for hour in hours if hour is not None])

    def _hour(self, reader: StoreReader, hour: int, now_ns: int) -> _Counts | None:
        kept = self._hours.get(hour)
        if kept is None or not self._may_stay(hour, kept[0]):
            whole = list(reader.hours(hour * NS_PER_HOUR, (hour + 1) * NS_PER_HOUR))
            kept = self._hours[hour] = now_ns, self._packed(whole[0][1] if whole else {})
        return kept[1] if any(kept[1].seen) else None

    def _may_stay(self, hour: int, read_ns: int) -> bool:
        was_over = read_ns >= (hour + 1) * NS_PER_HOUR + limits.FLEET_HOUR_SETTLE_NS
        return was_over or self._is_fresh(read_ns, limits.FLEET_HOUR_FRESH_NS)

    def _packed(self, found: Mapping[str, Totals]) -> _Counts:
        numbers = self._numbers
        for name in found:
            numbers.setdefault(name, len(numbers))
        counts = _no_counts(len(numbers))
        for name, totals in found.items():
            number = numbers[name]
            counts.seen[number] = 1
            counts.good[number] = totals.good
            counts.bad[number] = totals.bad
            counts.timed[number] = totals.timed
            counts.latency_sum_us[number] = totals.latency_sum_us
        return counts


def _no_counts(size: int) -> _Counts:
    four, eight = bytes(4 * size), bytes(8 * size)
    return _Counts(bytearray(size), array("I", four), array("I", four), array("I", four), array("Q", eight))


def _summed(hours: Sequence[_Counts]) -> _Counts | None:
    """Returns the counts of a day that goes on; None without any hour."""
    if not hours:
        return None
    made = _no_counts(max(len(hour.seen) for hour in hours))
    for hour in hours:
        size = len(hour.seen)
        made.seen[:size] = bytes(map(or_, made.seen, hour.seen))
        made.good[:size] = array("I", map(add, made.good, hour.good))
        made.bad[:size] = array("I", map(add, made.bad, hour.bad))
    return made


def _mean_ms(counts: _Counts | None, number: int | None) -> float | None:
    if counts is None or number is None or number >= len(counts.timed) or not counts.timed[number]:
        return None
    return counts.latency_sum_us[number] / counts.timed[number] * NS_PER_US / 1e6
