"""The past days and hours of all targets, for pages: what has finished is read from the store once."""

import threading
from array import array
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import add, or_
from typing import NamedTuple, Protocol, TypeVar

from ...adapters.stores.history.stored import Totals
from ...adapters.stores.record_reader import RecordReader
from ...domain import limits
from ...domain.policy import CachePolicy
from ...domain.read_model.days import (
    PIECE,
    DayCounts,
    DayRun,
    FleetDays,
    FleetJudge,
    IncidentSpan,
    ProblemSpan,
    in_pieces,
    lost_days,
)
from ...domain.specification.rule import Severity
from ...domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MS, NS_PER_US

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

    def __init__(self, since_hour: int, numbers: Mapping[str, int], hours: Sequence[_Counts]) -> None:
        self.since_hour = since_hour
        self._numbers = numbers
        padded = [_padded(hour, len(numbers)) for hour in hours]
        self._means = [(hour.latency_sum_us, hour.timed) for hour in padded]
        self._bad = [hour.bad for hour in padded]

    def latency_ms(self, target: str) -> list[float | None]:
        """Returns the mean latency of the answers of each hour, oldest first; None for an hour without any."""
        number = self._numbers.get(target)
        if number is None:
            return [None] * len(self._means)
        return [
            sums[number] / timed[number] * (NS_PER_US / NS_PER_MS) if timed[number] else None
            for sums, timed in self._means
        ]

    def is_bad(self, target: str) -> list[bool]:
        """Returns for each hour whether any sample of it was bad."""
        number = self._numbers.get(target)
        return [number is not None and bad[number] > 0 for bad in self._bad]


