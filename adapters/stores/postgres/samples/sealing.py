"""The jobs of housekeeping in PostgreSQL: a finished hour is sealed, a finished day is summed up."""

from collections.abc import Mapping

from .....domain import limits
from .....domain.observation.outcome import Outcome, Reason
from ...history.jobs import HELD_ROW, NO_STATUS, DaySummary, HeldRows, HourSeal, Writing
from ..connection import BoundedConnection, one
from .blocks import Block

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


class BlockSeal(HourSeal):
    """An hour of blocks, which go when it is sealed; those that came meanwhile stay."""

    def __init__(
        self,
        connection: BoundedConnection,
        shard: int,
        hour: int,
        findings: Mapping[int, tuple[Outcome, Reason]],
        writing: Writing,
    ) -> None:
        self._connection, self._shard = connection, shard
        self._last = 0
        """The number of the newest block that was read: later ones stay."""
        super().__init__(hour, findings, writing)

    def _begin_reading(self) -> None:
        self._cursor = -1

    def _read(self) -> bool:
        read, is_more = 0, True
        while is_more and read < limits.HOUSE_ROWS_MAX:
            asked = (self._shard, self._hour, self._cursor, 50)
            found = self._connection.execute(_READ, asked).fetchall()
            is_more = len(found) == asked[-1]
            for number, data in found:
                self._cursor = number
                for target, row in Block(data).rows(0):
                    read += 1
                    if self._floor < target <= self._ceiling:
                        self._hold(target, _held(*row))
        self._last = max(self._last, self._cursor)
        return is_more

    def _write(self, taken: HeldRows) -> None:
        """Three trips to the server, however many targets they are."""
        with self._connection.cursor() as cursor:
            before: dict[int, bytes] = dict(cursor.execute(_SEALED, (self._hour, [*taken])).fetchall())
            made = [
                ((self._shard, self._hour, target), *self._sealed(packed, before.get(target)))
                for target, packed in taken.items()
            ]
            cursor.executemany(_CHUNK, [(*place, chunk) for place, chunk, _ in made])
            cursor.executemany(_HOURLY, [(*place, rollup) for place, _, rollup in made])

    def _end(self) -> None:
        self._connection.execute(
            "DELETE FROM block WHERE shard = %s AND hour = %s AND number <= %s",
            (self._shard, self._hour, self._last),
        )


def _held(at_us: int, finding: int, status: int | None, latency: int | None) -> bytes:
    return HELD_ROW.pack(
        at_us, finding, NO_STATUS if status is None else status, 0 if latency is None else latency + 1
    )


class DatabaseDaySum(DaySummary):
    """A day of a shard."""

    def __init__(self, connection: BoundedConnection, shard: int, day: int, writing: Writing) -> None:
        super().__init__(day, writing)
        self._connection, self._shard = connection, shard

    def _newest(self) -> int:
        return int(one(self._connection, "SELECT coalesce(max(id), 0) FROM target"))

    def _read(self, floor: int, ceiling: int) -> list[tuple[int, bytes]]:
        asked = (self.hours[0], self.hours[-1] + 1, self._shard, floor, ceiling)
        return self._connection.execute(_READ_DAY, asked).fetchall()

    def _write(self, sums: list[tuple[int, bytes]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_DAILY, [(self._shard, self.day, *each) for each in sums])

    def _end(self) -> None:
        place = (self._shard, self.day)
        self._connection.execute(
            "INSERT INTO rolled_day (shard, day) VALUES (%s, %s) ON CONFLICT DO NOTHING", place
        )
        self._connection.execute("DELETE FROM open_day WHERE shard = %s AND day = %s", place)
