"""The samples of a SQLite store, as history is read from them."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

import apsw

from ....domain.observation.outcome import Outcome, Reason
from ....domain.units import NS_PER_MINUTE, NS_PER_US
from ..sqlite.connection import rows
from .sample_tables import day_table, day_tables, findings, rolled_days, sealed_hours
from .source import US_PER_DAY, US_PER_HOUR, RecordedNotice, RowSum
from .stored import FoundRow

FIRST_LOOK_US = 2 * NS_PER_MINUTE // NS_PER_US
"""How far before the newest sample is looked first; each further look is twice as long."""

# The key begins with the time; counting the spans up makes each a look-up instead of a scan over all targets.
_SPANS = """
WITH RECURSIVE span (at) AS (
    SELECT max(?1, (SELECT min({key}) FROM {table}))
    UNION ALL SELECT at + 1 FROM span WHERE at + 1 < min(?2, (SELECT max({key}) FROM {table}) + 1)
)
SELECT {key}, {column} FROM span CROSS JOIN {table} ON {key} = at AND target = ?3 WHERE at < ?2
"""
_CHUNKS = _SPANS.format(key="hour", column="data", table="chunk")
_HOURLY = _SPANS.format(key="hour", column="body", table="hourly")
_DAILY = _SPANS.format(key="day", column="body", table="daily")
_EVIDENCE = """
SELECT at_us, body FROM evidence WHERE target = ? AND at_us >= ? AND at_us < ? ORDER BY at_us DESC LIMIT ?
"""
_CHUNKS_AT = "SELECT target, data FROM chunk WHERE hour = ? ORDER BY target"
_SOME_CHUNKS_AT = (
    "SELECT target, data FROM chunk WHERE hour = ? AND target IN (SELECT value FROM json_each(?))"
)
# One look-up each: min and max of one column in one query would read the whole table.
_BOUNDS = """
SELECT (SELECT min(hour) FROM hourly), (SELECT max(hour) + 1 FROM hourly)
UNION ALL SELECT (SELECT min(day) * 24 FROM daily), (SELECT max(day) * 24 + 24 FROM daily)
"""
# Each step is one look-up: `DISTINCT hour` reads the row of every target in every hour.
_NEWEST_HOUR = "SELECT max(hour) FROM chunk WHERE hour BETWEEN ? AND ?"
_EXPLANATIONS = "SELECT at_us, target, text FROM explanation WHERE at_us IN (SELECT value FROM json_each(?))"
_EXPLAINED = "SELECT target, at_us, text FROM explanation WHERE at_us >= ? AND at_us < ?"
# The position of a step grows with time, and so does that of the first step of an incident.
_STEPS = """
SELECT body FROM chain WHERE channel = '' AND incident IN (
    SELECT id FROM incident JOIN chain ON chain.position = incident.position
    WHERE json_extract(body, '$.opened_at_ns') >= ?) ORDER BY chain.position
