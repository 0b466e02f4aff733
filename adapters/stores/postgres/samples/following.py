"""The newest samples and the marks of targets in PostgreSQL, kept between readings: each reads what was written since the one before."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from typing import Any, Generic, NamedTuple, TypeVar

from psycopg import Cursor

from .....domain import limits
from .....domain.incidents.record import Checkpoint, HeardMark
from .....domain.rules.watch import up_since_ns
from .....domain.units import NS_PER_US
from ...following import LastRecords
from ...history.overview import Overview
from ...history.stored import StoredSample
from ...marks import CHECKPOINT, HEARD, Mark
from ..connection import BoundedConnection, one
from .moved import MovedTargets
from .source import PostgresSource

V = TypeVar("V")
_HORIZON = "SELECT (pg_snapshot_xmin(pg_current_snapshot())::xid)::text"
"""The first transaction of which something may be unseen yet: all before it are over."""
# A row that was written 2,000 million transactions ago looks new again. It is then read each time, which changes nothing.
_WRITTEN_SINCE = "age(xmin) <= age(%s::xid)"
_IS_RENAMED = f"SELECT EXISTS (SELECT FROM target WHERE {_WRITTEN_SINCE})"  # noqa: S608 - a constant


class DatabaseFollower:
    """A `RecordFollower`. It keeps one sample of each target, and what the marks of all targets say."""

    def __init__(
        self, reading: Callable[[], AbstractContextManager[BoundedConnection]], targets: Collection[str]
    ) -> None:
        self._reading, self._targets = reading, frozenset(targets)
        self._begin()

    def _begin(self) -> None:
        self._up, self._heard = KeptMarks(CHECKPOINT, _up_since), KeptMarks(HEARD, _heard)
        self._samples = KeptSamples(self._targets)
        self._horizon: str | None = None
        self._commits: dict[int, int] = {}
        self._read_at_ns = 0

    def read(self, since_ns: int, until_ns: int) -> LastRecords:
        with self._reading() as connection:
            try:
                return self._read(connection, since_ns, until_ns)
            except BaseException:
                # A part of it may have been read.
                self._begin()
                raise

    def _read(self, connection: BoundedConnection, since_ns: int, until_ns: int) -> LastRecords:
        commits = PostgresSource(connection).commits()
        if not self._goes_on(commits, until_ns):
            self._begin()
        horizon, before = one(connection, _HORIZON), self._horizon
        changed = self._up.read(connection, before) | self._heard.read(connection, before)
        changed |= self._samples.read(connection, before, self._commits, (since_ns, until_ns))
        self._horizon, self._commits, self._read_at_ns = horizon, commits, until_ns
        return LastRecords(self._samples.newest, self._heard, self._up, changed if before else None)

    def _goes_on(self, commits: dict[int, int], now_ns: int) -> bool:
        """Whether all is known but what was written since; it is not after a database went back in time."""
        return 0 <= now_ns - self._read_at_ns <= limits.RECORD_FOLLOWED_NS and all(
            known <= commits.get(shard, -1) for shard, known in self._commits.items()
        )


class _KeptMark(NamedTuple, Generic[V]):
    shard: int
    at_ns: int
    value: V


class KeptMarks(Generic[V]):
    """The marks of one kind. `made` returns the moment of a row and what is kept of it."""

    def __init__(self, mark: Mark, made: Callable[..., tuple[int, V]]) -> None:
        self._made = made
        self._query = f"SELECT shard, {', '.join(mark.columns)} FROM {mark.table}"  # noqa: S608 - constants
        self._count = f"SELECT shard, count(*) FROM {mark.table} GROUP BY shard"  # noqa: S608 - a constant
        self._of_shards: defaultdict[int, dict[str, _KeptMark[V]]] = defaultdict(dict)
        self._newest: dict[str, _KeptMark[V]] = {}
        """One that has moved to another shard may have a mark on both: the newest counts."""

    def get(self, target: str, /) -> V | None:
        """Returns what the mark of a target says."""
        kept = self._newest.get(target)
        return None if kept is None else kept.value

    def read(self, connection: BoundedConnection, horizon: str | None) -> set[str]:
        """Reads what was written since a horizon, or all. Returns the targets whose marks may be others now."""
        if horizon is None:
            changed = self._take(connection.execute(self._query))
        else:
            changed = self._take(connection.execute(f"{self._query} WHERE {_WRITTEN_SINCE}", (horizon,)))
        counts: dict[int, int] = dict(connection.execute(self._count).fetchall())
        for shard, kept in [*self._of_shards.items()]:
            # A row that was taken away leaves nothing to be read: their number alone shows it.
            if len(kept) != counts.get(shard, 0):
                self._of_shards[shard] = {}
                self._take(connection.execute(f"{self._query} WHERE shard = %s", (shard,)))
                gone = kept.keys() - self._of_shards[shard].keys()
                self._forget(gone)
                changed |= gone
        return changed

    def _take(self, cursor: Cursor[tuple[Any, ...]]) -> set[str]:
        rows = cursor.fetchall()
        for shard, target, *rest in rows:
            mark = self._of_shards[shard][target] = _KeptMark(shard, *self._made(target, *rest))
            known = self._newest.get(target)
            if known is None or known.shard == shard or known.at_ns <= mark.at_ns:
                self._newest[target] = mark
        return {row[1] for row in rows}

    def _forget(self, gone: Iterable[str]) -> None:
        for target in gone:
            del self._newest[target]
            for marks in self._of_shards.values():
                if target in marks:
                    self._newest[target] = marks[target]


def _up_since(target: str, state: bytes, at_ns: int) -> tuple[int, int | None]:
    return at_ns, up_since_ns(Checkpoint(target, state, at_ns))


def _heard(target: str, at_ns: int, *rest: Any) -> tuple[int, HeardMark]:
    return at_ns, HeardMark(target, at_ns, *rest)


class KeptSamples:
    """The newest samples of some targets."""

    def __init__(self, targets: frozenset[str]) -> None:
        self._targets = targets
        self.newest: dict[str, StoredSample] = {}
        self._names: dict[int, str] = {}
        self._moved = MovedTargets(())
        self._numbers: set[int] = set()
        """Those of the targets, all of each that has several."""

    def read(
        self,
        connection: BoundedConnection,
        horizon: str | None,
        commits: dict[int, int],
        span: tuple[int, int],
    ) -> set[str]:
        """Reads the samples of later commits, or all. Returns the targets whose newest sample is another one now.

        One that lies behind the span is left out for good: the next one of its target follows.
        """
        source = PostgresSource(connection)
        if horizon is None or one(connection, _IS_RENAMED, (horizon,)):
            return self._read_all(source, span)
        source.moved = self._moved
        overview = Overview(source, names=self._names)
        begin_us, end_us = (-(-at_ns // NS_PER_US) for at_ns in span)
        changed = set()
        for hour in sorted(source.unsealed_hours()):
            found = source.newest_after(commits, hour, begin_us, end_us, self._numbers)
            for name, sample in overview.named(found).items():
                if self._is_older(name, sample.at_ns, span[1]):
                    self.newest[name] = sample
                    changed.add(name)
        return changed

    def _is_older(self, target: str, at_ns: int, until_ns: int) -> bool:
        """Whether the known sample is older than another one, or lies behind a clock that was set back."""
        known = self.newest.get(target)
        return known is None or known.at_ns <= at_ns or known.at_ns > until_ns

    def _read_all(self, source: PostgresSource, span: tuple[int, int]) -> set[str]:
        self._names = source.names()
        before, self.newest = self.newest, Overview(source, names=self._names).latest(*span, self._targets)
        self._moved = source.moved
        self._numbers = {
            *source.moved.all_of([number for number, name in self._names.items() if name in self._targets])
        }
        return {
            name for name in before.keys() | self.newest.keys() if before.get(name) != self.newest.get(name)
        }
