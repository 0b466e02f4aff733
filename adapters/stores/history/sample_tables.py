"""Raw samples in SQLite: one table a day, rows in the order of time, written by appending."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from itertools import groupby
from typing import Generic, TypeAlias, TypeVar

import apsw

from ....domain import limits
from ....domain.incidents.record import Renamed
from ....domain.observation.evidence import Evidence
from ....domain.observation.outcome import Outcome, Reason
from ....domain.observation.sample import Sample
from ....domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_US
from ..sqlite.connection import rows
from .source import US_PER_DAY
from .stored import encoded

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_PREFIX = "sample_"

FindingId = TypeVar("FindingId", bound=str | tuple[Outcome, Reason])

Row: TypeAlias = tuple[int, int, int, int | None, int | None]
"""Microseconds since the day began, target, finding, status, latency in microseconds."""


class Numbers(dict[FindingId, int], Generic[FindingId]):
    """Words that are stored once; rows refer to them by number. A new word gets its number when it is asked for."""

    def __init__(
        self, connection: apsw.Connection, insert: str, known: Iterable[tuple[FindingId, int]]
    ) -> None:
        super().__init__(known)
        self._connection = connection
        self._insert = insert

    def __missing__(self, word: FindingId) -> int:
        columns = (word,) if isinstance(word, str) else tuple(map(str, word))
        self._connection.execute(self._insert, columns)
        self[word] = number = self._connection.last_insert_rowid()
        return number


class SampleTables:
    """Takes samples in any order, any number of times: the first of a target and a microsecond stays.

    A sample outside the years 2000 to 2199, or of one day more than there may be tables, is left out:
    that is a clock that jumped, and must not fill the file with tables.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.reload()

    def reload(self) -> None:
        """Forgets what a rolled-back transaction left behind in memory."""
        self.days = day_tables(self._connection)
        self.sealed_hours = sealed_hours(self._connection)
        targets = self._connection.execute("SELECT name, id FROM target")
        self._targets = Numbers[str](self._connection, "INSERT INTO target (name) VALUES (?)", targets)
        self._findings = Numbers[tuple[Outcome, Reason]](
            self._connection,
            "INSERT INTO finding (outcome, reason) VALUES (?, ?)",
            ((pair, number) for number, pair in findings(self._connection).items()),
        )

    def record(self, samples: Collection[Sample]) -> tuple[set[int], int]:
        """Writes samples inside the caller's transaction; returns the hours that they lie in, and how many were left out."""
        hours = self._by_hour(samples)
        for hour, of_hour in hours.items():
            self._connection.executemany(
                f"INSERT OR IGNORE INTO {day_table(hour // 24)} VALUES (?, ?, ?, ?, ?)",  # noqa: S608 - a number
                self._rows(hour // 24, of_hour),
            )
            self._explain(of_hour)
        self._unseal(hours.keys() & self.sealed_hours)
        return set(hours), len(samples) - sum(map(len, hours.values()))

    def rename(self, renamed: Renamed) -> None:
        """Gives the samples of the first former name to a target that has none yet."""
        for name in renamed.former:
            if name in self._targets and renamed.target not in self._targets:
                self._connection.execute("UPDATE target SET name = ? WHERE name = ?", (renamed.target, name))
                self._targets[renamed.target] = self._targets.pop(name)

    def keep(self, evidence: Iterable[Evidence]) -> None:
        """Writes what bad samples saw inside the caller's transaction; nothing of one that was left out."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO evidence VALUES (?, ?, ?)",
            (
                (each.at_ns // NS_PER_US, self._targets[each.target], encoded(each))
                for each in evidence
                if each.at_ns // NS_PER_DAY in self.days
            ),
        )

    def drop(self, day: int, rows_max: int) -> None:
        """Takes so many of a day's oldest rows away inside the caller's transaction, and its table with the last.

        A large table dropped at once would hold up commits: 30 ms for each million rows, 170 million a day at 2,000/s.
        """
        table = day_table(day)
        first_kept = self._connection.execute(
            f"SELECT at_us, target FROM {table} ORDER BY at_us, target LIMIT 1 OFFSET ?",  # noqa: S608 - a number
            (rows_max,),
        ).fetchone()
        if first_kept is not None:
            self._connection.execute(f"DELETE FROM {table} WHERE (at_us, target) < (?, ?)", first_kept)  # noqa: S608
            return
        self._connection.execute(f"DROP TABLE {table}")
        hours = range(day * 24, day * 24 + 24)
        self._connection.execute("DELETE FROM sealed_hour WHERE hour BETWEEN ? AND ?", (hours[0], hours[-1]))
        self.sealed_hours.difference_update(hours)
        self.days.discard(day)

    def seal(self, hour: int) -> None:
        """Marks an hour whose rows are all in its chunks."""
        self._connection.execute("INSERT OR IGNORE INTO sealed_hour VALUES (?)", (hour,))
        self.sealed_hours.add(hour)

    def _unseal(self, hours: set[int]) -> None:
        """Late samples: these hours and their days are summed up again."""
        for hour in hours:
            self._connection.execute("DELETE FROM sealed_hour WHERE hour = ?", (hour,))
            self._connection.execute("DELETE FROM rolled_day WHERE day = ?", (hour // 24,))
        self.sealed_hours -= hours

    def _by_hour(self, samples: Iterable[Sample]) -> dict[int, list[Sample]]:
        hours: dict[int, list[Sample]] = {}
        for hour, of_hour in groupby(samples, _hour_of):
            if self._admits(hour // 24):
                hours.setdefault(hour, []).extend(of_hour)
        return hours

    def _rows(self, day: int, samples: list[Sample]) -> Iterator[Row]:
        """This runs for every sample and is most of what storing one costs beyond SQLite's own work."""
        day_us, ns_per_us = day * US_PER_DAY, NS_PER_US
        targets, numbers = self._targets, self._findings
        for sample in samples:
            latency_ns = sample.latency_ns
            yield (
                sample.at.wall_ns // ns_per_us - day_us,
                targets[sample.target],
                numbers[sample.outcome, sample.reason],
                sample.status,
                None if latency_ns is None else latency_ns // ns_per_us,
            )

    def _explain(self, samples: list[Sample]) -> None:
        up, ok = (
            Outcome.UP,
            Reason.OK,
        )  # looked up once: a member of an enum costs more than the rest of the loop
        self._connection.executemany(
            "INSERT OR IGNORE INTO explanation VALUES (?, ?, ?)",
            (
                (
                    sample.at.wall_ns // NS_PER_US,
                    self._targets[sample.target],
                    sample.explanation()[: limits.EXPLANATION_CHARACTERS_MAX],
                )
                for sample in samples
                if sample.outcome is not up or sample.reason is not ok
            ),
        )

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
        # A table that comes back, for late samples, must be sealed and summed up again before it may go.
        self._connection.execute("DELETE FROM rolled_day WHERE day = ?", (day,))
        self.days.add(day)
        return True


def _hour_of(sample: Sample) -> int:
    return sample.at.wall_ns // NS_PER_HOUR


def day_table(day: int) -> str:
    """The name of a day's table: `sample_20260131`."""
    return f"{_PREFIX}{date.fromordinal(_EPOCH_ORDINAL + day):%Y%m%d}"


def day_tables(connection: apsw.Connection) -> set[int]:
    """The days that have a table, counted from 1970."""
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'sample_*'")
    return {date.fromisoformat(name[len(_PREFIX) :]).toordinal() - _EPOCH_ORDINAL for (name,) in names}


def findings(connection: apsw.Connection) -> dict[int, tuple[Outcome, Reason]]:
    """The meaning of the numbers in a row's `finding`."""
    found = rows(connection, "SELECT id, outcome, reason FROM finding")
    return {number: (Outcome(outcome), Reason(reason)) for number, outcome, reason in found}


def sealed_hours(connection: apsw.Connection) -> set[int]:
    """The hours whose samples are all in their chunks."""
    return {hour for (hour,) in connection.execute("SELECT hour FROM sealed_hour")}


def rolled_days(connection: apsw.Connection) -> set[int]:
    """The days that are summed up."""
    return {day for (day,) in connection.execute("SELECT day FROM rolled_day")}
