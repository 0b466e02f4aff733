"""Housekeeping in PostgreSQL: seals finished hours, sums up finished days and drops what retention has released, in small slices."""

from collections.abc import Iterator

from .....domain import limits
from .....domain.errors import StoreCorrupt
from .....domain.specification.configuration import Retention
from ...history.housekeeping import Housekeeping, ReleasedRows, is_finished, released_rows
from ...history.jobs import Writing
from ..connection import BoundedConnection
from .sealing import BlockSeal, DatabaseDaySum
from .source import PostgresSource
from .writer import SampleWriter

_DROP = "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {time} < %s AND shard = %s LIMIT %s))"


class DatabaseHousekeeper(Housekeeping[BlockSeal | DatabaseDaySum]):
    """Housekeeping of one shard in PostgreSQL."""

    def __init__(
        self,
        connection: BoundedConnection,
        shard: int,
        samples: SampleWriter,
        retention: Retention,
        writing: Writing,
    ) -> None:
        super().__init__(retention, writing)
        self._connection, self._shard, self._samples = connection, shard, samples
        self._damaged: dict[int, str] = {}
        """Hours that do not read back, and why: until the store is opened again they stay as they are, and the others go on."""

    @property
    def problem(self) -> str:
        """The fault of the first hour that does not read back; empty where all do."""
        return next(iter(self._damaged.values()), "")

    def _sum_up_some(self, now_ns: int) -> bool:
        if self._job is None:
            self._job = self._next_job(now_ns)
        if self._job is None:
            return False
        try:
            is_done = self._job.work()
        except StoreCorrupt as error:
            self._damaged |= dict.fromkeys(self._job.hours, str(error))
            self._job = None
            return True
        if is_done:
            if isinstance(self._job, DatabaseDaySum):
                self._samples.open_days.discard(self._job.day)
            self._job = None
        return True

    def _next_job(self, now_ns: int) -> BlockSeal | DatabaseDaySum | None:
        source = PostgresSource(self._connection, self._shard)
        unsealed = sorted(source.unsealed_hours())
        finished = [hour for hour in unsealed if is_finished(hour, now_ns) and hour not in self._damaged]
        if finished:
            return BlockSeal(self._connection, self._shard, finished[0], source.findings(), self._writing)
        day = next(self._whole_days(unsealed, now_ns), None)
        if day is None:
            return None
        return DatabaseDaySum(self._connection, self._shard, day, self._writing)

    def _whole_days(self, unsealed: list[int], now_ns: int) -> Iterator[int]:
        """The days that are over, whose hours are all sealed, and which are not summed up."""
        days = {hour // 24 for hour in (*unsealed, *self._damaged)}
        for day in sorted(self._samples.open_days - days):
            if is_finished(day * 24 + 23, now_ns):
                yield day

    def _drop_some(self, now_ns: int) -> bool:
        # A list: each kind has its slice, whether or not the one before it is done.
        return any([*map(self._drop, released_rows(self._retention, now_ns))])

    def _drop(self, part: ReleasedRows) -> bool:
        """Deletes a slice of a table; returns whether the slice was full."""
        rows_max = limits.HOUSE_ROWS_MAX
        asked = (part.before, self._shard, rows_max)
        query = _DROP.format(table=part.table, time=part.time)
        return self._connection.execute(query, asked).rowcount == rows_max
