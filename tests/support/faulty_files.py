"""A file system for SQLite that fails, tears writes and dies on command, and computes the content after a power cut.

with FaultsVfs("faults") as disk:
    store = SqliteStore(path, vfs=disk.name)
    disk.arm(Fault.FAILED_SYNC, at=3)
"""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Self, assert_never

import apsw
import msgspec
from watchkeeper.domain.errors import UsageError


class Fault(StrEnum):
    """The fault that strikes the armed call."""

    WRITE_FAILED = "write_failed"
    DISK_FULL = "disk_full"
    SHORT_WRITE = "short_write"
    """Half of the bytes arrive, then the write fails."""
    FAILED_SYNC = "failed_sync"
    """The sync fails once and works from then on; its writes still read back, but never become durable, as with a kernel
    that has marked its pages clean."""
    DEATH = "death"
    """The process dies: this call and every later one does nothing."""
    TORN_DEATH = "torn_death"
    """As above, and half of a write arrives."""


class Call(StrEnum):
    """The calls that are counted."""

    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    DELETE = "delete"


STRIKES: dict[Fault, frozenset[Call]] = {
    Fault.WRITE_FAILED: frozenset({Call.WRITE, Call.TRUNCATE}),
    Fault.DISK_FULL: frozenset({Call.WRITE}),
    Fault.SHORT_WRITE: frozenset({Call.WRITE}),
    Fault.FAILED_SYNC: frozenset({Call.SYNC}),
    Fault.DEATH: frozenset(Call),
    Fault.TORN_DEATH: frozenset(Call),
}
"""The calls that each fault can strike. It strikes the first of them at or after the armed call."""


class Change(msgspec.Struct, frozen=True):
    """A change to a file that no sync has made durable yet; data None cuts the file off at `offset`."""

    offset: int
    data: bytes | None


class _Disk:
    """The durable content of a file, and the changes since its last sync."""

    def __init__(self, content: bytes) -> None:
        self.synced = bytearray(content)
        self.unsynced: list[Change] = []

    def sync(self) -> None:
        for change in self.unsynced:
            _apply(self.synced, change)
        self.unsynced.clear()


class FaultsVfs(apsw.VFS):
    """Counts the calls that change files, strikes one of them, and passes everything else to the default one."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.calls: list[Call] = []
        """Every counted call since the last `arm` or `disarm`, in order."""
        self.struck = False
        self._fault: Fault | None = None
        self._at = 0
        self._dead = False
        self._disks: dict[str, _Disk] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()

    def arm(self, fault: Fault, at: int) -> None:
        """Arms a fault for call number `at`, counted from 1 and from now."""
        if at < 1:
            raise UsageError(f"calls are counted from 1, not from {at}")
        self.disarm()
        self._fault, self._at = fault, at

    @property
    def drops_pages(self) -> bool:
        """True where the writes before a failed sync never become durable."""
        return self._fault is Fault.FAILED_SYNC

    def disarm(self) -> None:
        """Lets every call work again, also after a death; counting begins again at 1."""
        self._fault, self._dead, self.struck = None, False, False
        self.calls.clear()

    def durable(self, survives: Callable[[int], bool] = lambda _: False) -> dict[str, bytes]:
        """Returns the file contents by path after a power cut now: the synced changes, and those that `survives` accepts.

        `survives` is called once for every unsynced change, with its number: a file system may keep any of them.
        """
        number = 0
        contents = {}
        for path, disk in self._disks.items():
            content = bytearray(disk.synced)
            for change in disk.unsynced:
                if survives(number):
                    _apply(content, change)
                number += 1
            contents[path] = bytes(content)
        return contents

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's word
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is not None and path not in self._disks:
            self._disks[path] = _Disk(Path(path).read_bytes() if Path(path).exists() else b"")
        return _FaultyFile(self, path, self._disks.get(path or "", _Disk(b"")), name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's word
        self.strike(Call.DELETE)
        super().xDelete(filename, syncdir)
        self._disks.pop(filename, None)

    def strike(self, call: Call) -> bool:
        """Counts a call and raises its armed fault. Returns True where half of a write must reach the disk first."""
        self.calls.append(call)
        if self._dead:
            raise _io_error(apsw.SQLITE_IOERR)
        fault = self._fault
        if fault is None or self.struck or len(self.calls) < self._at or call not in STRIKES[fault]:
            return False
        self.struck = True
        match fault:
            case Fault.WRITE_FAILED:
                raise _io_error(apsw.SQLITE_IOERR_WRITE)
            case Fault.DISK_FULL:
                raise apsw.FullError("injected: database or disk is full")
            case Fault.FAILED_SYNC:
                raise _io_error(apsw.SQLITE_IOERR_FSYNC)
            case Fault.SHORT_WRITE:
                return True
            case Fault.DEATH:
                self._dead = True
                raise _io_error(apsw.SQLITE_IOERR)
            case Fault.TORN_DEATH:
                self._dead = True
                if call is Call.WRITE:
                    return True
                raise _io_error(apsw.SQLITE_IOERR)
            case _:
                assert_never(fault)


class _FaultyFile(apsw.VFSFile):
    def __init__(
        self,
        vfs: FaultsVfs,
        path: str | None,
        disk: _Disk,
        name: str | apsw.URIFilename | None,
        flags: list[int],
    ) -> None:
        super().__init__("", name, flags)
        self._vfs = vfs
        self._path = path
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's word
        torn = self._vfs.strike(Call.WRITE)
        content = bytes(data)
        arrives = content[: len(content) // 2] if torn else content
        super().xWrite(arrives, offset)
        self._disk.unsynced.append(Change(offset, arrives))
        if torn:
            raise _io_error(apsw.SQLITE_IOERR_WRITE)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's word
        self._vfs.strike(Call.TRUNCATE)
        super().xTruncate(newsize)
        self._disk.unsynced.append(Change(newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's word
        try:
            self._vfs.strike(Call.SYNC)
        except apsw.IOError:
            if self._vfs.drops_pages:
                self._disk.unsynced.clear()
            raise
        super().xSync(flags)
        self._disk.sync()


def _apply(content: bytearray, change: Change) -> None:
    if change.data is None:
        del content[change.offset :]
        return
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data


def _io_error(extended: int) -> apsw.IOError:
    error = apsw.IOError("injected: disk I/O error")
    error.extendedresult = extended  # type: ignore[attr-defined]  # apsw reads it, its stubs do not know it
    return error
