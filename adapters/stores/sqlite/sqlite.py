"""The record on SQLite: durable when `commit` returns, verified when it is opened, silent after the first failure."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import apsw

from ....domain import limits
from ....domain.errors import StoreBusy, StoreCorrupt, StoreError
from ....domain.incidents.notice import DeliveryState
from ....domain.incidents.record import Batch, Restored
from ....domain.read_model.status import KEPT_BY_THE_PROCESS
from ....domain.specification.configuration import Retention
from ....domain.time.moment import Moment
from ..history.housekeeping import Housekeeper
from ..history.sample_tables import SampleTables
from .chain import Chain
from .connection import begin_wal, connect_writer, explained, remedied, require_sound_pages, transaction
from .files import real_path, refuse_devices, told_from_others
from .head import CommitsLost, Head, read_head, write_head
from .hold import FileHold
from .incidents import IncidentTable
from .lock import StoreLock
from .marks import MarkTable
from .outbox import OutboxTable
from .place import FileNumber, OpenFiles, file_number, file_problem, require_known
from .schema import migrate, refuse_strangers
from .tries import TryTable

DEFAULT_RETENTION = Retention()
_WAL_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
"""https://sqlite.org/fileformat2.html#the_write_ahead_log"""


class Session:
    """One opening of the file: the connection, and the tables behind it."""

    def __init__(self, path: str, connection: apsw.Connection, hold: FileHold, retention: Retention) -> None:
        self._path, self._hold = path, hold
        self.connection = connection
        self.chain = Chain(connection)
        self.incidents = IncidentTable(connection, self.chain)
        self.outbox = OutboxTable(connection, self.incidents)
        self.marks = MarkTable(connection)
        self.tries = TryTable(connection)
        self.samples = SampleTables(connection)
        self.housekeeper = Housekeeper(connection, self.samples, retention)
        self.wal_pages = self.wal_pages_left = 0
        self._page_bytes = int(connection.pragma("page_size"))
        self._files = OpenFiles(path)
        connection.set_wal_hook(self._count_wal)

    @property
    def has_log(self) -> bool:
        """Whether the log is where and as it was left."""
        return self._files.has_log(self._log_bytes)

    @property
    def _log_bytes(self) -> int:
        frames = self.wal_pages * (_FRAME_HEADER_BYTES + self._page_bytes)
        return frames and _WAL_HEADER_BYTES + frames

    def lost_file(self) -> str:
        """Returns which file beside the database was removed or replaced.

        Raises: OSError where the database or its log was cut.
        """
        return self._files.lost(self._log_bytes)

    def lost_file_problem(self) -> str:
        try:
            lost = self.lost_file()
        except OSError as error:
            return str(error)
        return lost and f"{lost}, and another program reads it in a transaction: end that program"

    def log_problem(self) -> str:
        """Returns how large the log has grown because of a reader, and who that is; empty where folding keeps it small."""
        if self.wal_pages_left < limits.STORE_WAL_PAGES_UNFOLDED:
            return ""
        size = self.wal_pages * self._page_bytes >> 20
        return (
            f"{self._path}-wal has grown to {size} MiB and grows on, because {self._hold.reader()} reads the"
            " database in a transaction that does not end: end it"
        )

    def require_files(self) -> None:
        """Looks whether what is committed now is found by the next start. A log that was removed is folded, so that nothing is
        lost; where a reader keeps it from being folded, it is written on.

        Raises: OSError where the store must be opened again first.
        """
        lost = self.lost_file()
        if not lost:
            return
        pages, folded = self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        if pages == folded:
            raise OSError(f"{lost}; {self._path} has everything that was recorded, and is opened again")

    def record(self, batch: Batch) -> int:
        """Write a batch inside a transaction; returns how many of its samples were left out."""
        if batch.is_counted:
            self.chain.count_write()
        for renamed in batch.renamed:
            self.samples.rename(renamed)
        for transition in batch.transitions:
            self.incidents.record(transition)
        for notice in batch.notices:
            self.outbox.record(notice)
        touched = {transition.incident_id: None for transition in batch.transitions}
        touched |= {notice.incident.id: None for notice in batch.notices}
        touched |= {self.outbox.deliver(delivery): None for delivery in batch.deliveries}
        self.tries.record(batch.tries)
        self.incidents.settle(touched)
        self.marks.keep(batch.checkpoints)
        self.marks.mute(batch.silences)
        self.marks.note_blind(batch.blind)
        self.marks.note_heard(batch.heard)
        self.marks.follow(batch.latest)
        self.marks.pause(batch.pauses)
        hours, left_out = self.samples.record(batch.samples)
        self.samples.keep(batch.evidence)
        self.housekeeper.touched(hours)
        return left_out

    def publish_head(self, before: Head | None) -> None:
        """Say beside the database how far it goes, if that has changed."""
        head = self.chain.head()
        if head != before:
            write_head(self._path, head)

    def fold_wal(self) -> None:
        """Checkpoint when there is enough of it; a reader that stands in the way only delays it."""
        self.wal_pages_left = 0
        if self.wal_pages >= limits.STORE_WAL_PAGES_MAX:
            pages, folded = self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self.wal_pages_left = pages - folded

    def restored(self, epoch: int, now: Moment) -> Restored:
        incidents = self.incidents.live()
        return Restored(
            epoch=epoch,
            incidents=incidents,
            outbox=self.outbox.all(DeliveryState.PENDING),
            dead=self.outbox.given_up(),
            told=tuple(told for incident in incidents for told in self.incidents.told(incident.id)),
            checkpoints=self.marks.checkpoints(),
            silences=self.marks.silences(now.wall_ns),
            heard=self.marks.heard(),
            latest=self.marks.latest(),
            pauses=self.marks.pauses(),
            writes=self.chain.head().writes,
        )

    def recall(self, key: str) -> Restored | None:
        """Returns a dead letter with its incident and the last delivered step, None where the key is none.

        Raises: StoreCorrupt where its incident is missing.
        """
        outgoing = self.outbox.dead(key)
        if outgoing is None:
            return None
        name = outgoing.notice.incident.id
        latest = self.incidents.latest(name)
        if latest is None:
            raise StoreCorrupt(f"{name} has no latest step")
        told = tuple(told for told in self.incidents.told(name) if told.channel == outgoing.notice.channel)
        return Restored(epoch=self.chain.head().epoch, incidents=(latest,), outbox=(outgoing,), told=told)

    def fold_all(self) -> None:
        """Checkpoint before closing, which may then remove the WAL."""
        self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, False)

    def _count_wal(self, _connection: apsw.Connection, _schema: str, pages: int) -> int:
        self.wal_pages = pages
        return apsw.SQLITE_OK


