"""How far the record goes, known inside the database and once more beside it, and which file the database is."""

import fcntl
import os
from pathlib import Path
from typing import TypeAlias

import msgspec

from ....domain.errors import StoreCorrupt
from .files import open_beside

FileNumber: TypeAlias = tuple[int, int]
"""While a file is open nothing else can have its number, and SQLite goes on writing to it wherever it has gone."""


_HEAD_BYTES_MAX = 4 * 1024
"""A head has some hundred bytes."""


class Head(msgspec.Struct, frozen=True):
    """The last link, and a count. The copy beside the database is what shows that a tail of it was lost."""

    epoch: int
    position: int
    hash: bytes
    writes: int = 0
    """Commits of more than samples. Not all of them add a link, and SQLite does not notice a lost tail of its WAL."""


def read_head(path: str) -> Head | None:
    """Returns the head beside the store at `path`; None without one, as for a store that was moved here.

    Raises: StoreCorrupt for a head file that cannot be read; StoreError for a link in its place.
    """
    try:
        descriptor = open_beside(f"{path}-head", os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(_HEAD_BYTES_MAX)
    try:
        return msgspec.json.decode(content, type=Head)
    except msgspec.MsgspecError as error:
        raise StoreCorrupt(f"{path}-head is unreadable: {error}") from error


def write_head(path: str, head: Head) -> None:
    """Replace the head beside the store at one stroke. Only ever after the commit that it speaks of."""
    draft = Path(f"{path}-head.new")
    # A new file each time: what a crash left, or somebody else laid there, is neither followed nor written to.
    draft.unlink(missing_ok=True)
    descriptor = open_beside(str(draft), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    try:
        os.write(descriptor, msgspec.json.encode(head))
        _make_durable(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(f"{path}-head")


def _make_durable(descriptor: int) -> None:
    """Return once the bytes are on the medium: on macOS fsync(2) returns when they are in the drive's own memory."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def file_problem(path: str, opened: FileNumber | None) -> str:
    """Returns a problem of the file that was opened and its remedy, empty while it is in place. Costs one stat."""
    if opened is None:
        return ""
    try:
        found = file_number(path)
    except OSError as error:
        what, way_out = f"{path} is gone ({error.strerror}): put it back", "begin a new one"
    else:
        if found == opened:
            return ""
        what = f"another file lies in the place of {path}: put the first one back"
        way_out = "go on with this one"
    return f"{what}, or stop, remove {path}-head and start again to {way_out}"


def require_known(path: str, outside: Head | None) -> None:
    """Refuses to create an empty file where a head knows of commits.

    SQLite would discard the log that may still lie beside an empty file, and with it the end of a file that is put back.

    Raises: StoreCorrupt where the file is missing and its head knows of commits.
    """
    if outside is not None and (outside.position or outside.writes) and not Path(path).exists():
        raise StoreCorrupt(
            f"{path} is gone, and {path}-head knows of {outside.writes} commits in it:"
            f" put it back, or remove {path}-head to begin a new one"
        )


def file_number(path: str) -> FileNumber:
    found = Path(path).stat()
    return found.st_dev, found.st_ino
