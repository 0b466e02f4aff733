"""One target's past, put together from sealed chunks, roll-ups and what is still raw."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from itertools import repeat

from ....domain import limits
from ....domain.observation.evidence import Evidence
from ....domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_US
from .chunks import unpack
from .source import US_PER_HOUR, Findable, SampleSource
from .stored import (
    EVIDENCE,
    ROLLUPS,
    TOTALS,
    FoundRow,
    Rollup,
    StoredSample,
    Summed,
    Totals,
    merged,
    roll_up,
)


class History(Findable):
    """Reads one target within one transaction. Spans are half open, in wall nanoseconds."""

    def __init__(self, source: SampleSource, target: str) -> None:
        super().__init__(source)
        self._name = target
        self._edges: dict[tuple[int, int], tuple[Summed, ...]] = {}
        self._target = source.number_of(target)

    def samples(self, since_ns: int, until_ns: int) -> tuple[StoredSample, ...]:
        found = self._rows(-(-since_ns // NS_PER_US), -(-until_ns // NS_PER_US))
        return tuple(self._stored(repeat(self._target or 0), found))

    def evidence(self, since_ns: int, until_ns: int) -> tuple[Evidence, ...]:
        """The newest READ_EVIDENCE_MAX of a span, in the order of time."""
        span = (-(-since_ns // NS_PER_US), -(-until_ns // NS_PER_US), limits.READ_EVIDENCE_MAX)
        found = self._source.evidence_of(self._target, *span)
        return tuple(EVIDENCE.decode(body).of(self._name, at_us) for at_us, body in reversed(found))

    def hourly(self, since_ns: int, until_ns: int) -> tuple[Summed, ...]:
        first, end = -(-since_ns // NS_PER_HOUR), -(-until_ns // NS_PER_HOUR)
        rollups = {
            hour: ROLLUPS.decode(body) for hour, body in self._source.hourly_of(self._target, first, end)
        }
        for hour in self._unsealed(first, end):
            found = self._rows(hour * US_PER_HOUR, (hour + 1) * US_PER_HOUR)
            if found:
                rollups[hour] = roll_up(found, self._findings)
        return tuple(Summed(hour * NS_PER_HOUR, rollup) for hour, rollup in sorted(rollups.items()))

    def daily(self, since_ns: int, until_ns: int) -> tuple[Summed, ...]:
        first, end = -(-since_ns // NS_PER_DAY), -(-until_ns // NS_PER_DAY)
        rollups = {day: ROLLUPS.decode(body) for day, body in self._source.daily_of(self._target, first, end)}
        for day in self._unsummed:
            hours = self.hourly(day * NS_PER_DAY, (day + 1) * NS_PER_DAY) if first <= day < end else ()
            if hours:
                rollups[day] = merged([hour.rollup for hour in hours])
        return tuple(Summed(day * NS_PER_DAY, rollup) for day, rollup in sorted(rollups.items()))

    def day_totals(self, since_ns: int, until_ns: int) -> dict[int, Totals]:
        """By day (counted from 1970), those that begin in a span; their buckets of latency are not read."""
        first, end = -(-since_ns // NS_PER_DAY), -(-until_ns // NS_PER_DAY)
        totals = {day: TOTALS.decode(body) for day, body in self._source.daily_of(self._target, first, end)}
        for day in self._unsummed:
            hours = self.hourly(day * NS_PER_DAY, (day + 1) * NS_PER_DAY) if first <= day < end else ()
            if hours:
                totals[day] = sum((hour.rollup.totals for hour in hours), Totals())
        return totals

    def uptime(self, days: Mapping[int, Totals], since_ns: int, until_ns: int) -> float | None:
        """The uptime of a span as `total` has it, from the totals of its days; None where nothing was evidence."""
        first, end = -(-since_ns // NS_PER_DAY), until_ns // NS_PER_DAY
        if first >= end:
            edges = [(since_ns, until_ns)]
        else:
            edges = [(since_ns, first * NS_PER_DAY), (end * NS_PER_DAY, until_ns)]
        hours = [hour.rollup.totals for edge in edges for hour in self._hours_of_edge(edge)]
        return sum((*hours, *(days[day] for day in range(first, end) if day in days)), Totals()).uptime

    def _hours_of_edge(self, edge: tuple[int, int]) -> tuple[Summed, ...]:
        """The hours of a part of a day; several spans end with the same one."""
        if edge not in self._edges:
            self._edges[edge] = self.hourly(*edge)
        return self._edges[edge]

    def total(self, since_ns: int, until_ns: int) -> Rollup:
        """Whole days where there are such in the span, and the hours of it that lie in none of them."""
        days = {
            day.at_ns: day.rollup
            for day in self.daily(since_ns, until_ns)
            if day.at_ns + NS_PER_DAY <= until_ns
        }
        return merged([*days.values(), *self._between(days, since_ns, until_ns)])

    def _between(self, days: Collection[int], since_ns: int, until_ns: int) -> Iterator[Rollup]:
        """The hours of a span that lie in none of these days: 90 days of hours take nine times as long as the days."""
        begin_ns = since_ns
        for day_ns in (*sorted(days), until_ns):
            if begin_ns < day_ns:
                yield from (hour.rollup for hour in self.hourly(begin_ns, day_ns))
            begin_ns = day_ns + NS_PER_DAY

    def _rows(self, since_us: int, until_us: int) -> list[FoundRow]:
        """Sealed and raw rows of a span; a row that is in both is one row."""
        found = {row[0]: row for row in self._raw(since_us, until_us)}
        if not found:
            return list(self._chunked(since_us, until_us))
        found.update((row[0], row) for row in self._chunked(since_us, until_us))
        return [row for _, row in sorted(found.items())]

    def _raw(self, since_us: int, until_us: int) -> Iterator[FoundRow]:
        unsealed = self._unsealed(since_us // US_PER_HOUR, -(-until_us // US_PER_HOUR))
        yield from self._source.raw_of(self._target, since_us, until_us, unsealed)

    def _chunked(self, since_us: int, until_us: int) -> Iterator[FoundRow]:
        first, end = since_us // US_PER_HOUR, -(-until_us // US_PER_HOUR)
        for hour, data in self._source.chunks_of(self._target, first, end):
            columns, hour_us = unpack(data), hour * US_PER_HOUR
            begin, after = (bisect_left(columns.at_us, bound - hour_us) for bound in (since_us, until_us))
            at_us = [hour_us + within_us for within_us in columns.at_us[begin:after]]
            yield from zip(at_us, *(column[begin:after] for column in columns[1:]), strict=True)
