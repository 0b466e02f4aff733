"""The jobs of housekeeping in PostgreSQL, done a slice at a time: a finished hour is sealed, a finished day is summed up."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from itertools import groupby
from operator import itemgetter
from struct import Struct
from typing import TypeAlias

import msgspec

from .....domain import limits
from .....domain.observation.outcome import Outcome, Reason
from ...history.chunks import STATUS_MAX, pack, unpack
from ...history.stored import ROLLUPS, FoundRow, merged, roll_up
from ..connection import BoundedConnection
from .blocks import Block

_ROW = Struct("<IIiI")
_NOTHING = -STATUS_MAX - 1
_NO_CEILING = 2**62
SampleValues: TypeAlias = tuple[int, int | None, int | None]
"""Finding, status, latency in microseconds."""
Writing: TypeAlias = Callable[[], AbstractContextManager[None]]
"""A transaction of the owner of the store."""

_READ = (
    "SELECT number, data FROM block WHERE shard = %s AND hour = %s AND number > %s ORDER BY number LIMIT %s"
)
_SEALED = "SELECT target, data FROM chunk WHERE hour = %s AND target = ANY(%s::int[])"
_CHUNK = """
INSERT INTO chunk (shard, hour, target, data) VALUES (%s, %s, %s, %s) ON CONFLICT (hour, target) DO UPDATE SET data = excluded.data
"""
_HOURLY = """
INSERT INTO hourly (shard, hour, target, body) VALUES (%s, %s, %s, %s) ON CONFLICT (hour, target) DO UPDATE SET body = excluded.body
"""
_READ_DAY = """
SELECT target, body FROM hourly WHERE hour >= %s AND hour < %s AND shard = %s AND target > %s AND target <= %s
ORDER BY target, hour
"""
_DAILY = """
INSERT INTO daily (shard, day, target, body) VALUES (%s, %s, %s, %s) ON CONFLICT (day, target) DO UPDATE SET body = excluded.body
"""


class BlockSeal:
    """One hour being sealed, into one chunk and one roll-up for each target: its blocks are read in the order of writing, held packed by
    target, and written target by target; then the blocks go.

    When more is held than may be, the upper half of the targets is put off to another pass over the hour.
    """

    def __init__(
        self,
        connection: BoundedConnection,
        shard: int,
        hour: int,
        findings: Mapping[int, tuple[Outcome, Reason]],
        writing: Writing,
    ) -> None:
        self._connection, self._writing = connection, writing
        self._shard, self._hour = shard, hour
        self.hours = range(hour, hour + 1)
        self._findings = findings
        self._floor = -1
        self._last = 0
        """The number of the newest block that was read: later ones stay."""
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
        self._cursor = -1
        self._held: dict[int, bytearray] = {}
        self._rows_held = 0
        self._reading = True

    def _read(self) -> None:
        """Takes as many blocks as have the rows of a slice."""
        read = 0
        while self._reading and read < limits.HOUSE_ROWS_MAX:
            asked = (self._shard, self._hour, self._cursor, 50)
            found = self._connection.execute(_READ, asked).fetchall()
            self._reading = len(found) == asked[-1]
            for number, data in found:
                self._cursor = number
                for target, row in Block(data).rows(0):
                    read += 1
                    if self._floor < target <= self._ceiling:
                        self._hold(target, *row)
        self._last = max(self._last, self._cursor)
        if self._rows_held > limits.SEAL_ROWS_HELD_MAX:
            self._put_off_half()

    def _hold(self, target: int, at_us: int, finding: int, status: int | None, latency: int | None) -> None:
        packed = self._held.get(target)
        if packed is None:
            packed = self._held[target] = bytearray()
        packed += _ROW.pack(
            at_us, finding, _NOTHING if status is None else status, 0 if latency is None else latency + 1
        )
        self._rows_held += 1

    def _put_off_half(self) -> None:
        numbers = sorted(self._held)
        kept = numbers[: max(len(numbers) // 2, 1)]
        self._ceiling = kept[-1]
        self._held = {number: self._held[number] for number in kept}
        self._rows_held = sum(len(packed) for packed in self._held.values()) // _ROW.size

    def _write(self) -> None:
        """Writes as many targets as have the rows of a slice: three trips to the server, however many they are."""
        taken: dict[int, bytearray] = {}
        count = 0
        while self._held and count < limits.HOUSE_ROWS_MAX:
            target, packed = self._held.popitem()
            taken[target] = packed
            count += len(packed) // _ROW.size
        with self._writing(), self._connection.cursor() as cursor:
            sealed: dict[int, bytes] = dict(cursor.execute(_SEALED, (self._hour, [*taken])).fetchall())
            merged_rows = {
                target: self._merged(packed, sealed.get(target)) for target, packed in taken.items()
            }
            places = {target: (self._shard, self._hour, target) for target in taken}
            cursor.executemany(_CHUNK, [(*places[each], pack(rows)) for each, rows in merged_rows.items()])
            cursor.executemany(
                _HOURLY,
                [
                    (*places[each], msgspec.msgpack.encode(roll_up(rows, self._findings)))
                    for each, rows in merged_rows.items()
                ],
            )

    def _end_pass(self) -> bool:
        if self._ceiling == _NO_CEILING:
            with self._writing():
                self._connection.execute(
                    "DELETE FROM block WHERE shard = %s AND hour = %s AND number <= %s",
                    (self._shard, self._hour, self._last),
                )
            return True
        self._floor = self._ceiling
        self._begin_pass()
        return False

    def _merged(self, packed: bytearray, sealed: bytes | None) -> list[FoundRow]:
        """Merges with what was sealed before: the samples of an hour may come late, and may come again."""
        found: dict[int, SampleValues] = {}
        for at_us, finding, status, latency in _ROW.iter_unpack(packed):
            row = (finding, None if status == _NOTHING else status, latency - 1 if latency else None)
            found.setdefault(at_us, row)
        if sealed is not None:
            found |= {row[0]: row[1:] for row in zip(*unpack(sealed), strict=True)}
        return [(at_us, *rest) for at_us, rest in sorted(found.items())]


class DatabaseDaySum:
    """One day being summed up, whose hours are all sealed."""

    def __init__(self, connection: BoundedConnection, shard: int, day: int, writing: Writing) -> None:
        self._connection, self._writing = connection, writing
        self._shard, self.day = shard, day
        self.hours = range(day * 24, day * 24 + 24)
        self._floor = 0

    def work(self) -> bool:
        """One slice; returns whether it was the last."""
        newest = self._connection.execute("SELECT coalesce(max(id), 0) FROM target").fetchone()
        ceiling = self._floor + max(limits.HOUSE_ROWS_MAX // len(self.hours), 1)
        is_last = ceiling >= (newest[0] if newest else 0)
        with self._writing():
            asked = (self.hours[0], self.hours[-1] + 1, self._shard, self._floor, ceiling)
            found = self._connection.execute(_READ_DAY, asked).fetchall()
            sums = [
                (target, msgspec.msgpack.encode(merged([ROLLUPS.decode(row[1]) for row in of_target])))
                for target, of_target in groupby(found, itemgetter(0))
            ]
            with self._connection.cursor() as cursor:
                cursor.executemany(_DAILY, [(self._shard, self.day, *each) for each in sums])
            if is_last:
                place = (self._shard, self.day)
                self._connection.execute(
                    "INSERT INTO rolled_day (shard, day) VALUES (%s, %s) ON CONFLICT DO NOTHING", place
                )
                self._connection.execute("DELETE FROM open_day WHERE shard = %s AND day = %s", place)
        self._floor = ceiling
        return is_last
