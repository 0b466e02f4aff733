"""Housekeeping: seals finished hours, sums up finished days and drops what retention has released, in small slices."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

import apsw

from ....domain import limits
from ....domain.specification.configuration import Retention
from ....domain.time.duration import parse_duration
from ....domain.time.moment import Moment
from ....domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_US
from .jobs import DaySummary, HourSeal, Writing
from .sample_tables import SampleTables, rolled_days
from .sealing import DaySum, Seal

Job = TypeVar("Job", bound=HourSeal | DaySummary)
_DROP = """
DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {time} < ? ORDER BY {key} LIMIT ?)
"""


def start_of(period: str, now_ns: int) -> int:
    """The moment from which on a kind of record is kept."""
    return now_ns - parse_duration(period)


def is_finished(hour: int, now_ns: int) -> bool:
    """Whether an hour is over. Days beyond tomorrow come from a clock that was ahead: they are over too."""
    last = (now_ns - limits.SEAL_AFTER_NS) // NS_PER_HOUR - 1
    return hour <= last or hour // 24 > now_ns // NS_PER_DAY + 1


class ReleasedRows(NamedTuple):
    """The rows of a table that retention has released: those before a moment, in the unit of its column."""

    table: str
    key: str
    time: str
    before: int


def released_rows(kept: Retention, now_ns: int) -> list[ReleasedRows]:
    """Returns the released rows of every table but those of raw samples."""
    daily_ns, failed_ns = start_of(kept.daily, now_ns), start_of(kept.failed_samples, now_ns)
    daily, failed_us = daily_ns // NS_PER_DAY, failed_ns // NS_PER_US
    return [
        ReleasedRows("chunk", "hour, target", "hour", start_of(kept.history, now_ns) // NS_PER_HOUR),
        ReleasedRows("hourly", "hour, target", "hour", start_of(kept.hourly, now_ns) // NS_PER_HOUR),
        ReleasedRows("daily", "day, target", "day", daily),
        ReleasedRows("rolled_day", "day", "day", daily),
        ReleasedRows("explanation", "at_us, target", "at_us", failed_us),
        ReleasedRows("evidence", "at_us, target", "at_us", failed_us),
        ReleasedRows("delivery", "key, attempt", "at_ns", failed_ns),
        ReleasedRows("blind", "started_at_ns, ended_at_ns, cause", "ended_at_ns", daily_ns),
        ReleasedRows("silence", "id", "until_ns", daily_ns),
        ReleasedRows("announcement", "id, created_at_ns", "until_ns", daily_ns),
    ]


class SteadyClock:
    """Trusts the wall clock only when it has kept step with the monotonic one for ten minutes."""

    def __init__(self) -> None:
        self._compared: Moment | None = None
        self._steady_since_ns = 0

    def is_settled(self, now: Moment) -> bool:
        """Returns whether something may be sealed or dropped by the clock."""
        before = self._compared
        if before is None or abs((now.wall_ns - before.wall_ns) - now.since(before)) > limits.HOUSE_STEP_NS:
            self._compared, self._steady_since_ns = now, now.monotonic_ns
            return False
        if now.monotonic_ns - self._steady_since_ns < limits.HOUSE_SETTLE_NS:
            return False
        # A clock that is slewed drifts from where it was; only a jump between two rounds is distrusted. The slices of a
        # round keep its reading: steps of the clock between them add up.
        if now.since(before) >= limits.HOUSE_EVERY_NS:
            self._compared = now
        return True


class Housekeeping(ABC, Generic[Job]):
    """Does one bounded slice per call, in whatever kind of database.

    It trusts the wall clock only when it has kept step with the monotonic one for ten minutes: nothing is sealed or
    dropped by a clock that has just jumped.
    """

    def __init__(self, retention: Retention, writing: Writing) -> None:
        """`writing` is a transaction of the owner of the store."""
        self._retention, self._writing = retention, writing
        self._clock = SteadyClock()
        self._job: Job | None = None

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

    @abstractmethod
    def _sum_up_some(self, now_ns: int) -> bool:
        """Does a slice of the job under way, or of the next; returns False where there is none."""

    @abstractmethod
    def _drop_some(self, now_ns: int) -> bool:
        """Drops a slice of each kind of record, in a transaction; returns whether more of one may be to drop."""


class Housekeeper(Housekeeping[Seal | DaySum]):
    """Housekeeping in SQLite."""

    def __init__(
        self,
        connection: apsw.Connection,
        samples: SampleTables,
        retention: Retention,
        writing: Writing,
    ) -> None:
        super().__init__(retention, writing)
        self._connection, self._samples = connection, samples

    def reload(self) -> None:
        super().reload()
        self._samples.reload()

    def _sum_up_some(self, now_ns: int) -> bool:
        if self._job is None:
            hour = next(self._finished_hours(now_ns), None)
            if hour is not None and hour < start_of(self._retention.history, now_ns) // NS_PER_HOUR:
                # Late samples of an hour whose history is dropped already are dropped with it.
                with self._writing():
                    self._samples.seal(hour)
                return True
            self._job = (
                self._next_day()
                if hour is None
                else Seal(self._connection, self._samples, hour, self._writing)
            )
        if self._job is None:
            return False
        if self._job.work():
            self._job = None
        return True

    def _finished_hours(self, now_ns: int) -> Iterator[int]:
        """Those not sealed, oldest first."""
        for day in sorted(self._samples.days):
            for hour in range(day * 24, day * 24 + 24):
                if is_finished(hour, now_ns) and hour not in self._samples.sealed_hours:
                    yield hour

    def _next_day(self) -> DaySum | None:
        """A day whose hours are all sealed, and which is not summed up."""
        for day in sorted(self._samples.days - rolled_days(self._connection)):
            if self._samples.sealed_hours.issuperset(range(day * 24, day * 24 + 24)):
                return DaySum(self._connection, day, self._writing)
        return None

    def _drop_some(self, now_ns: int) -> bool:
        # A list: each kind has its slice, whether or not the one before it is done.
        return any(
            [
                self._drop_day(start_of(self._retention.samples, now_ns)),
                *map(self._drop, released_rows(self._retention, now_ns)),
            ]
        )

    def _drop_day(self, before_ns: int) -> bool:
        """A slice of the oldest day, once all of its hours are in the sealed history and the day is summed up.

        Readers take these hours from the sealed history, so that rows may go before their table does.
        """
        oldest = min(self._samples.days & rolled_days(self._connection), default=None)
        if oldest is None or (oldest + 1) * NS_PER_DAY > before_ns:
            return False
        self._samples.drop(oldest, limits.HOUSE_ROWS_MAX)
        return True

    def _drop(self, part: ReleasedRows) -> bool:
        """Deletes a slice of a table; returns whether the slice was full."""
        rows_max = limits.HOUSE_ROWS_MAX
        query = _DROP.format(table=part.table, key=part.key, time=part.time)
        self._connection.execute(query, (part.before, rows_max))
        return self._connection.changes() == rows_max
