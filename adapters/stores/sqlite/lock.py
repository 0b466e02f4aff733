"""One process per store: a lock file beside it that names its holder and is released by death."""

import fcntl
import os
import select
import socket
import weakref
from pathlib import Path
from typing import Protocol

import msgspec

from ....domain import limits
from ....domain.errors import StoreBusy, StoreError
from ....domain.time.moment import NS_PER_MS, Moment, wall_text
from .files import open_beside, require_own


class Lock(Protocol):
    """A lock of descriptors, which a forked child has copies of."""

    def release(self) -> None: ...


def released_in_children(lock: Lock) -> None:
    """Closes a lock in every child that is forked: a child shares it, and would keep it beyond its parent's death."""
    alive = weakref.ref(lock)

    def forget() -> None:
        found = alive()
        if found is not None:
            found.release()

    os.register_at_fork(after_in_child=forget)


class Holder(msgspec.Struct, frozen=True):
    """The process that holds a store."""

    pid: int
    host: str
    since: str

    @property
    def text(self) -> str:
        """The process for people."""
        return f"process {self.pid} on {self.host} since {self.since}"


def this_process(now: Moment) -> Holder:
    """Returns this process as a holder since now."""
    return Holder(os.getpid(), socket.gethostname(), wall_text(now.wall_ns))


def name_holder(path: str, now: Moment) -> None:
    """Names this process in the lock file without a lock: it has the store, and a frozen process still has the lock."""
    descriptor = open_beside(f"{path}-lock", os.O_CREAT | os.O_RDWR)
    try:
        _write_holder(descriptor, now)
    finally:
        os.close(descriptor)


def _write_holder(descriptor: int, now: Moment) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, msgspec.json.encode(this_process(now)), 0)


class StoreLock:
    """A flock on `PATH-lock`. The file stays: removing it would let two processes lock two files of one name."""

    def __init__(self, path: str, now: Moment) -> None:
        self._pid = os.getpid()
        self._descriptor = open_beside(f"{path}-lock", os.O_CREAT | os.O_RDWR)
        try:
            require_own(f"{path}-lock", self._descriptor, path)
            self._take(path, now)
        except BaseException:
            self.release()
            raise
        released_in_children(self)

    @property
    def is_ours(self) -> bool:
        """False in a forked child, which must not touch the connection that it inherited."""
        return os.getpid() == self._pid

    def release(self) -> None:
        """Gives the lock up. A child that was forked a moment ago has a copy open still, so closing ours is not enough."""
        if self._descriptor < 0:
            return
        if self.is_ours:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)
        self._descriptor = -1

    def _take(self, path: str, now: Moment) -> None:
        self._lock_alone(path)
        _write_holder(self._descriptor, now)

    def _lock_alone(self, path: str) -> None:
        """Takes the exclusive lock. `holder_of` has a shared one for some microseconds, which is waited for."""
        for _ in range(limits.LOCK_TRIES_MAX):
            if _lock(self._descriptor, fcntl.LOCK_EX):
                return
            # A shared lock can be had beside those of `holder_of`, and not beside a holder's.
            if not _lock(self._descriptor, fcntl.LOCK_SH):
                raise StoreBusy(f"{path} is held by {_holder_text(self._descriptor)}")
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            select.poll().poll(limits.LOCK_TRY_EVERY_NS // NS_PER_MS)  # of nothing: a pause
        raise StoreBusy(f"{path} is looked at by other processes all the time: stop them and try again")


def holder_of(path: str) -> str | None:
    """The process that holds a store, None when nobody does. A process that starts right now is not kept from it."""
    try:
        # The lock lies beside the file itself, wherever a link to it may be.
        descriptor = open_beside(f"{Path(path).resolve()}-lock", os.O_RDONLY)
    except (OSError, StoreError):
        return None
    try:
        if not _lock(descriptor, fcntl.LOCK_SH):
            return _holder_text(descriptor)
        # Closing is not enough: a child that was forked a moment ago has a copy open still.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return None
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    """Whether the lock could be had at once."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder_text(descriptor: int) -> str:
    try:
        holder = msgspec.json.decode(os.pread(descriptor, os.fstat(descriptor).st_size, 0), type=Holder)
    except msgspec.MsgspecError:
        return "a process that has not yet said which"
    return holder.text
