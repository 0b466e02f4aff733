"""How far the record goes: its last link and its commits, known inside the database and once more outside of it."""

import fcntl
import os
from pathlib import Path

import msgspec

from ....domain.errors import StoreCorrupt


class Head(msgspec.Struct, frozen=True):
    """The last link, and a count. The copy beside the database is what shows that a tail of it was lost."""

    epoch: int
    position: int
    hash: bytes
    writes: int = 0
    """Commits of more than samples. Not all of them add a link, and SQLite does not notice a lost tail of its WAL."""


def read_head(path: str) -> Head | None:
    """Returns the head beside the store at `path`; None without one, as for a store that was moved here.

    Raises: StoreCorrupt for a head file that cannot be read.
    """
    try:
        content = Path(f"{path}-head").read_bytes()
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(content, type=Head)
    except msgspec.MsgspecError as error:
        raise StoreCorrupt(f"{path}-head is unreadable: {error}") from error


def write_head(path: str, head: Head) -> None:
    """Replace the head beside the store at one stroke. Only ever after the commit that it speaks of."""
    draft = Path(f"{path}-head.new")
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
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
