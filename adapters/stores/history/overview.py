"""All targets at once: the newest sample, the uptime and the days of each, by queries whose number does not grow with them."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import groupby
from typing import TypeAlias

from ....domain.observation.outcome import NO_EVIDENCE, Outcome, is_answered
from ....domain.units import NS_PER_HOUR, NS_PER_US
from ..sqlite.connection import go_on, pieces
from .chunks import unpack
from .history import History
from .source import US_PER_HOUR, Findable, SampleSource
from .stored import TOTALS, FoundRow, StoredSample, Totals

GOOD = frozenset({Outcome.UP, Outcome.DEGRADED})

Counted: TypeAlias = tuple[int, Totals]
"""Target, and what its samples come to."""


class Overview(Findable):
    """Reads within one transaction. Spans are half open, in wall nanoseconds."""

    def __init__(
        self,
        source: SampleSource,
        pause: Callable[[], None] = go_on,
        names: dict[int, str] | None = None,
    ) -> None:
        """`pause` is called after each piece of the days and hours that are read; `names` are those of an earlier question."""
        super().__init__(source)
        self._pause = pause
        self._kept_names = {} if names is None else names
        self._rolled = source.summed_days()

    @property
    def _names(self) -> dict[int, str]:
        if not self._kept_names:
            self._read_names()
        return self._kept_names

    def _read_names(self) -> None:
        self._kept_names |= self._source.names()

    # The newest sample of each.

    def latest(
        self, since_ns: int, until_ns: int, targets: Collection[str] | None = None
    ) -> dict[str, StoredSample]:
        """By name, those of some targets or of all; a target without a sample in the span is not in it."""
        since_us, until_us = -(-since_ns // NS_PER_US), -(-until_ns // NS_PER_US)
        found: dict[int, FoundRow] = {}
        wanted = {number for number, name in self._names.items() if targets is None or name in targets}
        for hour in self._hours(since_us, until_us):
            missing = wanted - found.keys()
            if not missing:
                break
            begin_us = max(since_us, hour * US_PER_HOUR)
            end_us = min(until_us, (hour + 1) * US_PER_HOUR)
            for target, row in (
                *self._chunked(hour, begin_us, end_us, missing),
                *self._raw(hour, begin_us, end_us, missing),
            ):
                if target not in found or found[target][0] < row[0]:
                    found[target] = row
        return self.named(found)

    def named(self, found: Mapping[int, FoundRow]) -> dict[str, StoredSample]:
        """Returns samples, one of each target, by name."""
        names = [self._names[target] for target in found]
        return dict(zip(names, self._stored(found, found.values()), strict=True))

    def _hours(self, since_us: int, until_us: int) -> Iterator[int]:
        """The hours of the span that may have samples, the newest first."""
        first, last = since_us // US_PER_HOUR, (until_us - 1) // US_PER_HOUR
        unsealed = self._unsealed(first, last + 1)
        while True:
            sealed = self._source.newest_chunk(first, last)
            newest = max(
                (hour for hour in (sealed, unsealed[-1] if unsealed else None) if hour is not None),
                default=None,
            )
            if newest is None:
                return
            yield newest
            last = newest - 1
            if unsealed and unsealed[-1] == newest:
                unsealed.pop()

    def _chunked(
        self, hour: int, begin_us: int, end_us: int, missing: set[int]
    ) -> Iterator[tuple[int, FoundRow]]:
        hour_us = hour * US_PER_HOUR
        if not self._source.has_chunk(hour):
            return
        for target, data in self._source.chunks_at(hour, missing):
            columns = unpack(data)
            place = bisect_left(columns.at_us, end_us - hour_us) - 1
            at_us = hour_us + columns.at_us[place]
            if place >= 0 and at_us >= begin_us:
                yield target, (at_us, *(column[place] for column in columns[1:]))  # type: ignore[misc]  # one of each

    def _raw(
        self, hour: int, begin_us: int, end_us: int, missing: set[int]
    ) -> Iterator[tuple[int, FoundRow]]:
        if self._unsealed(hour, hour + 1):
            yield from self._source.newest_raw(hour, begin_us, end_us, missing)

    # The uptime of each.

    def uptimes(self, since_ns: int, until_ns: int) -> dict[str, float]:
        """By name, from the hours that begin in the span; a target without evidence is not in it.

        Whole days that are summed up stand for their hours: a week takes a nineteenth of the time (bench/history.py).
        """
        first, end = self.kept(-(-since_ns // NS_PER_HOUR), -(-until_ns // NS_PER_HOUR))
        good: defaultdict[int, int] = defaultdict(int)
        evidence: defaultdict[int, int] = defaultdict(int)
        for target, totals in self._of_span(first, end):
            good[target] += totals.good
            evidence[target] += totals.good + totals.bad
        return {self._names[target]: good[target] / count for target, count in evidence.items() if count}

    def _of_span(self, first: int, end: int) -> Iterator[Counted]:
        """The whole days of a span of hours where they are summed up, and each other hour."""
        whole = self._rolled & {*range(-(-first // 24), end // 24)}
        for day in whole:
            yield from self._of_daily(day)
        sealed = [hour for hour in range(first, end) if hour // 24 not in whole]
        unsealed = self._unsealed(first, end)
        for begin, after in _runs(sorted({*sealed} - {*unsealed})):
            yield from self._of_hourly(begin, after)
        for hour in unsealed:
            if hour // 24 not in whole:
                yield from self._of_unsealed(hour)

    # Days and hours of each.

    def kept(self, first: int, end: int) -> tuple[int, int]:
        """The part of a span of hours in which there may be anything: a span may begin in 1970."""
        spans = [*self._source.bounds(), *((day * 24, day * 24 + 24) for day in self._unsummed)]
        spans += [(hour, hour + 1) for hour in (self._raw_hours[:1] + self._raw_hours[-1:])]
        earliest = min((begin for begin, _ in spans), default=end)
        latest = max((after for _, after in spans), default=end)
        return max(first, earliest), min(end, latest)

    def day(self, day: int) -> dict[str, Totals]:
        """By name, one day (UTC, counted from 1970); a target without samples is not in it."""
        if day not in self._unsummed:
            return self._named(self._of_daily(day))
        return self._named(self._of_span(day * 24, day * 24 + 24))

    def hour(self, hour: int) -> dict[str, Totals]:
        """By name, one hour (counted from 1970); a target without samples is not in it."""
        return self._named(self._of_span(hour, hour + 1))

    def _named(self, found: Iterator[Counted]) -> dict[str, Totals]:
        """One entry for each target; its parts are added."""
        by_name: dict[str, Totals] = {}
        names = self._names
        for piece in pieces(found, self._pause):
            for target, totals in piece:
                if target not in names:
                    self._read_names()
                name = names[target]
                by_name[name] = by_name[name] + totals if name in by_name else totals
        return by_name

    def _of_daily(self, day: int) -> Iterator[Counted]:
        return ((target, TOTALS.decode(body)) for target, body in self._source.daily_at(day))

    def _of_hourly(self, first: int, end: int) -> Iterator[Counted]:
        found = self._source.hourly_between(first, end)
        return ((target, TOTALS.decode(body)) for target, body in found)

    def _of_unsealed(self, hour: int) -> Iterator[Counted]:
        """An hour that is half sealed, or was sealed when a late sample came, has rows in two places: read one by one."""
        if self._source.has_chunk(hour):
            begin_ns, end_ns = hour * NS_PER_HOUR, (hour + 1) * NS_PER_HOUR
            for target, name in self._names.items():
                for each in History(self._source, name).hourly(begin_ns, end_ns):
                    yield target, each.rollup.totals
                self._pause()
            return
        for target, finding, count, timed, sum_us, max_us in self._source.raw_sums(hour):
            outcome, reason = self._findings[finding]
            answered = timed if is_answered(outcome, reason) else 0
            yield (
                target,
                Totals(
                    count=count,
                    good=count if outcome in GOOD else 0,
                    bad=0 if outcome in GOOD or outcome in NO_EVIDENCE else count,
                    unknown=count if outcome in NO_EVIDENCE else 0,
                    timed=answered,
                    latency_sum_us=sum_us if answered else 0,
                    latency_max_us=max_us if answered else 0,
                ),
            )


def _runs(hours: list[int]) -> Iterator[tuple[int, int]]:
    """The spans of hours that follow each other, half open."""
    for _, run in groupby(enumerate(hours), lambda placed: placed[1] - placed[0]):
        found = [hour for _, hour in run]
        yield found[0], found[-1] + 1
