"""One process per store: a lock file beside it that names its holder and is released by death."""

import fcntl
import os
import socket
import weakref
from pathlib import Path

import msgspec

from ...domain.errors import StoreBusy
from ...domain.moment import Moment, wall_text


class Holder(msgspec.Struct, frozen=True):
    """Who holds a store."""

    pid: int
    host: str
    since: str


class StoreLock:
    """A flock on `PATH-lock`. The file stays: removing it would let two processes lock two files of one name."""

    def __init__(self, path: str, now: Moment) -> None:
        self._pid = os.getpid()
        self._descriptor = os.open(f"{path}-lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            self._take(path, now)
        except BaseException:
            self.release()
            raise
        # A forked child shares the lock with its parent and would keep it beyond the parent's death.
        os.register_at_fork(after_in_child=_Forget(self))

    @property
    def is_ours(self) -> bool:
        """False in a forked child, which must not touch the connection that it inherited."""
        return os.getpid() == self._pid

    def release(self) -> None:
        """Give the lock up. A child that was forked a moment ago has a copy open still, so closing ours is not enough."""
        if self._descriptor < 0:
            return
        if self.is_ours:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)
        self._descriptor = -1

    def _take(self, path: str, now: Moment) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreBusy(f"{path} is held by {_holder_text(self._descriptor)}") from error
        holder = Holder(self._pid, socket.gethostname(), wall_text(now.wall_ns))
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, msgspec.json.encode(holder), 0)


class _Forget:
    """Closes the child's copy of the lock, if the lock still lives."""

    def __init__(self, lock: StoreLock) -> None:
        self._lock = weakref.ref(lock)

    def __call__(self) -> None:
        lock = self._lock()
        if lock is not None:
            lock.release()


def holder_of(path: str) -> str | None:
    """Who holds a store, None when nobody does. The lock itself is not touched: who starts right now must find it free."""
    try:
        descriptor = os.open(f"{path}-lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _holder_text(descriptor) if _is_held(os.fstat(descriptor).st_ino) else None
    finally:
        os.close(descriptor)


def _is_held(inode: int) -> bool:
    """Whether the kernel lists a flock on a file: `1: FLOCK ADVISORY WRITE 123 fe:01:4567 0 EOF`."""
    held = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any("FLOCK" in fields and fields[-3].endswith(f":{inode}") for fields in held)


def _holder_text(descriptor: int) -> str:
    try:
        holder = msgspec.json.decode(os.pread(descriptor, 4096, 0), type=Holder)
    except msgspec.MsgspecError:
        return "a process that has not yet said which"
    return f"process {holder.pid} on {holder.host} since {holder.since}"
