"""Connections to SQLite: how they are set up, how a transaction ends, and what an error means."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import apsw
import msgspec

from ....domain import limits
from ....domain.errors import StoreBusy, StoreCorrupt, StoreError
from ....domain.units import NS_PER_MS
from ..ownership.forks import FORKS
from .files import create_own
from .head import HeadDisagrees

T = TypeVar("T")
ROWS_OF_A_PIECE = 100
"""Rows that are read and decoded in one piece."""
SQLITE_VERSION_MIN = 3_051_003
"""Before it, a checkpoint racing a commit could corrupt a WAL (https://sqlite.org/wal.html#walresetbug)."""

_EXPECTED: tuple[tuple[str, str | int, str | int], ...] = (
    ("synchronous", "FULL", 2),
    # macOS: fsync alone leaves the bytes in the drive's own memory. Without effect elsewhere.
    ("fullfsync", "ON", 1),
    ("mmap_size", 0, 0),
    ("cell_size_check", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("temp_store", "MEMORY", 2),
    ("journal_size_limit", limits.STORE_WAL_BYTES_KEPT, limits.STORE_WAL_BYTES_KEPT),
)


def connect_writer(path: str, vfs: str | None = None) -> apsw.Connection:
    """The one connection that writes and checkpoints; created with mode 0600, every setting read back."""
    create_own(path)
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE, vfs)
    try:
        for name, wanted, seen in _EXPECTED:
            connection.pragma(name, wanted)
            _expect(connection, name, seen)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: str) -> apsw.Connection:
    """A connection that can neither write nor checkpoint.

    A reader of a write-ahead log makes an index beside it. Where it may not, and no log is there, nobody writes: the file is
    read as one that does not change.
    """
    if Path(f"{path}-wal").exists() or os.access(Path(path).parent, os.W_OK):
        connection = _connect(path, apsw.SQLITE_OPEN_READONLY)
    else:
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = _connect(f"file:{quote(path)}?immutable=1", flags)
    connection.pragma("mmap_size", 0)
    return connection


def refuse_old_sqlite(version: int) -> None:
    """Refuses a version of SQLite that can corrupt a WAL.

    Raises: StoreError for such a version.
    """
    if version < SQLITE_VERSION_MIN:
        raise StoreError(f"SQLite {apsw.sqlite_lib_version()} can corrupt a WAL; 3.51.3 or newer is needed")


def begin_wal(connection: apsw.Connection) -> None:
    """Switches to write-ahead logging. Raises: StoreError where it is not to be had, as on many network file systems."""
    mode = connection.pragma("journal_mode", "WAL")
    if mode != "wal":
        raise StoreError(f"{connection.filename} lies where SQLite cannot keep a WAL (it says {mode!r})")
    connection.wal_autocheckpoint(0)


def require_sound_pages(connection: apsw.Connection) -> None:
    """Looks at every page and every index of a small file: the chain vouches for transitions, digests for the rows that they
    are in, and nothing for rows that an index does not show any more. Raises: StoreCorrupt.

    A quarter of a second at 64 MiB, a third more than quick_check, which looks into no index; a larger file is found out
    when it is read, as `status` and housekeeping do.
    """
    if connection.pragma("page_count") * connection.pragma("page_size") > limits.STORE_BYTES_CHECKED_WHOLE:
        return
    found = connection.pragma("integrity_check", 1)
    if found != "ok":
        raise StoreCorrupt(f"{connection.filename} does not read back: {' '.join(str(found).split())}")


def digest(*values: object) -> bytes:
    """Covers a row that is overwritten in place and so cannot be a link of the chain."""
    return sha256(msgspec.json.encode(values)).digest()[:16]


def listed(values: Collection[object]) -> str:
    """Returns values as `json_each` takes them: one question for many."""
    return msgspec.json.encode([*values]).decode()


def rows(
    connection: apsw.Connection, sql: str, bindings: tuple[str | bytes | int | float | None, ...] = ()
) -> list[tuple[Any, ...]]:
    """All rows of a short answer; STRICT tables vouch for their types."""
    return connection.execute(sql, bindings).fetchall()


def go_on() -> None:
    """The pause of a reading that nothing else waits for: none."""


def pieces(found: Iterable[T], pause: Callable[[], None]) -> Iterator[list[T]]:
    """Yields rows in pieces that take less than a millisecond, with a pause after each."""
    left = iter(found)
    while piece := list(islice(left, ROWS_OF_A_PIECE)):
        yield piece
        pause()


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """All of it or nothing. IMMEDIATE: a transaction that began as a reader fails at once when it wants to write."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(apsw.Error):  # after some errors SQLite has rolled back already
            connection.execute("ROLLBACK")
        raise


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turns the errors of SQLite, of the file system and of unreadable bytes into those of watchkeeper; no fork comes in between.

    Raises: StoreBusy, StoreCorrupt or StoreError in place of the original error.
    """
    try:
        with FORKS.outside():
            yield
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StoreBusy(f"another program holds the database while {doing}: {error}") from error
    except (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise StoreCorrupt(f"the store does not read back while {doing}: {error}") from error
    except (apsw.Error, OSError, OverflowError) as error:
        raise StoreError(f"the store failed while {doing}: {error}") from error


@contextmanager
def remedied(path: str) -> Iterator[None]:
    """Adds the path and the remedy to the error of a record that does not verify.

    Raises: StoreCorrupt in place of the original one.
    """
    try:
        with explained(f"opening {path}"):
            yield
    except StoreCorrupt as error:
        # Removing the head loses nothing that is there: the rest of the record is verified without it.
        way_back = (
            f" remove {path}-head to go on with what is there," if isinstance(error, HeadDisagrees) else ""
        )
        raise StoreCorrupt(
            f"{path} does not verify: {error}: put it back with its -wal and its -head from"
            f" one and the same copy,{way_back} or move all three away to begin a new one"
        ) from error


def _connect(path: str, flags: int, vfs: str | None = None) -> apsw.Connection:
    refuse_old_sqlite(apsw.SQLITE_VERSION_NUMBER)
    FORKS.leave_inherited()
    connection = FORKS.opened(apsw.Connection(path, flags=flags, vfs=vfs))
    # Closing must not fold a WAL into the file that has not been verified, nor do so from a second connection.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
    connection.set_busy_timeout(limits.STORE_BUSY_NS // NS_PER_MS)
    return connection


def _expect(connection: apsw.Connection, name: str, seen: str | int) -> None:
    got = connection.pragma(name)
    if got != seen:
        raise StoreError(f"SQLite keeps {name} at {got!r} instead of {seen!r}")
