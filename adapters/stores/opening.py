"""The store, its reader and its watch for whatever a configuration names: a file or a database."""

from collections.abc import Callable
from typing import Protocol

from ...domain.incidents.record import Batch, Restored
from ...domain.specification.configuration import Retention
from ...domain.store_place import is_database
from ...domain.supervision.tenure import Tenure
from ...domain.time.moment import Moment
from .ownership.watch import StoreWatch
from .place import require_postgres
from .record_reader import RecordReader
from .sqlite.connection import go_on
from .sqlite.lock import holder_of as holder_of_file
from .sqlite.reader import StoreReader
from .sqlite.sqlite import SqliteStore

DEFAULT_RETENTION = Retention()


class OwnedStore(Protocol):
    """A store that one process owns at a time; the methods are those of `actors.ports.Store`."""

    @property
    def lease_ns(self) -> int: ...

    def open(self, now: Moment) -> Restored: ...

    def beat(self) -> None: ...

    def commit(self, batch: Batch) -> int: ...

    def recall(self, key: str) -> Restored | None: ...

    def run_maintenance(self, now: Moment) -> bool: ...

    def file_problem(self) -> str: ...

    def close(self) -> None: ...


class OwnerWatch(Protocol):
    """The look of a process that waits for a store; see `StoreWatch`."""

    tenure: Tenure | None
    lapsed: Tenure | None
    is_locked: bool
    holder: str

    def look(self, now: Moment) -> bool: ...

    def close(self) -> None: ...


def make_store(
    store: str,
    retention: Retention = DEFAULT_RETENTION,
    *,
    lapsed: Tenure | None = None,
    configuration: Callable[[], str] = str,
) -> OwnedStore:
    """Returns the store of a file or a database, which is opened later.

    Raises: StoreError for a database without the extra `postgres`.
    """
    if not is_database(store):
        return SqliteStore(store, retention, lapsed=lapsed, configuration=configuration)
    require_postgres()
    from .postgres.store import PostgresStore

    return PostgresStore(store, retention, lapsed=lapsed, configuration=configuration)


def make_reader(store: str, pause: Callable[[], None] = go_on) -> RecordReader:
    """Returns a reader of a file or a database; nothing is read yet. Raises: StoreError as `make_store` does."""
    if not is_database(store):
        return StoreReader(store, pause)
    require_postgres()
    from .postgres.reader import PostgresReader

    return PostgresReader(store, pause)


def make_watch(store: str) -> OwnerWatch:
    """Returns the watch of a store. Raises: StoreError as `make_store` does."""
    if not is_database(store):
        return StoreWatch(store)
    require_postgres()
    from .postgres.watch import DatabaseWatch

    return DatabaseWatch(store)


def holder_of(store: str) -> str | None:
    """Returns the process that holds a store; None when none does, and where a database cannot be asked."""
    if not is_database(store):
        return holder_of_file(store)
    require_postgres()
    from .postgres.watch import holder_of_database

    return holder_of_database(store)
