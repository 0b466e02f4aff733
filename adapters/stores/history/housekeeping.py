"""Housekeeping: seals finished hours, sums up finished days and drops what retention has released, in small slices."""

from collections.abc import Iterable

import apsw
import msgspec

from ....domain import limits
from ....domain.specification.configuration import Retention
from ....domain.time.duration import parse_duration
from ....domain.time.moment import Moment
from ....domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_US
from ..sqlite.connection import transaction
from .daily import DaySum
from .sample_tables import SampleTables
from .sealing import Seal

_DROP = """
DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {time} < ? ORDER BY {key} LIMIT ?)
"""


class Periods(msgspec.Struct, frozen=True):
    """How long each kind of record is kept."""

    samples_ns: int
    failed_samples_ns: int
    history_ns: int
    hourly_ns: int
    daily_ns: int

    @classmethod
    def of(cls, retention: Retention) -> "Periods":
        return cls(*(parse_duration(getattr(retention, name[:-3])) for name in cls.__struct_fields__))


class Housekeeper:
    """Does one bounded slice per call.

    It trusts the wall clock only when it has kept step with the monotonic one for ten minutes: nothing is sealed or
    dropped by a clock that has just jumped.
    """

    def __init__(self, connection: apsw.Connection, samples: SampleTables, retention: Retention) -> None:
        self._connection = connection
        self._samples = samples
        self._periods = Periods.of(retention)
        self._trusted_since: Moment | None = None
        self._seal: Seal | None = None
        self._sum: DaySum | None = None

    def touched(self, hours: set[int]) -> None:
        """Samples came for these hours: what is half done with one of them begins anew."""
        if self._seal is not None and self._seal.hour in hours:
            self._seal = None
        if self._sum is not None and any(hour // 24 == self._sum.day for hour in hours):
            self._sum = None

    def reload(self) -> None:
        """Forget what a rolled-back transaction left behind in memory."""
        self._seal = self._sum = None
        self._samples.reload()

    def work(self, now: Moment) -> None:
        """A slice of sealing and summing, and a slice of dropping."""
        if self._is_settled(now):
            self._seal_some(now.wall_ns)
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

    def _seal_some(self, now_ns: int) -> None:
        if self._seal is None and self._sum is None:
            self._find_work(now_ns)
        if self._seal is not None:
            self._seal.work()
            if self._seal.is_done:
                with transaction(self._connection):
                    self._samples.seal(self._seal.hour)
                self._seal = None
        elif self._sum is not None:
            self._sum.work()
            if self._sum.is_done:
                self._sum = None

    def _find_work(self, now_ns: int) -> None:
        kept_from = (now_ns - self._periods.history_ns) // NS_PER_HOUR
        for hour in self._finished_hours(now_ns):
            if hour < kept_from:
                self._pass_over(hour)
                return
            self._seal = Seal(self._connection, hour)
            return
        self._find_day()

    def _pass_over(self, hour: int) -> None:
        """Late samples of an hour whose history is dropped already are dropped with it."""
        with transaction(self._connection):
            self._samples.seal(hour)

    def _finished_hours(self, now_ns: int) -> Iterable[int]:
        """Those not sealed, oldest first. Days beyond tomorrow come from a clock that was ahead: they are over too."""
        last = (now_ns - limits.SEAL_AFTER_NS) // NS_PER_HOUR - 1
        tomorrow = now_ns // NS_PER_DAY + 1
        for day in sorted(self._samples.days):
            for hour in range(day * 24, day * 24 + 24):
                if (hour <= last or day > tomorrow) and hour not in self._samples.sealed_hours:
                    yield hour

    def _find_day(self) -> None:
        """A day whose hours are all sealed, and which is not summed up."""
        rolled = {day for (day,) in self._connection.execute("SELECT day FROM rolled_day")}
        for day in sorted(self._samples.days - rolled):
            if self._samples.sealed_hours.issuperset(range(day * 24, day * 24 + 24)):
                self._sum = DaySum(self._connection, day)
                return

    def _drop_some(self, now_ns: int) -> None:
        periods = self._periods
        if self._drop_day(now_ns - periods.samples_ns):
            return
        hour, day = NS_PER_HOUR, NS_PER_DAY
        self._drop("chunk", "hour, target", "hour", (now_ns - periods.history_ns) // hour)
        self._drop("hourly", "hour, target", "hour", (now_ns - periods.hourly_ns) // hour)
        self._drop("daily", "day, target", "day", (now_ns - periods.daily_ns) // day)
        self._drop("rolled_day", "day", "day", (now_ns - periods.daily_ns) // day)
        self._drop("explanation", "at_us, target", "at_us", (now_ns - periods.failed_samples_ns) // NS_PER_US)
        ended = ("started_at_ns, ended_at_ns, cause", "ended_at_ns", now_ns - periods.daily_ns)
        self._drop("blind", *ended)
        self._drop("silence", "id", "until_ns", now_ns - periods.daily_ns)

    def _drop_day(self, before_ns: int) -> bool:
        """A day's table goes at once, when all of its hours are in the sealed history and its day is summed up."""
        rolled = {day for (day,) in self._connection.execute("SELECT day FROM rolled_day")}
        for day in sorted(self._samples.days & rolled):
            if (day + 1) * NS_PER_DAY <= before_ns:
                self._samples.drop(day)
                return True
        return False

    def _drop(self, table: str, key: str, time: str, before: int) -> None:
        self._connection.execute(
            _DROP.format(table=table, key=key, time=time), (before, limits.HOUSE_ROWS_MAX)
        )
