"""The jobs of housekeeping, done a slice at a time: a finished hour is sealed, a finished day is summed up."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import groupby
from operator import itemgetter
from struct import Struct
from typing import TypeAlias

import apsw
import msgspec

from ....domain import limits
from ..sqlite.connection import rows
from .chunks import LATENCY_US_MAX, STATUS_MAX, pack, unpack
from .sample_tables import SampleTables, day_table, findings
from .source import US_PER_HOUR
from .stored import ROLLUPS, merged, roll_up

_ROW = Struct("<IIiI")
_NOTHING = -STATUS_MAX - 1
_NO_CEILING = 2**62
Values: TypeAlias = tuple[int, int | None, int | None]
"""Finding, status, latency in microseconds."""

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


class Seal:
    """One hour being sealed, into one chunk and one roll-up for each target: it is read in the order of time, held packed by target, and written target by target.

    When more is held than may be, the upper half of the targets is put off to another pass over the hour.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        samples: SampleTables,
        hour: int,
        writing: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connection, self._writing = connection, writing
        self._samples = samples
        self._hour = hour
        self.hours = range(hour, hour + 1)
        day, within = divmod(hour, 24)
        self._first_us = within * US_PER_HOUR
        self._read_sql = _READ.format(table=day_table(day), status=STATUS_MAX, latency=LATENCY_US_MAX)
        self._findings = findings(connection)
        self._floor = 0
        self._begin_pass()

    def work(self) -> bool:
        """One slice; returns whether the hour is sealed."""
        if self._reading:
            self._read()
            return False
        self._write()
        return not self._held and self._end_pass()

    def _begin_pass(self) -> None:
        self._ceiling = _NO_CEILING
        self._cursor = (self._first_us, 0)
        self._held: dict[int, bytearray] = {}
        self._rows_held = 0
        self._reading = True

    def _read(self) -> None:
        end_us = self._first_us + US_PER_HOUR
        asked = (*self._cursor, end_us, self._floor, self._ceiling, limits.HOUSE_ROWS_MAX)
        found = rows(self._connection, self._read_sql, asked)
        for at_us, target, finding, status, latency in found:
            packed = self._held.get(target)
            if packed is None:
                packed = self._held[target] = bytearray()
            packed += _ROW.pack(at_us - self._first_us, finding, status, latency)
        self._rows_held += len(found)
        self._reading = len(found) == limits.HOUSE_ROWS_MAX
        if found:
            self._cursor = found[-1][0], found[-1][1]
        if self._rows_held > limits.SEAL_ROWS_HELD_MAX:
            self._put_off_half()

    def _put_off_half(self) -> None:
        numbers = sorted(self._held)
        kept = numbers[: max(len(numbers) // 2, 1)]
        self._ceiling = kept[-1]
        self._held = {number: self._held[number] for number in kept}
        self._rows_held = sum(len(packed) for packed in self._held.values()) // _ROW.size

    def _write(self) -> None:
        written = 0
        with self._writing():
            while self._held and written < limits.HOUSE_ROWS_MAX:
                target, packed = self._held.popitem()
                written += self._write_target(target, packed)

    def _end_pass(self) -> bool:
        if self._ceiling == _NO_CEILING:
            with self._writing():
                self._samples.seal(self._hour)
            return True
        self._floor = self._ceiling
        self._begin_pass()
        return False

    def _write_target(self, target: int, packed: bytearray) -> int:
        """Merge with what was sealed before: the raw rows of an hour may come late, and may come again."""
        found: dict[int, Values] = {
            at_us: (finding, None if status == _NOTHING else status, latency - 1 if latency else None)
            for at_us, finding, status, latency in _ROW.iter_unpack(packed)
        }
        sealed = self._connection.execute(
            "SELECT data FROM chunk WHERE hour = ? AND target = ?", (self._hour, target)
        ).fetchone()
        if sealed is not None:
            found |= {row[0]: row[1:] for row in zip(*unpack(sealed[0]), strict=True)}
        ordered = [(at_us, *rest) for at_us, rest in sorted(found.items())]
        self._connection.execute(
            "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?)", (self._hour, target, pack(ordered))
        )
        self._connection.execute(
            "INSERT OR REPLACE INTO hourly VALUES (?, ?, ?)",
            (self._hour, target, msgspec.msgpack.encode(roll_up(ordered, self._findings))),
        )
        return len(ordered)


class DaySum:
    """One day being summed up, whose hours are all sealed."""

    def __init__(
        self, connection: apsw.Connection, day: int, writing: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._connection, self._writing = connection, writing
        self._day = day
        self.hours = range(day * 24, day * 24 + 24)
        self._floor = 0

    def work(self) -> bool:
        """One slice; returns whether it was the last."""
        newest = self._connection.execute("SELECT coalesce(max(id), 0) FROM target").get
        ceiling = self._floor + limits.HOUSE_ROWS_MAX // len(self.hours)
        is_last: bool = ceiling >= newest
        with self._writing():
            found = rows(self._connection, _READ_DAY, (*self.hours, self._floor, ceiling))
            self._connection.executemany(
                "INSERT OR REPLACE INTO daily VALUES (?, ?, ?)",
                [
                    (
                        self._day,
                        target,
                        msgspec.msgpack.encode(merged([ROLLUPS.decode(row[1]) for row in of_target])),
                    )
                    for target, of_target in groupby(found, itemgetter(0))
                ],
            )
            if is_last:
                self._connection.execute("INSERT OR IGNORE INTO rolled_day VALUES (?)", (self._day,))
        self._floor = ceiling
        return is_last
