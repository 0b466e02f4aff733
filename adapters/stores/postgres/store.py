"""The record in PostgreSQL: durable when `commit` returns, fenced by the row of its owner, silent after the first failure."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from secrets import token_hex

import psycopg

from ....domain import limits
from ....domain.cluster.placement import ShardTargets
from ....domain.errors import StoreBusy, StoreError, StoreFenced, StoreNewer
from ....domain.incidents.record import Batch, Restored
from ....domain.specification.configuration import Retention
from ....domain.supervision.tenure import Tenure, fenced
from ....domain.time.moment import Moment
from ..place import database_place
from ..sqlite.lock import this_process
from .connection import BoundedConnection, connect, explained, reading
from .fence import read_owner
from .moving import leave_marks, take_marks
from .moving_incidents import leave_for_the_dead, leave_incidents, refuse_early, shards_having, take_incidents
from .restoring import recalled, restored, verify
from .schema import migrate
from .session import DatabaseSession

DEFAULT_RETENTION = Retention()
FIRST_SHARD = 0


class PostgresStore:
    """The store of one process on one shard of a database. After a failure it takes nothing until it is opened again; after another
    process has claimed the shard, nothing at all.
    """

    lease_ns = limits.TENURE_LEASE_NS

    def __init__(
        self,
        url: str,
        retention: Retention = DEFAULT_RETENTION,
        *,
        shard: int = FIRST_SHARD,
        node: str = "",
        known_epoch: int = 0,
        lapsed: Tenure | None = None,
        configuration: Callable[[], str] = str,
        targets: Callable[[], ShardTargets] | None = None,
    ) -> None:
        """`lapsed` is the row of an owner that stayed silent for a whole lease, as `DatabaseWatch` has seen it. `configuration`
        returns what the row of this owner says of its configuration. `node` is the incarnation of the node that runs the shard among
        others, and `known_epoch` the highest that it has seen, for a database that was restored. `targets` returns those of the shard,
        whose marks it takes from other shards.
        """
        self._place = database_place(url)
        self._retention, self._shard, self._known_epoch = retention, shard, known_epoch
        self._lapsed, self._configuration, self._targets = lapsed, configuration, targets
        self._incarnation = f"{node}/{token_hex(8)}" if node else token_hex(8)
        self._tenure: Tenure | None = None
        """The row at the last opening."""
        self._fenced: StoreFenced | None = None
        self._session: DatabaseSession | None = None
        self._failure: str | None = None
        self._pid = os.getpid()

    def __repr__(self) -> str:
        return f"PostgresStore({self._place.shown!r})"

    def open(self, now: Moment) -> Restored:
        """Connects, brings the schema to the newest version, claims the shard and verifies the record.

        Raises: StoreError where it is open already; StoreFenced where another process has claimed it since this store was
        open; StoreBusy, StoreCorrupt.
        """
        if self._session is not None:
            raise StoreError(f"{self._place.shown} is open already")
        if self._fenced is not None:
            raise self._fenced
        with explained(f"opening {self._place.shown}"):
            connection = connect(self._place)
            try:
                self._migrate(connection)
                session = DatabaseSession(
                    self._place, connection, self._shard, self._retention, self._configuration
                )
            except BaseException:
                connection.close()
                raise
            try:
                found = self._begin(session, now)
            except BaseException as error:
                if isinstance(error, StoreBusy):
                    # It is tried again at once: no lease is waited for.
                    with suppress(psycopg.Error, OSError):
                        session.fence.release()
                connection.close()
                raise
        self._session, self._failure, self._pid = session, None, os.getpid()
        self._tenure = session.fence.current
        return found

    def _migrate(self, connection: BoundedConnection) -> None:
        """Brings the schema to the newest version. An owner that finds a newer one has lost the store: others can write it, and wait for it."""
        try:
            migrate(connection, self._place)
        except StoreNewer as error:
            if self._tenure is None:
                raise
            self._fenced = StoreFenced(f"{error}: nothing more is recorded or told by this process")
            raise self._fenced from error

    def _begin(self, session: DatabaseSession, now: Moment) -> Restored:
        """Claims the shard, and reads what is in it by then: no former owner can write behind the claim."""
        connection = session.connection
        self._refuse_later(connection)
        targets = None if self._targets is None else self._targets()
        if targets is not None:
            having = shards_having(connection, self._shard, targets)
            leave_for_the_dead(connection, self._shard, targets, having)
            refuse_early(connection, self._shard, having, self._configuration())
        known = max(self._known_epoch, 0 if self._tenure is None else self._tenure.epoch)
        session.fence.claim(this_process(now).text, self._incarnation, known, self._lapsed)
        session.samples.reload()
        if targets is not None:
            leave_incidents(connection, session.fence, self._shard, targets)
            take_incidents(connection, session.fence, self._shard, targets.names)
            take_marks(connection, session.fence, self._shard, targets.names)
        with reading(connection):
            verify(connection, self._shard, session.fence.end)
            found = restored(
                connection, self._shard, session.fence.current.epoch, session.fence.end, now.wall_ns
            )
        if targets is None:
            return found
        return leave_marks(connection, session.fence, self._shard, found, targets)

    def _refuse_later(self, connection: BoundedConnection) -> None:
        """Ends this store where another has claimed the shard since it was open. Raises: StoreFenced."""
        found = read_owner(connection, self._shard).tenure
        if self._tenure is not None and found.supersedes(self._tenure):
            self._fenced = fenced(self._place.shown, found)
            raise self._fenced

    def commit(self, batch: Batch) -> int:
        with self._guarded("committing") as session:
            return session.record(batch)

    def beat(self) -> None:
        """Shows that this owner lives."""
        with self._guarded("beating") as session:
            session.fence.beat()

    def recall(self, key: str) -> Restored | None:
        with self._guarded("reading") as session, reading(session.connection):
            return recalled(session.connection, self._shard, session.fence.current.epoch, key)

    def run_maintenance(self, now: Moment) -> bool:
        with self._guarded("doing housekeeping") as session:
            return session.housekeeper.work(now)

    def file_problem(self) -> str:
        """Names a fault that housekeeping has met in the record, if any. There is no file; a server that is gone is found out by the next write."""
        return "" if self._session is None else self._session.housekeeper.problem

    def close(self) -> None:
        """Lets the shard go, to anybody. In a forked child this only forgets: the connection belongs to the parent."""
        session, failure = self._session, self._failure
        if session is None or os.getpid() != self._pid:
            return
        self._session = self._failure = None
        # An owner that cannot say that it leaves is silent: the next one waits for a lease.
        with suppress(psycopg.Error, OSError):
            if failure is None and not session.connection.closed:
                session.fence.release()
        with suppress(psycopg.Error, OSError):
            session.connection.close()

    @contextmanager
    def _guarded(self, doing: str) -> Iterator[DatabaseSession]:
        """The session, if it may be used; any failure but a refusal ends its use."""
        session = self._usable()
        refused = False
        try:
            with explained(doing):
                try:
                    yield session
                except BaseException as error:
                    refused = type(error) is StoreError
                    session.housekeeper.reload()
                    raise
        except StoreFenced as error:
            self._fenced, self._failure = error, str(error)
            session.connection.close()
            raise
        except StoreError as error:
            if not refused:
                self._failure = str(error)
                self._let_go(session)
            raise

    def _let_go(self, session: DatabaseSession) -> None:
        """Ends a connection of which nobody knows what the server has done: what it may still do, the next claim refuses."""
        with suppress(psycopg.Error, OSError):
            session.connection.close()

    def _usable(self) -> DatabaseSession:
        if self._fenced is not None:
            raise self._fenced
        if self._session is None:
            raise StoreError(f"{self._place.shown} is not open")
        if os.getpid() != self._pid:
            raise StoreError(
                f"{self._place.shown} was opened before this process was forked: it belongs to the parent"
            )
        if self._failure is not None:
            raise StoreError(f"{self._place.shown} takes nothing until it is opened again: {self._failure}")
        return self._session
