"""A SQLite store as one side of a copy."""

from collections.abc import Iterable, Iterator
from itertools import groupby

import apsw

from ....domain.units import NS_PER_DAY, NS_PER_US
from ..history.sample_tables import day_table, day_tables
from ..history.sqlite_source import SqliteSource
from ..links import RecordEnd
from ..sqlite.chain import Chain
from ..sqlite.connection import digest
from ..sqlite.incidents import IncidentTable
from ..sqlite.notices.outbox import OutboxTable
from .tables import CopiedRow, Table, raw_rows

_INCIDENTS = """
SELECT chain.position, id, target, rule, incident.sequence, incident.position, is_open, is_live
FROM incident JOIN chain ON chain.incident = id AND channel = '' AND chain.sequence = 1 ORDER BY ordinal
"""
_OUTBOX = """
SELECT outbox.key, incident, sequence, channel, change, reason, created_at_ns, state, attempts, at_ns, detail,
    coalesce(reminder, 0), coalesce(remark, ''), coalesce(body, '')
FROM outbox LEFT JOIN addition USING (key) ORDER BY ordinal
"""
_US_PER_DAY = NS_PER_DAY // NS_PER_US


class SqliteSide:
    """Reads within one transaction of a connection, or writes within one."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def rows(self, table: Table) -> Iterator[CopiedRow]:
        match table.name:
            case "incident":
                yield from self._connection.execute(_INCIDENTS)
            case "outbox":
                yield from self._connection.execute(_OUTBOX)
            case name:
                columns = ", ".join(table.columns)
                yield from self._connection.execute(f"SELECT {columns} FROM {name} ORDER BY {table.order}")  # noqa: S608 - constants

    def raw(self) -> Iterator[CopiedRow]:
        return raw_rows(SqliteSource(self._connection))

    def open_days(self) -> list[int]:
        return sorted(SqliteSource(self._connection).unsummed_days())

    def end(self) -> tuple[int, RecordEnd]:
        head = Chain(self._connection).head()
        return head.epoch, RecordEnd(head.position, head.hash, head.writes)

    def write(self, table: Table, rows: Iterable[CopiedRow]) -> None:
        if table.name == "outbox":
            outbox = OutboxTable(self._connection)
            for row in rows:
                outbox.insert(row)
            return
        columns = (*table.columns, *(("digest",) if table.has_digest else ()))
        query = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - constants
        self._connection.executemany(
            query, ((*row, digest(*row)) if table.has_digest else row for row in rows)
        )

    def write_raw(self, rows: Iterable[CopiedRow], open_days: list[int]) -> None:
        hours: set[int] = set()
        for day in open_days:
            self._make_day(day)
        for day, of_day in groupby(rows, lambda row: row[0] // 24):
            if day not in open_days:
                self._make_day(day)
            for hour, at_us, *rest in of_day:
                hours.add(hour)
                self._connection.execute(
                    f"INSERT INTO {day_table(day)} VALUES (?, ?, ?, ?, ?)",  # noqa: S608 - a number
                    (at_us - day * _US_PER_DAY, *rest),
                )
        self._seal_others(hours)

    def _make_day(self, day: int) -> None:
        self._connection.execute(
            f"CREATE TABLE {day_table(day)} (at_us INTEGER NOT NULL, target INTEGER NOT NULL,"
            " finding INTEGER NOT NULL, status INTEGER, latency_us INTEGER, PRIMARY KEY (at_us, target))"
            " STRICT, WITHOUT ROWID"
        )

    def _seal_others(self, unsealed: set[int]) -> None:
        """Marks the hours of open days whose samples are all in chunks: those before the newest that has any."""
        newest = max((*unsealed, self._connection.execute("SELECT coalesce(max(hour), 0) FROM chunk").get))
        sealed = (
            hour
            for day in day_tables(self._connection)
            for hour in range(day * 24, day * 24 + 24)
            if hour <= newest and hour not in unsealed
        )
        self._connection.executemany("INSERT INTO sealed_hour VALUES (?)", ((hour,) for hour in sealed))

    def write_end(self, epoch: int, end: RecordEnd) -> None:
        self._connection.execute(
            "UPDATE head SET epoch = ?, position = ?, hash = ?, writes = ?",
            (epoch, end.position, end.hash, end.writes),
        )

    def verify(self) -> int:
        chain = Chain(self._connection)
        IncidentTable(self._connection).verify(chain.verify(None, whole=True))
        return chain.head().position
