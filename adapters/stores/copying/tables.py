"""The tables of a record in the form that both kinds of store have in common."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from ..history.source import SampleSource
from ..links import RecordEnd
from ..marks import MARKS
from ..record_state import without_zero_bytes

CopiedRow: TypeAlias = tuple[Any, ...]
PIECE = 1_000
"""Rows between two signs of life of the owner of the former store."""


class Table(NamedTuple):
    """A table: its columns, and the order in which its rows are read."""

    name: str
    columns: tuple[str, ...]
    order: str
    has_digest: bool = False
    """Whether SQLite covers each row by a digest."""


TABLES = (
    Table("chain", ("position", "incident", "sequence", "channel", "body", "hash"), "position"),
    Table(
        "incident",
        ("ordinal", "id", "target", "rule", "sequence", "position", "is_open", "is_live"),
        "ordinal",
    ),
    Table(
        "outbox",
        (
            *("key", "incident", "sequence", "channel", "change", "reason", "created_at_ns"),
            *("state", "attempts", "at_ns", "detail", "reminder", "remark", "digest"),
        ),
        "ordinal",
    ),
    Table("member", ("incident", "key"), "incident, key"),
    Table(
        "told",
        ("incident", "channel", "sequence", "at_ns", "reminders", "memory", "grouping"),
        "incident, channel",
        has_digest=True,
    ),
    Table("grouped", ("channel", "grouping", "at_ns"), "channel, grouping", has_digest=True),
    Table(
        "delivery",
        ("key", "attempt", "channel", "at_ns", "took_ns", "result", "detail"),
        "key, attempt",
        has_digest=True,
    ),
    *(Table(mark.table, mark.columns, mark.key, has_digest=True) for mark in MARKS.values()),
    Table(
        "blind",
        ("started_at_ns", "ended_at_ns", "cause"),
        "started_at_ns, ended_at_ns, cause",
        has_digest=True,
    ),
    Table("target", ("id", "name"), "id"),
    Table("finding", ("id", "outcome", "reason"), "id"),
    Table("explanation", ("at_us", "target", "text"), "at_us, target"),
    Table("evidence", ("at_us", "target", "body"), "at_us, target"),
    Table("rolled_day", ("day",), "day"),
    Table("chunk", ("hour", "target", "data"), "hour, target"),
    Table("hourly", ("hour", "target", "body"), "hour, target"),
    Table("daily", ("day", "target", "body"), "day, target"),
)
"""Each may be written after those before it."""


class Side(Protocol):
    """A store that is read or written, as of one moment."""

    def rows(self, table: Table) -> Iterator[CopiedRow]:
        """Yields the rows of a table in its order."""
        ...

    def raw(self) -> Iterator[CopiedRow]:
        """Yields hour, microsecond, target, finding, status and latency of samples that are not sealed, in the order of time."""
        ...

    def open_days(self) -> list[int]:
        """Returns the days with samples that are not summed up."""
        ...

    def end(self) -> tuple[int, RecordEnd]:
        """Returns the number of openings and the end of the record."""
        ...


class WrittenSide(Side, Protocol):
    """A new store that is filled, all of it or nothing."""

    def write(self, table: Table, rows: Iterable[CopiedRow]) -> None: ...

    def write_raw(self, rows: Iterable[CopiedRow], open_days: list[int]) -> None: ...

    def write_end(self, epoch: int, end: RecordEnd) -> None: ...

    def verify(self) -> int:
        """Recomputes the chain. Returns the number of its links. Raises: StoreCorrupt."""
        ...


def raw_rows(source: SampleSource) -> Iterator[CopiedRow]:
    """The samples of the unsealed hours, in the order of time and target within each."""
    for hour in sorted(source.unsealed_hours()):
        rows = [
            (hour, at_us, target, *rest)
            for target, found in source.raw_at(hour).items()
            for at_us, *rest in found
        ]
        yield from sorted(rows, key=lambda row: row[1:3])


def paced(rows: Iterable[CopiedRow], pace: Callable[[], None]) -> Iterator[CopiedRow]:
    """Yields rows, with a sign of life now and then."""
    for number, row in enumerate(rows):
        if number % PIECE == 0:
            pace()
        yield row


class Digested:
    """Rows on their way, counted and digested."""

    def __init__(self, rows: Iterable[CopiedRow]) -> None:
        self._rows = rows
        self._digest = sha256()
        self.count = 0

    def __iter__(self) -> Iterator[CopiedRow]:
        for row in self._rows:
            self.count += 1
            self._digest.update(msgspec.msgpack.encode([_plain(value) for value in row]))
            yield row

    def drained(self) -> "Digested":
        """Reads all rows, for their digest alone."""
        for _ in self:
            pass
        return self

    @property
    def digest(self) -> bytes:
        return self._digest.digest()


def _plain(value: Any) -> Any:
    """Returns a value as both kinds of store have it: SQLite knows no booleans."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return without_zero_bytes(value)
    return bytes(value) if isinstance(value, memoryview) else value
