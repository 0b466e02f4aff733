"""Housekeeping: seals finished hours, sums up finished days and drops what retention has released, in small slices."""

from collections.abc import Iterator

import apsw

from ....domain import limits
from ....domain.specification.configuration import Retention
from ....domain.time.duration import parse_duration
from ....domain.time.moment import Moment
from ....domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_US
from ..sqlite.connection import transaction
from .sample_tables import SampleTables, rolled_days
from .sealing import DaySum, Seal

_DROP = """
DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {time} < ? ORDER BY {key} LIMIT ?)
"""


class Housekeeper:
    """Does one bounded slice per call.

    It trusts the wall clock only when it has kept step with the monotonic one for ten minutes: nothing is sealed or
    dropped by a clock that has just jumped.
    """

    def __init__(self, connection: apsw.Connection, samples: SampleTables, retention: Retention) -> None:
        self._connection = connection
        self._samples = samples
        self._retention = retention
        self._trusted_since: Moment | None = None
        self._job: Seal | DaySum | None = None

    def touched(self, hours: set[int]) -> None:
        """Samples came for these hours: what is half done with one of them begins anew."""
        if self._job is not None and not hours.isdisjoint(self._job.hours):
            self._job = None

    def reload(self) -> None:
        """Forget what a rolled-back transaction left behind in memory."""
        self._job = None
        self._samples.reload()

    def work(self, now: Moment) -> None:
        """A slice of sealing and summing, and a slice of dropping."""
        if self._is_settled(now):
            self._sum_up_some(now.wall_ns)
            with transaction(self._connection):
                self._drop_some(now.wall_ns)

    def _is_settled(self, now: Moment) -> bool:
        since = self._trusted_since
        if since is None or abs((now.wall_ns - since.wall_ns) - now.since(since)) > limits.HOUSE_STEP_NS:
            self._trusted_since = now
            return False
        if now.since(since) < limits.HOUSE_SETTLE_NS:
            return False
        # A clock that is slewed drifts from where it was; only a jump between two calls is distrusted.
        self._trusted_since = now.shifted(-limits.HOUSE_SETTLE_NS)
        return True

    def _sum_up_some(self, now_ns: int) -> None:
        if self._job is None:
            self._job = self._next_job(now_ns)
        if self._job is not None and self._job.work():
            self._job = None

    def _next_job(self, now_ns: int) -> Seal | DaySum | None:
        hour = next(self._finished_hours(now_ns), None)
        if hour is None:
            return self._next_day()
        if hour >= _start_of(self._retention.history, now_ns) // NS_PER_HOUR:
            return Seal(self._connection, self._samples, hour)
        # Late samples of an hour whose history is dropped already are dropped with it.
        with transaction(self._connection):
            self._samples.seal(hour)
        return None

    def _finished_hours(self, now_ns: int) -> Iterator[int]:
        """Those not sealed, oldest first. Days beyond tomorrow come from a clock that was ahead: they are over too."""
        last = (now_ns - limits.SEAL_AFTER_NS) // NS_PER_HOUR - 1
        tomorrow = now_ns // NS_PER_DAY + 1
        for day in sorted(self._samples.days):
            for hour in range(day * 24, day * 24 + 24):
                if (hour <= last or day > tomorrow) and hour not in self._samples.sealed_hours:
                    yield hour

    def _next_day(self) -> DaySum | None:
        """A day whose hours are all sealed, and which is not summed up."""
        for day in sorted(self._samples.days - rolled_days(self._connection)):
            if self._samples.sealed_hours.issuperset(range(day * 24, day * 24 + 24)):
                return DaySum(self._connection, day)
        return None

    def _drop_some(self, now_ns: int) -> None:
        kept = self._retention
        self._drop_day(_start_of(kept.samples, now_ns))
        daily_ns = _start_of(kept.daily, now_ns)
        self._drop("chunk", "hour, target", "hour", _start_of(kept.history, now_ns) // NS_PER_HOUR)
        self._drop("hourly", "hour, target", "hour", _start_of(kept.hourly, now_ns) // NS_PER_HOUR)
        self._drop("daily", "day, target", "day", daily_ns // NS_PER_DAY)
        self._drop("rolled_day", "day", "day", daily_ns // NS_PER_DAY)
        failed_us = _start_of(kept.failed_samples, now_ns) // NS_PER_US
        self._drop("explanation", "at_us, target", "at_us", failed_us)
        self._drop("blind", "started_at_ns, ended_at_ns, cause", "ended_at_ns", daily_ns)
        self._drop("silence", "id", "until_ns", daily_ns)

    def _drop_day(self, before_ns: int) -> None:
        """One day's table goes at once, when all of its hours are in the sealed history and its day is summed up."""
        oldest = min(self._samples.days & rolled_days(self._connection), default=None)
        if oldest is not None and (oldest + 1) * NS_PER_DAY <= before_ns:
            self._samples.drop(oldest)

    def _drop(self, table: str, key: str, time: str, before: int) -> None:
        self._connection.execute(
            _DROP.format(table=table, key=key, time=time), (before, limits.HOUSE_ROWS_MAX)
        )


def _start_of(period: str, now_ns: int) -> int:
    """The moment from which on a kind of record is kept."""
    return now_ns - parse_duration(period)
