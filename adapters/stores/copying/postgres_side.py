"""A PostgreSQL store as one side of a copy."""

from collections.abc import Iterable, Iterator
from itertools import count, groupby
from typing import Any

from ....domain import limits
from ..history.source import US_PER_HOUR
from ..links import RecordEnd
from ..postgres.connection import BoundedConnection
from ..postgres.fence import read_owner
from ..postgres.restoring import verify
from ..postgres.samples.blocks import pack_block
from ..postgres.samples.source import PostgresSource
from ..postgres.store import FIRST_SHARD
from ..record_state import without_zero_bytes
from .tables import CopiedRow, Table, raw_rows

_WITHOUT_SHARD = frozenset({"finding"})
_TEXT = frozenset({"incident", "channel", "key", "id", "target", "grouping", "cause"})
_NUMBERED = frozenset({"target", "finding"})
_BLOCK_ROWS_MAX = 1_000
_TARGET_NUMBERS = frozenset({"explanation", "evidence", "chunk", "hourly", "daily"})


class PostgresSide:
    """Reads within one transaction of a connection, or writes within one."""

    def __init__(self, connection: BoundedConnection, shard: int = FIRST_SHARD) -> None:
        self._connection, self._shard = connection, shard

    def rows(self, table: Table) -> Iterator[CopiedRow]:
        columns = ", ".join(table.columns)
        order = ", ".join(self._ordered(table, name) for name in table.order.split(", "))
        where = "" if table.name in _WITHOUT_SHARD else f"WHERE shard = {self._shard}"
        with self._connection.cursor("rows") as cursor:
            cursor.itersize = limits.BLOCKS_READ_AT_ONCE
            yield from cursor.execute(f"SELECT {columns} FROM {table.name} {where} ORDER BY {order}")  # noqa: S608 - constants

    def _ordered(self, table: Table, name: str) -> str:
        """Returns a column as it is ordered by: texts as SQLite does, by their bytes."""
        is_number = (name == "target" and table.name in _TARGET_NUMBERS) or (
            name == "id" and table.name in _NUMBERED
        )
        return f'{name} COLLATE "C"' if name in _TEXT and not is_number else name

    def raw(self) -> Iterator[CopiedRow]:
        return raw_rows(PostgresSource(self._connection))

    def open_days(self) -> list[int]:
        return sorted(PostgresSource(self._connection).unsummed_days())

    def end(self) -> tuple[int, RecordEnd]:
        row = read_owner(self._connection, self._shard)
        return row.tenure.epoch, row.end

    def write(self, table: Table, rows: Iterable[CopiedRow]) -> None:
        own: tuple[Any, ...] = () if table.name in _WITHOUT_SHARD else (self._shard,)
        columns = ", ".join((*(("shard",) if own else ()), *table.columns))
        booleans = [at for at, name in enumerate(table.columns) if name in {"is_open", "is_live"}]
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy,
        ):
            for row in rows:
                values = [without_zero_bytes(each) if isinstance(each, str) else each for each in row]
                for at in booleans:
                    values[at] = bool(values[at])
                copy.write_row((*own, *values))
        if table.name == "incident":
            self._connection.execute(
                "SELECT setval('incident_ordinal', coalesce((SELECT max(ordinal) FROM incident), 0) + 1, false)"
            )
        if table.name in _NUMBERED:
            self._connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'),"  # noqa: S608 - a constant
                f" coalesce((SELECT max(id) FROM {table.name}), 0) + 1, false)"
            )

    def write_raw(self, rows: Iterable[CopiedRow], open_days: list[int]) -> None:
        numbers = count(1)
        with (
            self._connection.cursor() as cursor,
            cursor.copy("COPY block (shard, hour, number, data) FROM STDIN") as copy,
        ):
            for hour, of_hour in groupby(rows, lambda row: row[0]):
                packed = [(at_us - hour * US_PER_HOUR, *rest) for _, at_us, *rest in of_hour]
                for first in range(0, len(packed), _BLOCK_ROWS_MAX):
                    block = pack_block(packed[first : first + _BLOCK_ROWS_MAX])
                    copy.write_row((self._shard, hour, next(numbers), block))
        self._connection.execute(
            "INSERT INTO open_day (shard, day) SELECT %s, unnest(%s::int[])", (self._shard, open_days)
        )

    def write_end(self, epoch: int, end: RecordEnd) -> None:
        # The numbers of blocks go on from the count of commits.
        self._connection.execute(
            "UPDATE shard SET epoch = %s, position = %s, hash = %s, writes = %s,"
            " commits = (SELECT coalesce(max(number), 0) FROM block) WHERE shard = %s",
            (epoch, end.position, end.hash, end.writes, self._shard),
        )

    def verify(self) -> int:
        return verify(self._connection, self._shard, self.end()[1], whole=True)
