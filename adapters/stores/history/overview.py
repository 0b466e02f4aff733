"""All targets at once: the newest sample and the uptime of each, by queries whose number does not grow with them."""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import TypeAlias

import apsw
import msgspec

from ....domain.observation.outcome import NO_EVIDENCE, Outcome
from ....domain.units import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_US
from ..sqlite.connection import rows
from .chunks import unpack
from .history import History
from .sample_tables import US_PER_DAY, US_PER_HOUR, Findable, day_table
from .stored import FoundRow, StoredSample

FIRST_LOOK_US = 2 * NS_PER_MINUTE // NS_PER_US
"""How far before the newest sample is looked first; each further look is twice as long."""
GOOD = frozenset({Outcome.UP, Outcome.DEGRADED})

Counted: TypeAlias = tuple[int, int, int]
"""Target, how many samples are good, and how many are evidence."""

_CHUNKS = """
SELECT target, data FROM chunk WHERE hour = ? AND target IN (SELECT value FROM json_each(?))
"""


class _Evidence(msgspec.Struct, array_like=True, gc=False):
    """The head of a roll-up: its buckets of latency are nine tenths of it, and not read."""

    count: int
    good: int
    bad: int


_EVIDENCE = msgspec.msgpack.Decoder(_Evidence)


class Overview(Findable):
    """Reads within one transaction. Spans are half open, in wall nanoseconds."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self._names = dict(rows(connection, "SELECT id, name FROM target"))

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

    def _hours(self, since_us: int, until_us: int) -> list[int]:
        """The hours of the span that may have samples, the newest first."""
        first, last = since_us // US_PER_HOUR, (until_us - 1) // US_PER_HOUR
        sealed = self._connection.execute(
            "SELECT DISTINCT hour FROM chunk WHERE hour BETWEEN ? AND ?", (first, last)
        )
        found = {hour for (hour,) in sealed} | {*self._unsealed(first, last + 1)}
        return sorted(found, reverse=True)

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
        """By name, from the hours that begin in the span; a target without evidence is not in it."""
        first, end = -(-since_ns // NS_PER_HOUR), -(-until_ns // NS_PER_HOUR)
        counted: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        unsealed = self._unsealed(first, end)
        for target, good, evidence in chain(
            self._of_sealed(first, end, {*unsealed}), *map(self._of_unsealed, unsealed)
        ):
            sums = counted[target]
            sums[0] += good
            sums[1] += evidence
        return {self._names[target]: good / count for target, (good, count) in counted.items() if count}

    def _of_sealed(self, first: int, end: int, unsealed: set[int]) -> Iterator[Counted]:
        for target, hour, body in self._connection.execute(
            "SELECT target, hour, body FROM hourly WHERE hour >= ? AND hour < ?", (first, end)
        ):
            if hour not in unsealed:
                rollup = _EVIDENCE.decode(body)
                yield target, rollup.good, rollup.good + rollup.bad

    def _of_unsealed(self, hour: int) -> Iterator[Counted]:
        """An hour that is half sealed, or was sealed when a late sample came, has rows in two places: read one by one."""
        if self._connection.execute("SELECT 1 FROM chunk WHERE hour = ? LIMIT 1", (hour,)).get:
            begin_ns, end_ns = hour * NS_PER_HOUR, (hour + 1) * NS_PER_HOUR
            for target, name in self._names.items():
                for each in History(self._connection, name).hourly(begin_ns, end_ns):
                    yield target, each.rollup.good, each.rollup.good + each.rollup.bad
            return
        from_us = (hour % 24) * US_PER_HOUR
        for target, finding, count in self._connection.execute(
            f"SELECT target, finding, count(*) FROM {day_table(hour // 24)}"  # noqa: S608 - a number
            " WHERE at_us >= ? AND at_us < ? GROUP BY target, finding",
            (from_us, from_us + US_PER_HOUR),
        ):
            outcome = self._findings[finding][0]
            if outcome not in NO_EVIDENCE:
                yield target, count if outcome in GOOD else 0, count