class _Reading(Protocol):
    """Reads from the store on a thread made for it."""

    def __call__(self, work: Callable[[RecordReader], R], /) -> Awaitable[R]: ...


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
        self._days: dict[int, DayCounts] = {}
        """The days that are over."""
        self._unsealed: set[int] = set()
        """Those of them whose samples the record had not summed up yet: they are read once more when it has."""
        self._judges: dict[tuple[int, int], FleetJudge] = {}
        self._hours: dict[int, tuple[int, _Counts]] = {}
        """The counts of an hour, and when they were read."""
        self._spans: dict[str, IncidentSpan] = {}
        self._spans_of: dict[str, set[str]] = {}
        """By target, its incidents among them."""
        self._lost: dict[str, dict[int, DayRun]] = {}
        """By target, the days that it lost to incidents; those of one without an open incident are kept for good."""
        self._losing: set[str] = set()
        """The targets with an open incident."""
        self._kept_since_day = 0
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

    def _incidents_of(self, reader: RecordReader) -> tuple[IncidentSpan, ...]:
        with self._guard:
            self._follow(reader)
            return tuple(self._spans.values())

    def _days_of(self, reader: RecordReader, since_day: int, until_day: int) -> FleetDays:
        with self._guard:
            now_ns = self._now_ns()
            kept = self._made.get((since_day, until_day))
            if kept is not None and self._is_fresh(kept[0], limits.FLEET_FRESH_NS):
                return kept[1]
            self._follow(reader)
            unfinished = reader.unfinished_days() | {now_ns // NS_PER_DAY}
            counts, days = {}, range(since_day, until_day)
            self._read_finished(reader, [day for day in days if day not in unfinished])
            for day in days:
                found = self._day(reader, day, now_ns, is_finished=day not in unfinished)
                if any(found.seen):
                    counts[day] = found
            blind = reader.blind(since_day * NS_PER_DAY)
            judge = self._judges.setdefault((since_day, until_day), FleetJudge(since_day, until_day))
            judging = judge.judge(
                [*self._numbers],
                counts,
                self._lost,
                [(each.started_at_ns, each.ended_at_ns) for each in blind],
            )
            made = in_pieces(judging, reader.pause)
            self._keep(since_day, until_day, now_ns, made)
            return made

    def _keep(self, since_day: int, until_day: int, now_ns: int, made: FleetDays) -> None:
        self._made[since_day, until_day] = now_ns, made
        while len(self._made) > _SPANS_KEPT:
            oldest = min(self._made, key=lambda span: self._made[span][0])
            del self._made[oldest]
            del self._judges[oldest]
        today = now_ns // NS_PER_DAY
        for day in [day for day in self._days if day < today - limits.FLEET_DAYS_KEPT]:
            del self._days[day]
            self._unsealed.discard(day)
        for hour in [hour for hour in self._hours if hour < today * 24 - limits.FLEET_HOURS_KEPT]:
            del self._hours[hour]

    def _last_day_of(self, reader: RecordReader) -> FleetHours:
        with self._guard:
            now_ns = self._now_ns()
            kept = self._hours_made
            if kept is not None and self._is_fresh(kept[0], limits.FLEET_HOUR_FRESH_NS):
                return kept[1]
            self._follow(reader)
            until_hour = now_ns // NS_PER_HOUR + 1
            hours = range(until_hour - 25, until_hour)
            self._read_hours(reader, hours, now_ns)
            made = FleetHours(hours.start, dict(self._numbers), [self._hours[hour][1] for hour in hours])
            self._hours_made = now_ns, made
            return made

    def _follow(self, reader: RecordReader) -> None:
        """Learns which incidents have moved; begins anew for another store and after a target was renamed."""
        if reader.path != self._path or not self._numbers.keys() <= {*reader.targets()}:
            self._forget(reader.path)
        end, moved = reader.incident_spans(self._position)
        if end < self._position:
            # A backup was restored.
            self._forget(reader.path)
            end, moved = reader.incident_spans()
        self._position = end
        now_ns = self._now_ns()
        self._forget_old(now_ns // NS_PER_DAY - limits.FLEET_DAYS_KEPT - 1)
        for span in moved:
            self._spans[span.incident] = span
            self._spans_of.setdefault(span.target, set()).add(span.incident)
        # An open incident takes more of its day each time.
        changed = self._losing | {span.target for span in moved}
        for target in changed:
            self._judge_lost(target, now_ns)
            reader.pause()

    def _forget_old(self, since_day: int) -> None:
        """Forgets, once a day, the incidents that ended before the days that are kept."""
        if since_day == self._kept_since_day:
            return
        self._kept_since_day = since_day
        since_ns = since_day * NS_PER_DAY
        for name, span in [*self._spans.items()]:
            if span.resolved_at_ns is not None and span.resolved_at_ns < since_ns:
                del self._spans[name]
                self._spans_of[span.target].discard(name)
                if not self._spans_of[span.target]:
                    del self._spans_of[span.target], self._lost[span.target]

    def _judge_lost(self, target: str, now_ns: int) -> None:
        spans = [self._spans[name] for name in self._spans_of.get(target, ())]
        days = range(self._kept_since_day, now_ns // NS_PER_DAY + 1)
        self._lost[target] = lost_days((_problem_of(span, now_ns) for span in spans if not span.draft), days)
        if any(span.resolved_at_ns is None for span in spans):
            self._losing.add(target)
        else:
            self._losing.discard(target)

    def _day(self, reader: RecordReader, day: int, now_ns: int, *, is_finished: bool) -> DayCounts:
        """Returns a day that is over as it is kept, or read now; another one as the sum of its hours."""
        kept = self._days.get(day)
        if kept is not None and (is_finished or day in self._unsealed):
            return kept
        if kept is not None:
            # Late samples: the hours that were read before do not have them.
            for hour in range(day * 24, day * 24 + 24):
                self._hours.pop(hour, None)
        found = self._summed(reader, range(day * 24, min(day * 24 + 24, now_ns // NS_PER_HOUR + 1)), now_ns)
        if now_ns >= (day + 1) * NS_PER_DAY + limits.FLEET_HOUR_SETTLE_NS:
            self._days[day] = found
            self._unsealed.add(day)
        else:
            self._days.pop(day, None)
        return found

    def _read_finished(self, reader: RecordReader, days: Iterable[int]) -> None:
        """Reads the finished days that are not kept yet."""
        missing = [day for day in days if day not in self._days or day in self._unsealed]
        for first, end in _runs(missing):
            found = dict.fromkeys(range(first, end), _no_counts(0).of_day)
            for began_ns, totals in reader.days(first * NS_PER_DAY, end * NS_PER_DAY):
                found[began_ns // NS_PER_DAY] = self._packed(totals, reader.pause).of_day
            # As a whole: of a reading that fails half-way nothing is kept.
            self._days |= found
            self._unsealed -= found.keys()

    def _summed(self, reader: RecordReader, hours: range, now_ns: int) -> DayCounts:
        """Returns the counts of a day by its hours."""
        self._read_hours(reader, hours, now_ns)
        made = _no_counts(len(self._numbers))
        for hour in hours:
            made = _added(made, self._hours[hour][1])
            reader.pause()
        return made.of_day

    def _read_hours(self, reader: RecordReader, hours: Iterable[int], now_ns: int) -> None:
        """Reads the hours that are not kept, or may have changed."""
        missing = [
            hour
            for hour in hours
            if hour not in self._hours or not self._may_stay(hour, self._hours[hour][0])
        ]
        for first, end in _runs(missing):
            found = dict.fromkeys(range(first, end), (now_ns, _no_counts(0)))
            for began_ns, totals in reader.hours(first * NS_PER_HOUR, end * NS_PER_HOUR):
                found[began_ns // NS_PER_HOUR] = now_ns, self._packed(totals, reader.pause)
            self._hours |= found

    def _may_stay(self, hour: int, read_ns: int) -> bool:
        was_over = read_ns >= (hour + 1) * NS_PER_HOUR + limits.FLEET_HOUR_SETTLE_NS
        return was_over or self._is_fresh(read_ns, limits.FLEET_HOUR_FRESH_NS)

    def _packed(self, found: Mapping[str, Totals], pause: Callable[[], None]) -> _Counts:
        numbers = self._numbers
        for name in found:
            numbers.setdefault(name, len(numbers))
        counts = _no_counts(len(numbers))
        left = iter(found.items())
        while piece := dict(islice(left, PIECE)):
            _put(counts, [numbers[name] for name in piece], [*piece.values()])
            pause()
        return counts


def _put(counts: _Counts, places: list[int], found: list[Totals]) -> None:
    """Sets the counts of some targets."""
    first, end = places[0], places[0] + len(places)
    if places == [*range(first, end)]:
        # Nearly always, as the store has the targets of each day in one order: a third of the time.
        counts.seen[first:end] = b"\1" * len(places)
        counts.good[first:end] = array("I", [totals.good for totals in found])
        counts.bad[first:end] = array("I", [totals.bad for totals in found])
        counts.timed[first:end] = array("I", [totals.timed for totals in found])
        counts.latency_sum_us[first:end] = array("Q", [totals.latency_sum_us for totals in found])
        return
    for place, totals in zip(places, found, strict=True):
        counts.seen[place] = 1
        counts.good[place] = totals.good
        counts.bad[place] = totals.bad
        counts.timed[place] = totals.timed
        counts.latency_sum_us[place] = totals.latency_sum_us


def _no_counts(size: int) -> _Counts:
    four, eight = bytes(4 * size), bytes(8 * size)
    return _Counts(bytearray(size), array("I", four), array("I", four), array("I", four), array("Q", eight))


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yields the spans of days or hours that follow each other, half open: each is one question to the store."""
    for _, run in groupby(enumerate(numbers), lambda placed: placed[1] - placed[0]):
        found = [number for _, number in run]
        yield found[0], found[-1] + 1


def _padded(counts: _Counts, size: int) -> _Counts:
    """Returns the counts with a zero for each target that came later."""
    missing = size - len(counts.seen)
    if not missing:
        return counts
    nothing = _no_counts(missing)
    return _Counts(*(each + zeros for each, zeros in zip(counts, nothing, strict=True)))  # type: ignore[operator]  # of one kind


def _added(sums: _Counts, hour: _Counts) -> _Counts:
    """Returns the counts of a day and of one more hour of it; the latency of a day is on no page of all targets."""
    size = max(len(sums.seen), len(hour.seen))
    one, other = _padded(sums, size), _padded(hour, size)
    return one._replace(
        seen=bytearray(map(or_, one.seen, other.seen)),
        good=array("I", map(add, one.good, other.good)),
        bad=array("I", map(add, one.bad, other.bad)),
    )


def _problem_of(span: IncidentSpan, now_ns: int) -> ProblemSpan:
    until_ns = now_ns if span.resolved_at_ns is None else span.resolved_at_ns
    # One that ended at once has taken some time of its day, too.
    until_ns = max(until_ns, span.opened_at_ns + 1)
    return ProblemSpan(span.target, span.opened_at_ns, until_ns, span.severity is Severity.CRITICAL)
