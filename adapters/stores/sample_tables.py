"""Raw samples in SQLite: one table a day, rows in the order of time, written by appending."""

from collections.abc import Iterable
from datetime import date
from typing import TypeAlias

import apsw

from ...domain import limits
from ...domain.duration import NS_PER_DAY, NS_PER_HOUR
from ...domain.moment import NS_PER_US
from ...domain.outcome import Outcome, Reason
from ...domain.sample import Sample
from .connection import rows

US_PER_HOUR = NS_PER_HOUR // NS_PER_US
US_PER_DAY = NS_PER_DAY // NS_PER_US
STATUS_MAX = 2**31 - 1
LATENCY_US_MAX = 2**32 - 2
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_PREFIX = "sample_"

Row: TypeAlias = tuple[int, int, int, int | None, int | None]
"""Microseconds since the day began, target, finding, status, latency in microseconds."""


class SampleTables:
    """Takes samples in any order, any number of times: the first of a target and a microsecond stays.

    A sample outside the years 2000 to 2199, or of one day more than there may be tables, is left out and counted:
    that is a clock that jumped, and must not fill the file with tables.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.refused = 0
        self.days: set[int] = set()
        self.sealed_hours: set[int] = set()
        self._targets: dict[str, int] = {}
        self._findings: dict[tuple[Outcome, Reason], int] = {}
        self.reload()

    def reload(self) -> None:
        """Forget what a rolled-back transaction left behind in memory."""
        self.days = day_tables(self._connection)
        self.sealed_hours = {hour for (hour,) in self._connection.execute("SELECT hour FROM sealed_hour")}
        self._targets = dict(rows(self._connection, "SELECT name, id FROM target"))
        self._findings = {pair: number for number, pair in findings(self._connection).items()}

    def record(self, samples: Iterable[Sample]) -> set[int]:
        """Write samples inside the caller's transaction; returns the hours that they lie in."""
        days, explanations, hours = self._sorted_out(samples)
        for day, of_day in days.items():
            self._connection.executemany(
                f"INSERT OR IGNORE INTO {day_table(day)} VALUES (?, ?, ?, ?, ?)",  # noqa: S608 - a number
                of_day,
            )
        if explanations:
            self._connection.executemany("INSERT OR IGNORE INTO explanation VALUES (?, ?, ?)", explanations)
        self._unseal(hours & self.sealed_hours)
        return hours

    def drop(self, day: int) -> None:
        """Take a whole day away inside the caller's transaction."""
        self._connection.execute(f"DROP TABLE IF EXISTS {day_table(day)}")
        hours = range(day * 24, day * 24 + 24)
        self._connection.execute("DELETE FROM sealed_hour WHERE hour BETWEEN ? AND ?", (hours[0], hours[-1]))
        self.sealed_hours.difference_update(hours)
        self.days.discard(day)

    def seal(self, hour: int) -> None:
        """Mark an hour whose rows are all in its chunks."""
        self._connection.execute("INSERT OR IGNORE INTO sealed_hour VALUES (?)", (hour,))
        self.sealed_hours.add(hour)

    def _unseal(self, hours: set[int]) -> None:
        """Late samples: these hours and their days are summed up again."""
        for hour in hours:
            self._connection.execute("DELETE FROM sealed_hour WHERE hour = ?", (hour,))
            self._connection.execute("DELETE FROM rolled_day WHERE day = ?", (hour // 24,))
        self.sealed_hours -= hours

    def _sorted_out(
        self, samples: Iterable[Sample]
    ) -> tuple[dict[int, list[Row]], list[tuple[int, int, str]], set[int]]:
        days: dict[int, list[Row]] = {}
        explanations: list[tuple[int, int, str]] = []
        hours: set[int] = set()
        targets, found = self._targets, self._findings
        for sample in samples:
            wall_us = sample.at.wall_ns // NS_PER_US
            day, at_us = divmod(wall_us, US_PER_DAY)
            of_day = days.get(day)
            if of_day is None:
                if not self._admits(day):
                    self.refused += 1
                    continue
                of_day = days[day] = []
            hours.add(wall_us // US_PER_HOUR)
            target = targets.get(sample.target) or self._target(sample.target)
            finding = found.get((sample.outcome, sample.reason)) or self._finding(sample)
            of_day.append((at_us, target, finding, _status(sample), _latency_us(sample)))
            if sample.outcome is not Outcome.UP:
                text = sample.explanation()[: limits.EXPLANATION_CHARACTERS_MAX]
                explanations.append((wall_us, target, text))
        return days, explanations, hours

    def _admits(self, day: int) -> bool:
        if day in self.days:
            return True
        at_ns = day * NS_PER_DAY
        if len(self.days) >= limits.DAY_TABLES_MAX:
            return False
        if not limits.SAMPLE_WALL_NS_MIN <= at_ns < limits.SAMPLE_WALL_NS_MAX:
            return False
        self._connection.execute(
            f"CREATE TABLE {day_table(day)} (at_us INTEGER NOT NULL, target INTEGER NOT NULL,"
            " finding INTEGER NOT NULL, status INTEGER, latency_us INTEGER, PRIMARY KEY (at_us, target))"
            " STRICT, WITHOUT ROWID"
        )
        self.days.add(day)
        return True

    def _target(self, name: str) -> int:
        return self._targets.setdefault(name, self._number("target (name)", (name,)))

    def _finding(self, sample: Sample) -> int:
        pair = (sample.outcome, sample.reason)
        number = self._number("finding (outcome, reason)", (sample.outcome.value, sample.reason.value))
        return self._findings.setdefault(pair, number)

    def _number(self, into: str, values: tuple[str, ...]) -> int:
        """Store a word once; rows refer to it by number."""
        places = ", ".join("?" * len(values))
        self._connection.execute(f"INSERT INTO {into} VALUES ({places})", values)  # noqa: S608 - constants
        return self._connection.last_insert_rowid()


def day_table(day: int) -> str:
    """The name of a day's table: `sample_20260131`."""
    return f"{_PREFIX}{date.fromordinal(_EPOCH_ORDINAL + day):%Y%m%d}"


def day_tables(connection: apsw.Connection) -> set[int]:
    """The days that have a table, counted from 1970."""
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'sample_*'")
    return {date.fromisoformat(name[len(_PREFIX) :]).toordinal() - _EPOCH_ORDINAL for (name,) in names}


def findings(connection: apsw.Connection) -> dict[int, tuple[Outcome, Reason]]:
    """What the numbers in a row's `finding` stand for."""
    found = rows(connection, "SELECT id, outcome, reason FROM finding")
    return {number: (Outcome(outcome), Reason(reason)) for number, outcome, reason in found}


def _status(sample: Sample) -> int | None:
    status = sample.status
    return status if status is None else max(-STATUS_MAX, min(status, STATUS_MAX))


def _latency_us(sample: Sample) -> int | None:
    latency_ns = sample.latency_ns
    return latency_ns if latency_ns is None else max(0, min(latency_ns // NS_PER_US, LATENCY_US_MAX))
