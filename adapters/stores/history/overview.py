"""All targets at once: the newest sample, the uptime and the days of each, by queries whose number does not grow with them."""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TypeAlias

import apsw

from ....domain.observation.outcome import NO_EVIDENCE, Outcome, is_answered
from ....domain.units import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_US
from ..sqlite.connection import go_on, pieces, rows
from .chunks import unpack
from .history import History
from .sample_tables import US_PER_DAY, US_PER_HOUR, Findable, day_table, rolled_days
from .stored import TOTALS, FoundRow, StoredSample, Totals

FIRST_LOOK_US = 2 * NS_PER_MINUTE // NS_PER_US
"""How far before the newest sample is looked first; each further look is twice as long."""
GOOD = frozenset({Outcome.UP, Outcome.DEGRADED})

Counted: TypeAlias = tuple[int, Totals]
"""Target, and what its samples come to."""

_CHUNKS = """
SELECT target, data FROM chunk WHERE hour = ? AND target IN (SELECT value FROM json_each(?))
"""


# One look-up each: min and max of one column in one query would read the whole table.
_BOUNDS = """
SELECT (SELECT min(hour) FROM hourly), (SELECT max(hour) + 1 FROM hourly)
UNION ALL SELECT (SELECT min(day) * 24 FROM daily), (SELECT max(day) * 24 + 24 FROM daily)
"""
# Each step is one look-up: `DISTINCT hour` reads the row of every target in every hour.
_NEWEST_HOUR = "SELECT max(hour) FROM chunk WHERE hour BETWEEN ? AND ?"


class Overview(Findable):
    """Reads within one transaction. Spans are half open, in wall nanoseconds."""

    def __init__(
        self,
        connection: apsw.Connection,
        pause: Callable[[], None] = go_on,
        names: dict[int, str] | None = None,
    ) -> None:
        """`pause` is called after each piece of the days and hours that are read; `names` are those of an earlier question."""
        super().__init__(connection)
        self._pause = pause
        self._kept_names = {} if names is None else names
        self._rolled = rolled_days(connection)

    @property
    def _names(self) -> dict[int, str]:
        if not self._kept_names:
            self._read_names()
        return self._kept_names

    def _read_names(self) -> None:
        self._kept_names |= dict(rows(self._connection, "SELECT id, name FROM target"))

    # The newest sample of each.

    def latest(self, since_ns: int, until_ns: int) -> dict[str, StoredSample]:
        """By name; a target without a sample in the span is not in it."""
        since_us, until_us = -(-since_ns // NS_PER_US), -(-until_ns // NS_PER_US)
        found: dict[int, FoundRow] = {}
        for hour in self._hours(since_us, until_us):
            missing = self._names.keys() - found.keys()
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
        names = [self._names[target] for target in found]
        return dict(zip(names, self._stored(found, found.values()), strict=True))

    def _hours(self, since_us: int, until_us: int) -> Iterator[int]:
        """The hours of the span that may have samples, the newest first."""
        first, last = since_us // US_PER_HOUR, (until_us - 1) // US_PER_HOUR
        unsealed = self._unsealed(first, last + 1)
        while True:
            sealed = self._connection.execute(_NEWEST_HOUR, (first, last)).get
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
        for target, data in self._connection.execute(_CHUNKS, (hour, json.dumps(sorted(missing)))):
            columns = unpack(data)
            place = bisect_left(columns.at_us, end_us - hour_us) - 1
            at_us = hour_us + columns.at_us[place]
            if place >= 0 and at_us >= begin_us:
                yield target, (at_us, *(column[place] for column in columns[1:]))  # type: ignore[misc]  # one of each

    def _raw(
        self, hour: int, begin_us: int, end_us: int, missing: set[int]
    ) -> Iterator[tuple[int, FoundRow]]:
        """From the hour's newest sample backwards, until each target that is missing has been seen."""
        if hour in self._sealed or hour // 24 not in self._days:
            return
        table, day_us = day_table(hour // 24), hour // 24 * US_PER_DAY
        newest = self._connection.execute(
            f"SELECT max(at_us) FROM {table} WHERE at_us >= ? AND at_us < ?",  # noqa: S608 - a number
            (begin_us - day_us, end_us - day_us),
        ).get
        left, look_us = set(missing), FIRST_LOOK_US
        end_us = begin_us if newest is None else day_us + newest + 1
        while left and end_us > begin_us:
            from_us = max(begin_us, end_us - look_us)
            # With max() in the query SQLite takes the other columns from the row that has it.
            for target, *row in self._connection.execute(
                f"SELECT target, max(at_us) + ?, finding, status, latency_us FROM {table}"  # noqa: S608 - a number
                " WHERE at_us >= ? AND at_us < ? GROUP BY target",
                (day_us, from_us - day_us, end_us - day_us),
            ):
                left.discard(target)
                yield target, (row[0], row[1], row[2], row[3])
            end_us, look_us = from_us, 2 * look_us

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
        spans = [(begin, after) for begin, after in rows(self._connection, _BOUNDS, ()) if begin is not None]
        spans += [(day * 24, day * 24 + 24) for day in self._days]
        earliest = min((begin for begin, _ in spans), default=end)
        latest = max((after for _, after in spans), default=end)
        return max(first, earliest), min(end, latest)

    def day(self, day: int) -> dict[str, Totals]:
        """By name, one day (UTC, counted from 1970); a target without samples is not in it."""
        if day in self._rolled or day not in self._days:
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
        found = self._connection.execute("SELECT target, body FROM daily WHERE day = ?", (day,))
        return ((target, TOTALS.decode(body)) for target, body in found)

    def _of_hourly(self, first: int, end: int) -> Iterator[Counted]:
        found = self._connection.execute(
            "SELECT target, body FROM hourly WHERE hour >= ? AND hour < ?", (first, end)
        )
        return ((target, TOTALS.decode(body)) for target, body in found)

    def _of_unsealed(self, hour: int) -> Iterator[Counted]:
        """An hour that is half sealed, or was sealed when a late sample came, has rows in two places: read one by one."""
        if self._connection.execute("SELECT 1 FROM chunk WHERE hour = ? LIMIT 1", (hour,)).get:
            begin_ns, end_ns = hour * NS_PER_HOUR, (hour + 1) * NS_PER_HOUR
            for target, name in self._names.items():
                for each in History(self._connection, name).hourly(begin_ns, end_ns):
                    yield target, each.rollup.totals
                self._pause()
            return
        from_us = (hour % 24) * US_PER_HOUR
        for target, finding, count, timed, sum_us, max_us in self._connection.execute(
            "SELECT target, finding, count(*), count(latency_us), sum(latency_us), max(latency_us)"  # noqa: S608 - a number
            f" FROM {day_table(hour // 24)} WHERE at_us >= ? AND at_us < ? GROUP BY target, finding",
            (from_us, from_us + US_PER_HOUR),
        ):
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
