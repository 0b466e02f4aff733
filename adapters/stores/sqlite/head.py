"""How far the record goes, known inside the database and once more beside it."""

import fcntl
import os
from pathlib import Path

import msgspec

from ....domain.errors import StoreCorrupt
from .files import open_beside

_HEAD_BYTES_MAX = 4 * 1024
"""A head has some hundred bytes."""


class HeadDisagrees(StoreCorrupt):
    """The database ends before the head beside it, or otherwise; what it has may be sound."""


class CommitsLost(HeadDisagrees):
    """The database ends before the head beside it."""


class Head(msgspec.Struct, frozen=True):
    """The last link, and a count. The copy beside the database is what shows that a tail of it was lost."""

    epoch: int
    position: int
    hash: bytes
    writes: int = 0
    """Commits of more than samples. Not all of them add a link, and SQLite does not notice a lost tail of its WAL."""


def read_head(path: str) -> Head | None:
    """Returns the head beside the store at `path`; None without one, as for a store that was moved here.

    Raises: HeadDisagrees for a head file that cannot be read; StoreError for a link in its place.
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
        raise HeadDisagrees(f"{path}-head is unreadable: {error}") from error


def write_head(path: str, head: Head) -> None:
    """Replaces the head beside the store at one stroke. Only ever after the commit that it speaks of."""
    replace_file(f"{path}-head", msgspec.json.encode(head))


def replace_file(path: str, content: bytes) -> None:
    """Replaces a small file beside a store at one stroke; a reader finds the former content or the new one."""
    draft = Path(f"{path}.new")
    # A new file each time: what a crash left, or somebody else laid there, is neither followed nor written to.
    draft.unlink(missing_ok=True)
    descriptor = open_beside(str(draft), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    try:
        # On a full disk the first write takes what fits, and only the next one fails.
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        make_durable(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)


def make_durable(descriptor: int) -> None:
    """Returns once the bytes are on the medium: on macOS fsync(2) returns when they are in the drive's own memory."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def make_path_durable(path: str) -> int:
    """Returns the size of a file, or of a folder, once it is on the medium."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        make_durable(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