class SqliteStore:
    """The store of one process on one file. After a failure it takes nothing until it is closed and opened again.

    SQLite itself goes on after a failed fsync, whose pages the kernel may have dropped: this does not.
    """

    def __init__(
        self, path: str, retention: Retention = DEFAULT_RETENTION, *, vfs: str | None = None
    ) -> None:
        self._path = real_path(path)
        self._retention = retention
        self._vfs = vfs
        self._lock: StoreLock | None = None
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

        Raises: StoreError where it is open already; StoreBusy, StoreCorrupt.
        """
        if self._session is not None:
            raise StoreError(f"{self._path} is open already")
        with explained(f"opening {self._path}"), ExitStack() as held:
            refuse_devices(self._path)
            self._lock = StoreLock(self._path, now)
            held.callback(self._lock.release)
            with remedied(self._path):
                outside = read_head(self._path)
            self._require_place(outside)
            hold = FileHold(self._path)
            held.callback(hold.release)
            with remedied(self._path):
                restored = self._begin(outside, now, held, hold)
            self._held = held.pop_all()
            return restored

    def commit(self, batch: Batch) -> int:
        with self._guarded("committing") as session:
            # A lost sample changes no notice, and nothing is told of it: for samples a look at the log alone is enough.
            if batch.is_counted or not session.has_log:
                session.require_files()
            before = session.chain.head()
            with transaction(session.connection):
                left_out = session.record(batch)
            session.publish_head(before)
            session.fold_wal()
            return left_out

    def recall(self, key: str) -> Restored | None:
        with self._guarded("reading") as session:
            return session.recall(key)

    def run_maintenance(self, now: Moment) -> bool:
        with self._guarded("keeping house") as session:
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
        """Let the file go. In a forked child this only forgets: the file belongs to the parent."""
        session, failure = self._session, self._failure
        if session is None or self._lock is None or not self._lock.is_ours:
            return
        self._session = self._lock = self._failure = None
        self._has_failed = failure is not None
        with explained(f"closing {self._path}"), self._held:
            # A store that failed keeps its WAL as it is, for the next opening to verify.
            if failure is None:
                session.fold_all()

    def _begin(self, outside: Head | None, now: Moment, held: ExitStack, hold: FileHold) -> Restored:
        with told_from_others(self._path):
            connection = connect_writer(self._path, self._vfs)
            held.callback(connection.close)
            file = file_number(self._path)
            refuse_strangers(connection)
        begin_wal(connection)
        require_sound_pages(connection)
        hold.keep_log()
        held.callback(hold.let_log_go)
        migrate(connection)
        session = Session(self._path, connection, hold, self._retention)
        self._verify_or_go_on(session, outside)
        # After a failed sync, pages may exist in the page cache alone: the checkpoint writes them to the database again.
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)
        with transaction(connection):
            epoch = session.chain.begin_epoch(0 if outside is None else outside.epoch)
        session.publish_head(None)
        restored = session.restored(epoch, now)
        self._session, self._failure, self._file = session, None, file
        self._has_failed = False
        return restored

    def _verify_or_go_on(self, session: Session, outside: Head | None) -> None:
        """A start refuses a store that has lost commits, as only an operator knows why. A process that had it open goes on with
        what is there: its sink counts the loss, and no alarm waits for an operator.
        """
        try:
            _verify(session, outside)
        except CommitsLost:
            if not self._has_failed:
                raise
            _verify(session, None)

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
                    raise
        except StoreError as error:
            if not refused and not isinstance(error, StoreBusy):
                self._failure = str(error)
            raise

    def _usable(self) -> Session:
        if self._session is None or self._lock is None:
            raise StoreError(f"{self._path} is not open")
        if not self._lock.is_ours:
            raise StoreError(
                f"{self._path} was opened before this process was forked: it belongs to the parent"
            )
        if self._failure is not None:
            raise StoreError(f"{self._path} takes nothing until it is opened again: {self._failure}")
        return self._session


def _verify(session: Session, outside: Head | None) -> None:
    """Everything that a restart builds on, before anything is written: bounded in time, whatever the history."""
    session.incidents.verify(session.chain.verify(outside))
    session.outbox.verify()
    session.marks.verify()
