"""The jobs of housekeeping in SQLite: a finished hour is sealed, a finished day is summed up."""

import apsw

from ....domain import limits
from ..sqlite.connection import rows
from .chunks import LATENCY_US_MAX, STATUS_MAX
from .jobs import HELD_ROW, DaySummary, HeldRows, HourSeal, Writing
from .sample_tables import SampleTables, day_table, findings
from .source import US_PER_HOUR

_READ = """
SELECT at_us, target, finding, coalesce(max(-{status}, min(status, {status})), -{status} - 1),
    coalesce(max(0, min(latency_us, {latency})) + 1, 0)
FROM {table}
WHERE (at_us, target) > (?, ?) AND at_us < ? AND target > ? AND target <= ? ORDER BY at_us, target LIMIT ?
"""

_READ_DAY = f"""
SELECT target, body FROM hourly WHERE hour IN ({", ".join("?" * 24)}) AND target > ? AND target <= ?
ORDER BY target, hour
"""  # noqa: S608 - question marks


class Seal(HourSeal):
    """An hour of a table of a day."""

    def __init__(
        self, connection: apsw.Connection, samples: SampleTables, hour: int, writing: Writing
    ) -> None:
        self._connection, self._samples = connection, samples
        day, within = divmod(hour, 24)
        self._first_us = within * US_PER_HOUR
        self._read_sql = _READ.format(table=day_table(day), status=STATUS_MAX, latency=LATENCY_US_MAX)
        super().__init__(hour, findings(connection), writing)

    def _begin_reading(self) -> None:
        self._cursor = (self._first_us, 0)

    def _read(self) -> bool:
        end_us = self._first_us + US_PER_HOUR
        asked = (*self._cursor, end_us, self._floor, self._ceiling, limits.HOUSE_ROWS_MAX)
        found = rows(self._connection, self._read_sql, asked)
        for at_us, target, *rest in found:
            self._hold(target, HELD_ROW.pack(at_us - self._first_us, *rest))
        if found:
            self._cursor = found[-1][0], found[-1][1]
        return len(found) == limits.HOUSE_ROWS_MAX

    def _write(self, taken: HeldRows) -> None:
        for target, packed in taken.items():
            sealed = self._connection.execute(
                "SELECT data FROM chunk WHERE hour = ? AND target = ?", (self._hour, target)
            ).get
            chunk, rollup = self._sealed(packed, sealed)
            place = (self._hour, target)
            self._connection.execute("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?)", (*place, chunk))
            self._connection.execute("INSERT OR REPLACE INTO hourly VALUES (?, ?, ?)", (*place, rollup))

    def _end(self) -> None:
        self._samples.seal(self._hour)


class DaySum(DaySummary):
    """A day of SQLite."""

    def __init__(self, connection: apsw.Connection, day: int, writing: Writing) -> None:
        super().__init__(day, writing)
        self._connection = connection

    def _newest(self) -> int:
        return int(self._connection.execute("SELECT coalesce(max(id), 0) FROM target").get)

    def _read(self, floor: int, ceiling: int) -> list[tuple[int, bytes]]:
        return rows(self._connection, _READ_DAY, (*self.hours, floor, ceiling))

    def _write(self, sums: list[tuple[int, bytes]]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO daily VALUES (?, ?, ?)", ((self.day, *each) for each in sums)
        )

    def _end(self) -> None:
        self._connection.execute("INSERT OR IGNORE INTO rolled_day VALUES (?)", (self.day,))
