"""A copy of a store as of one moment, made while a runtime may write it: one file, verified before it has its name."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from ....domain.errors import StoreCorrupt, StoreError
from ....domain.public_value import PublicValue, moment_of
from .connection import explained
from .files import real_path
from .head import make_path_durable, read_head
from .lock import holder_of
from .reader import StoreReader

_BESIDE = ("", "-wal", "-shm", "-head", "-lock", "-journal")
"""The files that a database has."""
_OF_STORE = (*_BESIDE, ".sock", ".tokens")
"""The files of a store: a copy may take the place of none of them."""


class Backup(PublicValue, frozen=True, kw_only=True):
    """A finished copy of a store."""

    path: str
    size_bytes: int
    incidents: int
    open_incidents: int
    links: int
    """Links of the hash chain, each recomputed from the copy."""
    until_ns: int | None
    """Until when a runtime kept the record; None where none has run."""

    @property
    def until(self) -> datetime | None:
        """The same, in UTC."""
        return moment_of(self.until_ns)


def back_up(store: str, path: str, *, replace: bool = False) -> Backup:
    """Copies a store into one file with mode 0600, verifies the copy and makes it durable before it gets its name.

    Raises: StoreError without a store, for a place that is taken or cannot be written; StoreCorrupt for a copy that does not
        verify. A failure leaves nothing behind.
    """
    source, place = StoreReader(store), Path(path)
    with explained(f"copying {store} to {path}"):
        refuse_taken(real_path(store), place, replace=replace)
        # Read before the copy begins: the copy has at least what the head knows of.
        outside = read_head(real_path(store))
        with draft_of(place) as draft:
            source.copy_into(draft)
            copy = StoreReader(draft)
            verified = copy.verify(outside)
            if verified.problems:
                raise StoreCorrupt(
                    f"the copy of {store} does not verify: {verified.problems[0]}: run watchkeeper verify, which says what to do;"
                    f" nothing was written to {path}"
                )
            extent = copy.extent()
            size_bytes = make_path_durable(draft)
            Path(draft).replace(place)
            make_path_durable(str(place.absolute().parent))
    return Backup(path=path, size_bytes=size_bytes, links=verified.links, **msgspec.structs.asdict(extent))


def refuse_taken(store: str, place: Path, *, replace: bool) -> None:
    """Refuses a place that is not to be written to. Raises: StoreError."""
    taken = real_path(str(place))
    if taken in {f"{store}{suffix}" for suffix in _OF_STORE}:
        raise StoreError(f"{place} belongs to the store itself: name another file for its copy")
    if holder := holder_of(taken):
        raise StoreError(f"{holder} runs {place}: stop it first, or name another file for the copy")
    if not place.parent.is_dir():
        raise StoreError(f"there is no folder {place.parent} for the copy: make it first")
    if place.is_dir():
        raise StoreError(f"{place} is a folder: name the file for the copy")
    if place.exists() and not place.is_file():
        raise StoreError(f"{place} is a device, a socket or a pipe: name a file for the copy")
    if os.path.lexists(place) and not replace:
        raise StoreError(
            f"{place} is there already, and is left as it is: name another file, or replace it with --force (replace=True in Python)"
        )


@contextmanager
def draft_of(place: Path) -> Iterator[str]:
    """A new empty file of mode 0600 beside a place, which is removed unless it is renamed."""
    descriptor, draft = tempfile.mkstemp(prefix=f"{place.name}.", suffix=".new", dir=place.parent)
    os.close(descriptor)
    try:
        yield draft
    finally:
        for suffix in _BESIDE:
            Path(f"{draft}{suffix}").unlink(missing_ok=True)
