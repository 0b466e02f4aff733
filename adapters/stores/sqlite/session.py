"""One opening of a SQLite store: the connection, the tables behind it, and the files that lie beside it."""

from collections.abc import Callable
from contextlib import suppress

import apsw

from ....domain import limits
from ....domain.incidents.record import Batch
from ....domain.specification.configuration import Retention
from ..history.housekeeping import Housekeeper
from ..history.sample_tables import SampleTables
from ..ownership.hold import FileHold
from ..ownership.tenure_table import TenureTable
from .head import Head, write_head
from .place import OpenFiles
from .record import RecordTables

_WAL_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
"""https://sqlite.org/fileformat2.html#the_write_ahead_log"""


class Session:
    """One opening of the file: the connection, and the tables behind it."""

    def __init__(
        self,
        path: str,
        connection: apsw.Connection,
        hold: FileHold,
        retention: Retention,
        configuration: Callable[[], str],
    ) -> None:
        self._path, self._hold = path, hold
        self.connection = connection
        self.tables = RecordTables(connection)
        self.samples = SampleTables(connection)
        self.tenure = TenureTable(connection, path, configuration)
        self.housekeeper = Housekeeper(connection, self.samples, retention, self.tenure.writing)
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
        """Writes a batch inside a transaction; returns how many of its samples were left out."""
        if batch.is_counted:
            self.tables.chain.count_write()
        for renamed in batch.renamed:
            self.samples.rename(renamed)
        if batch.is_light:
            self.tables.marks.hear(batch.heard)
        else:
            self.tables.record(batch)
        hours, left_out = self.samples.record(batch.samples)
        self.samples.keep(batch.evidence)
        self.housekeeper.touched(hours)
        return left_out

    def publish_head(self, before: Head | None) -> None:
        """Says beside the database how far it goes, if that has changed."""
        head = self.tables.chain.head()
        if head != before:
            write_head(self._path, head)

    def fold_wal(self) -> None:
        """Checkpoints the log when there is enough of it. A reader that stands in the way only delays it, and so does another process that
        folds the log: a frozen former owner may be in the middle of that, and what was committed before is durable.
        """
        self.wal_pages_left = 0
        if self.wal_pages >= limits.STORE_WAL_PAGES_MAX:
            self.wal_pages_left = self.wal_pages
            with suppress(apsw.BusyError):
                pages, folded = self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                self.wal_pages_left = pages - folded

    def fold_all(self) -> None:
        """Checkpoints before closing, which may then remove the WAL. Where another process keeps it from that, the next opening does."""
        with suppress(apsw.BusyError):
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, False)

    def _count_wal(self, _connection: apsw.Connection, _schema: str, pages: int) -> int:
        self.wal_pages = pages
        return apsw.SQLITE_OK