"""
_NOTICES = """
SELECT outbox.channel, outbox.incident, target, rule, outbox.change, created_at_ns, state, coalesce(reminder, 0), coalesce(addition.body, '')
FROM outbox JOIN incident ON incident.id = outbox.incident LEFT JOIN addition USING (key)
WHERE created_at_ns >= ? AND created_at_ns < ? ORDER BY outbox.ordinal
"""


class SqliteSource:
    """Answers the questions of `SampleSource` over one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def findings(self) -> dict[int, tuple[Outcome, Reason]]:
        return findings(self._connection)

    def names(self) -> dict[int, str]:
        return dict(rows(self._connection, "SELECT id, name FROM target"))

    def number_of(self, target: str) -> int | None:
        found: int | None = self._connection.execute("SELECT id FROM target WHERE name = ?", (target,)).get
        return found

    def unsealed_hours(self) -> set[int]:
        hours = {hour for day in day_tables(self._connection) for hour in range(day * 24, day * 24 + 24)}
        return hours - sealed_hours(self._connection)

    def unsummed_days(self) -> set[int]:
        return day_tables(self._connection) - rolled_days(self._connection)

    def summed_days(self) -> set[int]:
        return rolled_days(self._connection)

    def bounds(self) -> list[tuple[int, int]]:
        return [(begin, after) for begin, after in rows(self._connection, _BOUNDS) if begin is not None]

    def newest_chunk(self, first: int, last: int) -> int | None:
        found: int | None = self._connection.execute(_NEWEST_HOUR, (first, last)).get
        return found

    def oldest_chunk(self) -> int | None:
        found: int | None = self._connection.execute("SELECT min(hour) FROM chunk").get
        return found

    def has_chunk(self, hour: int) -> bool:
        return bool(self._connection.execute("SELECT 1 FROM chunk WHERE hour = ? LIMIT 1", (hour,)).get)

    def chunks_of(self, target: int | None, first: int, end: int) -> list[tuple[int, bytes]]:
        return [(at, value) for at, value in rows(self._connection, _CHUNKS, (first, end, target))]

    def hourly_of(self, target: int | None, first: int, end: int) -> list[tuple[int, bytes]]:
        return [(at, value) for at, value in rows(self._connection, _HOURLY, (first, end, target))]

    def daily_of(self, target: int | None, first: int, end: int) -> list[tuple[int, bytes]]:
        return [(at, value) for at, value in rows(self._connection, _DAILY, (first, end, target))]

    def raw_of(
        self, target: int | None, since_us: int, until_us: int, unsealed: Sequence[int]
    ) -> Iterator[FoundRow]:
        for day, of_day in groupby(unsealed, lambda hour: hour // 24):
            hours = list(of_day)
            day_us = day * US_PER_DAY
            begin_us = max(since_us, hours[0] * US_PER_HOUR)
            end_us = min(until_us, (hours[-1] + 1) * US_PER_HOUR)
            yield from self._connection.execute(
                f"SELECT at_us + ?, finding, status, latency_us FROM {day_table(day)}"  # noqa: S608 - a number
                " WHERE at_us >= ? AND at_us < ? AND target = ?",
                (day_us, begin_us - day_us, end_us - day_us, target),
            )

    def evidence_of(
        self, target: int | None, since_us: int, until_us: int, limit: int
    ) -> list[tuple[int, bytes]]:
        return [
            (at_us, body)
            for at_us, body in rows(self._connection, _EVIDENCE, (target, since_us, until_us, limit))
        ]

    def chunks_at(self, hour: int, targets: Collection[int] | None = None) -> Iterator[tuple[int, bytes]]:
        if targets is None:
            yield from self._connection.execute(_CHUNKS_AT, (hour,))
        else:
            yield from self._connection.execute(_SOME_CHUNKS_AT, (hour, json.dumps(sorted(targets))))

    def newest_raw(
        self, hour: int, begin_us: int, end_us: int, missing: Collection[int]
    ) -> Iterator[tuple[int, FoundRow]]:
        """From the hour's newest sample backwards, until each target that is missing has been seen."""
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

    def raw_at(self, hour: int) -> dict[int, list[FoundRow]]:
        day, day_us = hour // 24, hour // 24 * US_PER_DAY
        begin_us = hour * US_PER_HOUR - day_us
        found: dict[int, list[FoundRow]] = {}
        for target, at_us, finding, status, latency_us in self._connection.execute(
            f"SELECT target, at_us, finding, status, latency_us FROM {day_table(day)}"  # noqa: S608 - a number
            " WHERE at_us >= ? AND at_us < ? ORDER BY at_us",
            (begin_us, begin_us + US_PER_HOUR),
        ):
            found.setdefault(target, []).append((day_us + at_us, finding, status, latency_us))
        return found

    def raw_sums(self, hour: int) -> Iterator[RowSum]:
        from_us = (hour % 24) * US_PER_HOUR
        yield from self._connection.execute(
            "SELECT target, finding, count(*), count(latency_us), sum(latency_us), max(latency_us)"  # noqa: S608 - a number
            f" FROM {day_table(hour // 24)} WHERE at_us >= ? AND at_us < ? GROUP BY target, finding",
            (from_us, from_us + US_PER_HOUR),
        )

    def daily_at(self, day: int) -> Iterator[tuple[int, bytes]]:
        yield from self._connection.execute("SELECT target, body FROM daily WHERE day = ?", (day,))

    def hourly_between(self, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        yield from self._connection.execute(
            "SELECT target, body FROM hourly WHERE hour >= ? AND hour < ?", (first, end)
        )

    def explanations(self, at_us: Iterable[int]) -> dict[tuple[int, int], str]:
        found = self._connection.execute(_EXPLANATIONS, (json.dumps(sorted(at_us)),))
        return {(at, target): text for at, target, text in found}

    def explanations_between(self, begin_us: int, end_us: int) -> Iterator[tuple[int, int, str]]:
        yield from self._connection.execute(_EXPLAINED, (begin_us, end_us))

    def steps_since(self, opened_ns: int) -> Iterator[str | bytes]:
        for (body,) in self._connection.execute(_STEPS, (opened_ns,)):
            yield body

    def notices_between(self, since_ns: int, until_ns: int) -> Iterator[RecordedNotice]:
        yield from self._connection.execute(_NOTICES, (since_ns, until_ns))
