"""Housekeeping in PostgreSQL: seals finished hours, sums up finished days and drops what retention has released, in small slices."""

from collections.abc import Iterator

from .....domain import limits
from .....domain.specification.configuration import Retention
from .....domain.time.moment import Moment
from .....domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_US
from ...history.housekeeping import SteadyClock, start_of
from ..connection import BoundedConnection
from .sealing import BlockSeal, DatabaseDaySum, Writing
from .source import PostgresSource
from .writer import SampleWriter

_DROP = "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {time} < %s AND shard = %s LIMIT %s))"


class DatabaseHousekeeper:
    """Does one bounded slice per call. Nothing is sealed or dropped by a clock that has just jumped."""

    def __init__(
        self,
        connection: BoundedConnection,
        shard: int,
        samples: SampleWriter,
        retention: Retention,
        writing: Writing,
    ) -> None:
        """`writing` is a transaction of the owner of the shard."""
        self._connection, self._shard, self._writing = connection, shard, writing
        self._samples, self._retention = samples, retention
        self._clock = SteadyClock()
        self._job: BlockSeal | DatabaseDaySum | None = None

    def touched(self, hours: set[int]) -> None:
        """Samples came for these hours: what is half done with one of them begins anew."""
        if self._job is not None and not hours.isdisjoint(self._job.hours):
            self._job = None

    def reload(self) -> None:
        """Forgets what a transaction that failed has left behind in memory."""
        self._job = None

    def work(self, now: Moment) -> bool:
        """A slice of sealing and summing, and a slice of dropping; returns whether work may be left.

        A slice that did something says so; only one that finds nothing to do says that nothing is left.
        """
        if not self._clock.is_settled(now):
            return False
        summed = self._sum_up_some(now.wall_ns)
        with self._writing():
            return self._drop_some(now.wall_ns) or summed

    def _sum_up_some(self, now_ns: int) -> bool:
        """A slice of the job under way, or of the next; returns False where there is none."""
        if self._job is None:
            self._job = self._next_job(now_ns)
        if self._job is None:
            return False
        if self._job.work():
            if isinstance(self._job, DatabaseDaySum):
                self._samples.open_days.discard(self._job.day)
            self._job = None
        return True

    def _next_job(self, now_ns: int) -> BlockSeal | DatabaseDaySum | None:
        source = PostgresSource(self._connection, self._shard)
        unsealed = sorted(source.unsealed_hours())
        finished = [hour for hour in unsealed if _is_finished(hour, now_ns)]
        if finished:
            return BlockSeal(self._connection, self._shard, finished[0], source.findings(), self._writing)
        day = next(self._whole_days(unsealed, now_ns), None)
        if day is None:
            return None
        return DatabaseDaySum(self._connection, self._shard, day, self._writing)

    def _whole_days(self, unsealed: list[int], now_ns: int) -> Iterator[int]:
        """The days that are over, whose hours are all sealed, and which are not summed up."""
        days = {hour // 24 for hour in unsealed}
        for day in sorted(self._samples.open_days - days):
            if _is_finished(day * 24 + 23, now_ns):
                yield day

    def _drop_some(self, now_ns: int) -> bool:
        """A slice of each kind of record; returns whether more of one may be to drop."""
        kept = self._retention
        daily_ns = start_of(kept.daily, now_ns)
        history_hour = start_of(kept.history, now_ns) // NS_PER_HOUR
        hourly_hour = start_of(kept.hourly, now_ns) // NS_PER_HOUR
        failed_ns = start_of(kept.failed_samples, now_ns)
        failed_us = failed_ns // NS_PER_US
        # A list: each kind has its slice, whether or not the one before it is done.
        return any(
            [
                self._drop("chunk", "hour", history_hour),
                self._drop("hourly", "hour", hourly_hour),
                self._drop("daily", "day", daily_ns // NS_PER_DAY),
                self._drop("rolled_day", "day", daily_ns // NS_PER_DAY),
                self._drop("explanation", "at_us", failed_us),
                self._drop("evidence", "at_us", failed_us),
                self._drop("delivery", "at_ns", failed_ns),
                self._drop("blind", "ended_at_ns", daily_ns),
                self._drop("silence", "until_ns", daily_ns),
                self._drop("announcement", "until_ns", daily_ns),
            ]
        )

    def _drop(self, table: str, time: str, before: int) -> bool:
        """Deletes a slice of a table; returns whether the slice was full."""
        rows_max = limits.HOUSE_ROWS_MAX
        asked = (before, self._shard, rows_max)
        return self._connection.execute(_DROP.format(table=table, time=time), asked).rowcount == rows_max


def _is_finished(hour: int, now_ns: int) -> bool:
    """Whether an hour is over. Days beyond tomorrow come from a clock that was ahead: they are over too."""
    last = (now_ns - limits.SEAL_AFTER_NS) // NS_PER_HOUR - 1
    return hour <= last or hour // 24 > now_ns // NS_PER_DAY + 1
