"""The record on SQLite: durable when `commit` returns, verified when it is opened, silent after the first failure."""

import select
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from secrets import token_hex

import apsw

from ....domain import limits
from ....domain.errors import StoreBusy, StoreError, StoreFenced
from ....domain.incidents.record import Batch, Restored
from ....domain.read_model.status import KEPT_BY_THE_PROCESS
from ....domain.specification.configuration import Retention
from ....domain.supervision.tenure import Tenure, fenced
from ....domain.time.moment import NS_PER_MS, Moment
from ..loading import recall
from ..ownership.file_ownership import FileOwnership
from ..ownership.file_system import require_locks
from ..ownership.tenure_table import read_tenure, tenure_of
from .connection import begin_wal, connect_writer, explained, remedied, require_sound_pages, transaction
from .files import real_path, refuse_devices, told_from_others
from .head import CommitsLost, Head, read_head
from .place import FileNumber, file_number, file_problem, require_known
from .schema import MIGRATIONS, migrate, refuse_strangers
from .session import Session

DEFAULT_RETENTION = Retention()


class SqliteStore:
    """The store of one process on one file. After a failure it takes nothing until it is closed and opened again; after another
    process has claimed the file, nothing at all.

    SQLite itself goes on after a failed fsync, whose pages the kernel may have dropped: this does not.
    """

    lease_ns = limits.TENURE_LEASE_NS

    def __init__(
        self,
        path: str,
        retention: Retention = DEFAULT_RETENTION,
        *,
        vfs: str | None = None,
        lapsed: Tenure | None = None,
        configuration: Callable[[], str] = str,
    ) -> None:
        """`lapsed` is the row of a frozen owner, as `StoreWatch` has seen it: it may be claimed as long as it stays so.
        `configuration` returns what the row of this owner says of its configuration.
        """
        self._path = real_path(path)
        self._retention = retention
        self._vfs = vfs
        self._lapsed, self._configuration = lapsed, configuration
        self._incarnation = token_hex(8)
        self._tenure: Tenure | None = None
        """The row at the last opening."""
        self._fenced: StoreFenced | None = None
        self._owned: FileOwnership | None = None
        self._held = ExitStack()
        self._session: Session | None = None
        self._failure: str | None = None
        self._has_failed = False
        """Whether this process had the store open until a failure: it knows what was lost, and goes on without it."""
        self._file: FileNumber | None = None

    def __repr__(self) -> str:
        return f"SqliteStore({self._path!r})"

    def open(self, now: Moment) -> Restored:
        """Opens the file, brings it to the newest schema and verifies it.

        Raises: StoreError where it is open already; StoreFenced where another process has claimed it since this store was
        open; StoreBusy, StoreCorrupt.
        """
        if self._session is not None:
            raise StoreError(f"{self._path} is open already")
        self._require_tenure()
        with explained(f"opening {self._path}"), ExitStack() as held:
            refuse_devices(self._path)
            require_locks(self._path)
            owned = self._own(now)
            held.callback(owned.release)
            with remedied(self._path):
                outside = read_head(self._path)
            self._require_place(outside)
            owned.take_hold()
            with remedied(self._path):
                restored = self._begin(outside, now, held, owned)
            self._owned = owned
            self._held = held.pop_all()
            return restored

    def commit(self, batch: Batch) -> int:
        with self._guarded("committing") as session:
            # A lost sample changes no notice, and nothing is told of it: for samples a look at the log alone is enough.
            if batch.is_counted or not session.has_log:
                session.require_files()
            before = session.tables.chain.head()
            self._take_lock(session)
            with session.tenure.writing():
                left_out = session.record(batch)
            session.publish_head(before)
            session.fold_wal()
            return left_out

    def beat(self) -> None:
        """Shows that this owner lives."""
        with self._guarded("beating") as session:
            if not session.has_log:
                # Written on, a log that was cut would have its length again, and a hole that nothing notices.
                session.require_files()
            self._take_lock(session)
            session.tenure.beat()
            session.fold_wal()

    def _take_lock(self, session: Session) -> None:
        """Takes the lock of a frozen former owner once that is free: until then nothing shows the death of this one."""
        if not session.tenure.has_lock and self._owned is not None:
            session.tenure.has_lock = self._owned.complete()

    def recall(self, key: str) -> Restored | None:
        with self._guarded("reading") as session:
            return recall(session.tables, session.tenure.current.epoch, key)

    def run_maintenance(self, now: Moment) -> bool:
        with self._guarded("doing housekeeping") as session:
            session.require_files()
            is_work_left = session.housekeeper.work(now)
            session.fold_wal()
            return is_work_left

    def file_problem(self) -> str:
        session = self._session
        problem = file_problem(self._path, self._file) or (session.lost_file_problem() if session else "")
        if problem:
            return f"{problem}; {KEPT_BY_THE_PROCESS}"
        return session.log_problem() if session else ""

    def close(self) -> None:
        """Lets the file go, to anybody. In a forked child this only forgets: the file belongs to the parent."""
        session, failure = self._session, self._failure
        if session is None or self._owned is None or not self._owned.is_ours:
            return
        self._session = self._owned = self._failure = None
        self._has_failed = failure is not None
        with explained(f"closing {self._path}"), self._held:
            # A store that failed keeps its WAL as it is, for the next opening to verify.
            if failure is None and (not session.has_log or session.tenure.release()):
                session.fold_all()

    def _begin(self, outside: Head | None, now: Moment, held: ExitStack, owned: FileOwnership) -> Restored:
        hold = owned.hold
        with told_from_others(self._path):
            connection = connect_writer(self._path, self._vfs)
            held.callback(connection.close)
            file = file_number(self._path)
            refuse_strangers(connection)
        begin_wal(connection)
        require_sound_pages(connection)
        hold.keep_log()
        held.callback(hold.let_log_go)
        found = self._claimable(connection, owned)
        if owned.is_whole:
            migrate(connection)
        session = Session(self._path, connection, hold, self._retention, self._configuration)
        if not owned.is_whole:
            # A frozen owner may go on at any moment: what is verified must not change any more.
            self._claim(session, found, outside, owned)
        self._verify_or_go_on(session, outside)
        # After a failed sync, pages may exist in the page cache alone: the checkpoint writes them to the database again.
        with ExitStack() if owned.is_whole else suppress(apsw.BusyError):
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)
        if owned.is_whole:
            self._claim(session, read_tenure(connection) or found, outside, owned)
        else:
            session.tenure.beat()
        session.publish_head(None)
        restored = session.tables.restored(now)
        self._session, self._failure, self._file = session, None, file
        self._has_failed = False
        self._tenure = session.tenure.current
        return restored

    def _own(self, now: Moment) -> FileOwnership:
        """Takes the lock. Raises: StoreFenced where another process has it because of its claim; StoreBusy."""
        try:
            return FileOwnership(self._path, now, may_lack_lock=self._lapsed is not None)
        except StoreBusy:
            self._refuse_later(tenure_of(self._path) or Tenure())
            raise

    def _refuse_later(self, found: Tenure) -> None:
        """Ends this store where another has claimed it since it was open. Raises: StoreFenced."""
        if self._tenure is not None and found.supersedes(self._tenure):
            self._fenced = fenced(self._path, found)
            raise self._fenced

    def _claimable(self, connection: apsw.Connection, owned: FileOwnership) -> Tenure:
        """Returns the row that may be claimed.

        Raises: StoreFenced where another has claimed the store since this one was open; StoreBusy where its owner lives.
        """
        found = read_tenure(connection) or Tenure()
        self._refuse_later(found)
        is_current = connection.pragma("user_version") == len(MIGRATIONS)
        if owned.is_whole and not found.may_be_claimed(self._incarnation, has_lock=True, lapsed=self._lapsed):
            # Its owner took over from a frozen process and has no lock: only its silence shows that it is dead.
            _await_silence(connection, found)
        elif not owned.is_whole and not (
            is_current and found.may_be_claimed(self._incarnation, has_lock=False, lapsed=self._lapsed)
        ):
            raise StoreBusy(f"{self._path} is held by {found.owner or 'another process'}")
        return found

    def _claim(self, session: Session, found: Tenure, outside: Head | None, owned: FileOwnership) -> None:
        """Makes this store object the owner, in one short transaction."""
        try:
            with transaction(session.connection):
                epoch = session.tables.chain.begin_epoch(0 if outside is None else outside.epoch)
                claimed = Tenure(
                    owner=owned.name,
                    incarnation=self._incarnation,
                    epoch=epoch,
                    commits=found.commits + 1,
                    has_lock=owned.is_whole,
                    configuration=self._configuration(),
                )
                session.tenure.claim(found, claimed)
        except apsw.BusyError as error:
            if owned.is_whole:
                raise
            raise StoreBusy(
                f"{self._path} is held by {found.owner}, which is frozen in the middle of a write:"
                " end it, or let it go on"
            ) from error
        owned.show_name()

    def _require_tenure(self) -> None:
        """Raises the error of a store that another process has claimed: a tenure does not begin again."""
        if self._fenced is not None:
            raise self._fenced

    def _verify_or_go_on(self, session: Session, outside: Head | None) -> None:
        """A start refuses a store that has lost commits, as only an operator knows why. A process that had it open goes on with
        what is there: its sink counts the loss, and no alarm waits for an operator.
        """
        try:
            session.tables.verify(outside)
        except CommitsLost:
            if not self._has_failed:
                raise
            session.tables.verify(None)

    def _require_place(self, outside: Head | None) -> None:
        """One store, one file: opened again, it goes on with what it had, or says what has become of that."""
        problem = file_problem(self._path, self._file)
        if problem:
            raise StoreError(problem)
        require_known(self._path, outside)

    @contextmanager
    def _guarded(self, doing: str) -> Iterator[Session]:
        """The session, if it may be used; any failure but a refusal or a wait ends its use."""
        session = self._usable()
        refused = False
        try:
            with explained(doing):
                try:
                    yield session
                except BaseException as error:
                    session.housekeeper.reload()
                    refused = type(error) is StoreError
                    if not refused:
                        # The files change under the hands of an owner that was frozen: the claim is the reason to say.
                        with suppress(apsw.Error):
                            session.tenure.require()
                    raise
        except StoreFenced as error:
            self._fenced, self._failure = error, str(error)
            raise
        except StoreError as error:
            if not refused and not isinstance(error, StoreBusy):
                self._failure = str(error)
            raise

    def _usable(self) -> Session:
        self._require_tenure()
        if self._session is None or self._owned is None:
            raise StoreError(f"{self._path} is not open")
        if not self._owned.is_ours:
            raise StoreError(
                f"{self._path} was opened before this process was forked: it belongs to the parent"
            )
        if self._failure is not None:
            raise StoreError(f"{self._path} takes nothing until it is opened again: {self._failure}")
        return self._session


def _await_silence(connection: apsw.Connection, found: Tenure) -> None:
    """Waits for a whole lease without a sign of life. Blocks. Raises: StoreBusy at the first one."""
    for _ in range(limits.TENURE_LEASE_NS // limits.TENURE_LOOK_NS + 1):
        if read_tenure(connection) != found:
            raise StoreBusy(f"{connection.filename} is held by {found.owner}")
        select.poll().poll(limits.TENURE_LOOK_NS // NS_PER_MS)  # of nothing: a pause
