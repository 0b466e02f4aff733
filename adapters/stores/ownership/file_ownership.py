"""The lock beside a store and the hold on its file, taken together and kept until the store is closed."""

import os
from contextlib import suppress

from ....domain.errors import StoreBusy, StoreError
from ....domain.time.moment import Moment
from ..sqlite.lock import StoreLock, name_holder, this_process
from .hold import FileHold


class FileOwnership:
    """Owns the lock and the hold. A process that takes over from a frozen one begins without them, and takes each when it
    becomes free; until then the tenure row alone keeps others from the store.
    """

    def __init__(self, path: str, now: Moment, *, may_lack_lock: bool = False) -> None:
        self._path, self._now = path, now
        self._pid = os.getpid()
        self._lock: StoreLock | None = None
        self._hold: FileHold | None = None
        try:
            self._lock = StoreLock(path, now)
        except StoreBusy:
            if not may_lack_lock:
                raise

    @property
    def is_ours(self) -> bool:
        """False in a forked child, which must not touch the connection that it inherited."""
        return os.getpid() == self._pid

    @property
    def is_whole(self) -> bool:
        """Whether this process has the lock and the file, so that its death frees both."""
        return self._lock is not None and self._hold is not None and self._hold.is_owner

    @property
    def name(self) -> str:
        """The process, as the tenure row and the lock file name it."""
        return this_process(self._now).text

    @property
    def hold(self) -> FileHold:
        """The hold, once it was taken. Raises: StoreError before."""
        if self._hold is None:
            raise StoreError(f"the file {self._path} is not held")
        return self._hold

    def take_hold(self) -> None:
        """Takes the hold on the file, which is created where it is missing.

        Raises: StoreBusy where another process has it. A frozen owner has the lock as well: one that has the hold alone
        reaches the file by another name, and its commits are in another log, so the row under this name never moves.
        """
        self._hold = FileHold(self._path, is_owner=self._lock is not None)
        self._hold.become_owner()

    def show_name(self) -> None:
        """Names this process in the lock file, whose lock a frozen process still has."""
        if self._lock is None:
            name_holder(self._path, self._now)

    def complete(self) -> bool:
        """Takes what has become free of the lock and the hold; returns whether this process has both now."""
        if self._lock is None:
            with suppress(StoreBusy):
                self._lock = StoreLock(self._path, self._now)
        if self._hold is not None:
            self._hold.become_owner()
        return self.is_whole

    def release(self) -> None:
        """Ends the hold, then the lock."""
        for part in (self._hold, self._lock):
            if part is not None:
                part.release()
        self._hold = self._lock = None
