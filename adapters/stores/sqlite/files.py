"""Files that are not ours: told from a store, and from what lies beside one, before anything is written."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from ....domain.errors import StoreCorrupt, StoreError

_DATABASE_BYTES_MIN = 512
"""The smallest page of SQLite. A file of one byte is to SQLite an empty database, which it overwrites."""


@contextmanager
def told_from_others(path: str) -> Iterator[None]:
    """Refuses a file that is no database, around its first reading.

    Its kind and size are asked by name: closing a descriptor of it would end the locks that SQLite holds on it in this
    process.

    Raises: StoreError for such a file; StoreCorrupt where a head lies beside it, because then it was a store.
    """
    refuse_devices(path)
    if 0 < _size(path) < _DATABASE_BYTES_MIN:
        raise _no_store(path)
    try:
        yield
    except apsw.NotADBError as error:
        raise _no_store(path) from error


def real_path(path: str) -> str:
    """The path without links; one whose links lead in a circle stays as it is, for `refuse_devices`."""
    try:
        return str(Path(path).resolve())
    except (OSError, RuntimeError):
        # Python 3.13 raises nothing.
        return str(Path(path).absolute())


def refuse_devices(path: str) -> None:
    """Refuses what is no regular file, before a lock is laid beside it. Raises: StoreError."""
    found = Path(path)
    try:
        found.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreError(f"{path} is no path: a link in it leads to itself") from error
    if found.exists() and not stat.S_ISREG(found.stat().st_mode):
        raise StoreError(f"{path} is a folder, a device or a pipe: a store needs a file")


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        return 0


def _no_store(path: str) -> StoreError:
    if Path(f"{path}-head").exists():
        return StoreCorrupt(f"{path} is not a database any more")
    return StoreError(f"{path} is no watchkeeper store; nothing in it was touched")


def create_own(path: str) -> None:
    """Creates a file that no other user may read, where none lies there; opens no other file."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))


def open_beside(path: str, flags: int) -> int:
    """Opens a file beside the store, made with mode 0600, and never through a link that somebody else has laid there.

    Raises: StoreError for a link and for what is no regular file.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreError(f"{path} is a link to another file: remove it") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StoreError(f"{path} is a folder, a device or a pipe: a store needs a file")
    return descriptor


def require_own(path: str, descriptor: int, database: str) -> None:
    """Makes a file beside the store ours alone. Raises: StoreError where neither we nor the store's owner own it."""
    owner = os.fstat(descriptor).st_uid
    if owner == os.geteuid():
        os.fchmod(descriptor, 0o600)
    elif not Path(database).exists() or owner != Path(database).stat().st_uid:
        raise StoreError(f"{path} belongs to another user: remove it")
