"""The hold on a database file: one process writes it under whatever name, and no other close() in the process undoes that."""

import errno
import fcntl
import os
import struct
from contextlib import suppress
from pathlib import Path

from ....domain.errors import StoreBusy
from ..sqlite.files import create_own
from ..sqlite.lock import released_in_children

# The bytes that SQLite locks: https://sqlite.org/src/file/src/os.h for the database, .../src/wal.c and os_unix.c for -shm.
_PENDING_BYTE = 0x4000_0000
_SHARED_BYTE = _PENDING_BYTE + 2
"""Each connection has a shared lock here, and the last one an exclusive lock while it folds and removes the log."""
_OWN_BYTE = _PENDING_BYTE + 512
"""The first one behind SQLite's."""
_RECOVERY_BYTE = 122
"""In -shm: locked by a connection that rebuilds the index of the log."""
_READ_MARKS, _READ_MARKS_COUNT = 123, 5
"""In -shm: every connection in a read transaction has a shared lock on one of them."""
_IN_USE_BYTE = 128
"""In -shm: without a lock here a connection takes the index for a dead one, and empties it."""

_HAS_LOG_AT, _HAS_LOG = 18, b"\x02\x02"
"""In the header of a database whose journal is a write-ahead log: https://sqlite.org/fileformat2.html#the_database_header"""
_FLOCK = "hhqqi"
"""struct flock: kind, whence, start, length, and a process that must be 0 in a request."""


class FileHold:
    """Locks on the file itself, under whatever name, that belong to descriptors of our own.

    POSIX locks, such as those of SQLite, belong to a process and an inode: they end when the process closes any descriptor of
    the file, as another SQLite library in the process or a copy does. The next connection that closes then takes itself for
    the last one, and removes the log under the open store. Locks of an open file description end with that description
    alone, and stand in the way of POSIX locks of the same process as well. Shared ones let every reader in.

    Systems other than Linux have no such locks: there this holds nothing, and only the lock beside the store does.
    """

    def __init__(self, path: str, *, is_owner: bool = True) -> None:
        """Without `is_owner` the file may still be held by a frozen process; see `become_owner`."""
        self._pid = os.getpid()
        self._path = path
        self.is_owner = is_owner
        """Whether no other process can hold the file, under whatever name."""
        self._index = self._descriptor = -1
        create_own(path)
        try:
            self._take()
        except BaseException:
            self.release()
            raise
        released_in_children(self)

    def become_owner(self) -> None:
        """Holds the file alone as soon as no other process does."""
        self.is_owner = self.is_owner or _locked(self._descriptor, fcntl.F_WRLCK, _OWN_BYTE)

    def keep_log(self) -> None:
        """Keeps every other connection from removing the log or its index, from now on: SQLite has made both.

        Raises: StoreBusy where one is doing so.
        """
        self._index = os.open(f"{self._path}-shm", os.O_RDWR | os.O_CLOEXEC)
        self._keep()

    def let_log_go(self) -> None:
        """Lets the next connection that closes fold and remove the log, if it is the last one."""
        if os.getpid() == self._pid:
            for descriptor, byte in self._kept():
                _locked(descriptor, fcntl.F_UNLCK, byte)

    def reader(self) -> str:
        """Returns the name of a process that reads the database in a transaction, as far as the system tells."""
        command = getattr(fcntl, "F_OFD_GETLK", None)
        if command is not None:
            with suppress(OSError):
                asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _READ_MARKS, _READ_MARKS_COUNT, 0)
                kind, *_, process = struct.unpack(_FLOCK, fcntl.fcntl(self._index, command, asked))
                if kind != fcntl.F_UNLCK and process > 0:
                    return "this process itself" if process == self._pid else f"process {process}"
        return "another program"

    def release(self) -> None:
        """Ends the hold. A child that was forked a moment ago has copies open still, so closing ours is not enough."""
        if self._descriptor >= 0 and os.getpid() == self._pid:
            _locked(self._descriptor, fcntl.F_UNLCK, _OWN_BYTE)
        for descriptor in (self._index, self._descriptor):
            if descriptor >= 0:
                os.close(descriptor)
        self._index = self._descriptor = -1

    def _take(self) -> None:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        if self.is_owner and not _locked(self._descriptor, fcntl.F_WRLCK, _OWN_BYTE):
            raise StoreBusy(
                f"{self._path} is held under another name of the same file:"
                f" run fuser {self._path} to see by which process"
            )

        # A file without a log yet, or one whose process died while it got one, needs an exclusive lock of SQLite first. Later
        # than this, SQLite's own shared lock would have taken the place of an exclusive one of another library of this process.
        has_log = os.pread(self._descriptor, len(_HAS_LOG), _HAS_LOG_AT) == _HAS_LOG
        if has_log and not Path(f"{self._path}-journal").exists():
            self._keep()

    def _keep(self) -> None:
        if not all(_locked(descriptor, fcntl.F_RDLCK, byte) for descriptor, byte in self._kept()):
            raise StoreBusy(f"another program holds the database while {self._path} is opened")

    def _kept(self) -> tuple[tuple[int, int], ...]:
        found = ((self._descriptor, _SHARED_BYTE), (self._index, _RECOVERY_BYTE), (self._index, _IN_USE_BYTE))
        return tuple((descriptor, byte) for descriptor, byte in found if descriptor >= 0)


def _locked(descriptor: int, kind: int, byte: int) -> bool:
    """Sets or ends the lock of a byte; False where another lock stands in the way, True where the system has none."""
    command = getattr(fcntl, "F_OFD_SETLK", None)
    if command is None:
        return True
    try:
        fcntl.fcntl(descriptor, command, struct.pack(_FLOCK, kind, os.SEEK_SET, byte, 1, 0))
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EAGAIN}:
            return False
        if error.errno == errno.EINVAL:
            return True
        raise
    return True
