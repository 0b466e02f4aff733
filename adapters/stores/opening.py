"""The store, its reader and its watch for whatever a configuration names: a file or a database."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...domain.cluster.membership import ClusterView
from ...domain.cluster.placement import ShardTargets
from ...domain.errors import StoreError
from ...domain.incidents.record import Batch, Restored
from ...domain.line import listed
from ...domain.specification.configuration import Retention
from ...domain.store_place import is_database
from ...domain.supervision.tenure import Tenure
from ...domain.time.moment import Moment
from ..clock import MomentClock
from .ownership.watch import StoreWatch
from .place import database_place, require_good, require_postgres
from .record_reader import RecordReader
from .sqlite.connection import go_on
from .sqlite.lock import holder_of as holder_of_file
from .sqlite.reader import StoreReader
from .sqlite.sqlite import SqliteStore

if TYPE_CHECKING:
    from .postgres.membership import CommandSender, Membership

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
    shard: int = 0,
    node: str = "",
    known_epoch: int = 0,
    targets: Callable[[], ShardTargets] | None = None,
) -> OwnedStore:
    """Returns the store of a file or a database, which is opened later; the last four are those of `PostgresStore`.

    Raises: StoreError for a database without the extra `postgres`.
    """
    if not is_database(store):
        return SqliteStore(store, retention, lapsed=lapsed, configuration=configuration)
    require_postgres()
    from .postgres.store import PostgresStore

    return PostgresStore(
        store,
        retention,
        shard=shard,
        node=node,
        known_epoch=known_epoch,
        lapsed=lapsed,
        configuration=configuration,
        targets=targets,
    )


def make_reader(store: str, pause: Callable[[], None] = go_on) -> RecordReader:
    """Returns a reader of a file or a database; nothing is read yet. Raises: StoreError as `make_store` does."""
    require_good(store)
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


def count_shards(store: str) -> int:
    """Returns the number of shards of a store, of a new one that it will have; 1 for a file, whose one owner has everything.

    Raises: StoreError for a database that cannot be read, or is reached by a pooler that shares connections, and where its URL asks
    for another number than it has.
    """
    if not is_database(store):
        return 1
    require_postgres()
    from .postgres.connection import connected, refuse_shared_connections
    from .postgres.schema import count_shards as counted

    place = database_place(store)
    with connected(place, "looking at") as connection:
        refuse_shared_connections(connection, place)
        return counted(connection, place)


class DatabaseNodes(NamedTuple):
    """The parts of a node of one database."""

    store: str

    def membership(self, name: str, now: Moment) -> "Membership":
        """Returns the row of a node, which is written later; without a name it has one of its host and process."""
        from .postgres.membership import Membership

        return Membership(self.store, name, now)

    def command_sender(self, clock: MomentClock, pause: Callable[[float], object]) -> "CommandSender":
        """Returns the way to the owners of shards; `pause` waits for a number of seconds."""
        from .postgres.membership import CommandSender

        return CommandSender(self.store, clock, pause)


def database_nodes(store: str) -> DatabaseNodes:
    """Returns the parts of a node. Raises: StoreError without the extra `postgres`."""
    require_postgres()
    return DatabaseNodes(store)


def look_at_nodes(store: str) -> ClusterView:
    """Returns the nodes and shards of a database; nothing of a file, and of a store that one process has alone.

    Raises: StoreError for a database that cannot be read.
    """
    if not is_database(store):
        return ClusterView()
    require_postgres()
    from .postgres.membership import look_at

    return look_at(store)


def recorded_targets_of(store: str) -> dict[int, int]:
    """Returns the number of targets that the record of a database has of each shard. Raises: StoreError for one that cannot be read."""
    require_postgres()
    from .postgres.membership import recorded_targets

    return recorded_targets(store)


def runner_of(store: str) -> str | None:
    """Returns the processes that run a store, for people: the one that holds it, or its living nodes; None when none does, and where
    a database cannot be asked.
    """
    with suppress(StoreError):
        if alive := look_at_nodes(store).alive():
            return f"{'node' if len(alive) == 1 else 'nodes'} {listed([each.name for each in alive])}"
    return holder_of(store)


def holder_of(store: str) -> str | None:
    """Returns the process that holds a store; None when none does, where a database cannot be asked, and where its shards are shared."""
    if not is_database(store):
        return holder_of_file(store)
    require_postgres()
    from .postgres.watch import holder_of_database

    return holder_of_database(store)
