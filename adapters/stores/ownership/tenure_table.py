"""The tenure row in SQLite: claimed by one transaction, advanced by each later one of its owner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw
import msgspec

from ....domain.errors import StoreBusy
from ....domain.supervision.tenure import Tenure, fenced
from ..sqlite.connection import connect_reader, explained, transaction

_COLUMNS = Tenure.__struct_fields__
_READ = f"SELECT {', '.join(_COLUMNS)} FROM tenure"  # noqa: S608 - constants
_WRITE = f"UPDATE tenure SET {', '.join(f'{name} = ?' for name in _COLUMNS)}"  # noqa: S608 - constants
_IS_MINE = "WHERE epoch = ? AND incarnation = ? AND commits = ?"
_ADVANCE = f"UPDATE tenure SET commits = commits + 1, has_lock = ?, configuration = ? {_IS_MINE}"  # noqa: S608 - constants
_BEAT = f"UPDATE tenure SET beats = beats + 1, has_lock = ?, configuration = ? {_IS_MINE}"  # noqa: S608 - constants


def read_tenure(connection: apsw.Connection) -> Tenure | None:
    """Returns the row; None in a store of an earlier version, which has none."""
    if not connection.table_exists(None, "tenure"):
        return None
    row = connection.execute(_READ).fetchone()
    return (
        None if row is None else msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), Tenure, strict=False)
    )


class TenureTable:
    """The tenure of one connection. Every write to the store goes through `writing`, `beat` or `release`."""

    def __init__(self, connection: apsw.Connection, path: str, configuration: Callable[[], str]) -> None:
        """`configuration` returns the text of the owner about its configuration, which every write renews."""
        self._connection, self._path = connection, path
        self.current = Tenure()
        self._configuration = configuration
        self.has_lock = True
        """Whether this process has the lock of the file; the next write says so."""

    def claim(self, found: Tenure, claimed: Tenure) -> None:
        """Takes the store over inside a transaction. Raises: StoreBusy where the row is no longer what was found."""
        now = read_tenure(self._connection)
        if now != found:
            raise StoreBusy(f"{self._path} is held by {(now or found).owner or 'another process'}")
        self._connection.execute(_WRITE, msgspec.structs.astuple(claimed))
        self.current, self.has_lock = claimed, claimed.has_lock

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that first proves that the store is still this owner's.

        Raises: StoreFenced where another has claimed it; OSError where the store went back in time.
        """
        with transaction(self._connection):
            self._advance(_ADVANCE)
            yield
        self.current = self.current.advanced()

    def beat(self) -> None:
        """Shows that the owner lives, by a commit without a sync: one that is lost with the power harms nothing.

        Raises: as `writing`.
        """
        with self._unsynced(), transaction(self._connection):
            self._advance(_BEAT)
        self.current = self.current.beaten()

    def release(self) -> bool:
        """Leaves the store to anybody. Returns False where another has claimed it meanwhile."""
        with self._unsynced(), transaction(self._connection):
            now = read_tenure(self._connection)
            if now is None or now.incarnation != self.current.incarnation:
                return False
            self._connection.execute(_WRITE, msgspec.structs.astuple(now.released()))
        return True

    def require(self) -> None:
        """Looks at the row outside of a transaction. Raises: StoreFenced where another has claimed the store."""
        now = read_tenure(self._connection)
        if now is not None and now.supersedes(self.current):
            raise fenced(self._path, now)

    def _advance(self, statement: str) -> None:
        mine = self.current
        said = (self.has_lock, self._configuration(), mine.epoch, mine.incarnation, mine.commits)
        self._connection.execute(statement, said)
        if self._connection.changes() != 1:
            self.require()
            raise OSError(f"{self._path} went back in time, as after a copy: it is opened again")

    @contextmanager
    def _unsynced(self) -> Iterator[None]:
        self._connection.pragma("synchronous", "NORMAL")
        try:
            yield
        finally:
            with suppress(apsw.Error):
                self._connection.pragma("synchronous", "FULL")


def tenure_of(path: str) -> Tenure | None:
    """Returns the row of a store; None where no store is there yet, or one of an earlier version.

    Raises: StoreError where the file cannot be read.
    """
    if not Path(path).exists():
        return None
    with explained(f"reading {path}"):
        connection = connect_reader(path)
        try:
            return read_tenure(connection)
        finally:
            connection.close()
