"""The place of a store: which files it has open, and what has become of them."""

import os
from pathlib import Path
from typing import TypeAlias

from ....domain.errors import StoreCorrupt
from .head import Head

FileNumber: TypeAlias = tuple[int, int]
"""While a file is open nothing else can have its number, and SQLite goes on writing to it wherever it has gone."""


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

    Raises: StoreCorrupt where the file is missing or empty and its head knows of commits.
    """
    if outside is None or not (outside.position or outside.writes):
        return
    found = Path(path)
    if not found.exists() or not found.stat().st_size:
        raise StoreCorrupt(
            f"{path} is {'empty' if found.exists() else 'gone'},"
            f" and {path}-head knows of {outside.writes} commits in it:"
            f" put it back, or remove {path}-head to begin a new one"
        )


def file_number(path: str) -> FileNumber:
    found = Path(path).stat()
    return found.st_dev, found.st_ino


class OpenFiles:
    """The log and the index beside an open database, and its size: whether what is written now is found by the next start."""

    def __init__(self, path: str) -> None:
        self._database, self._log, self._index = (Path(f"{path}{suffix}") for suffix in ("", "-wal", "-shm"))
        self._numbers = {file: file_number(str(file)) for file in (self._database, self._log, self._index)}
        self._bytes = self._database.stat().st_size

    def has_log(self, log_bytes: int) -> bool:
        """Whether the log is in place with all bytes that are in use: one call of stat, before every commit."""
        found = self._in_place(self._log)
        return found is not None and found.st_size >= log_bytes

    def lost(self, log_bytes: int = 0) -> str:
        """Returns which file beside the database was removed or replaced; empty where all are in place and whole.

        A database that was itself moved is written on, and its files with it. `log_bytes` are in use in the log.

        Raises: OSError where the database or its log is shorter than it was: SQLite would leave a hole, and no later commit
        would be found again.
        """
        found = self._in_place(self._database)
        if found is None:
            return ""
        self._bytes = _whole(self._database, found, self._bytes)
        for file, least in ((self._log, log_bytes), (self._index, 0)):
            found = self._in_place(file)
            if found is None:
                return f"{file} was removed or replaced while the store was open"
            _whole(file, found, least)
        return ""

    def _in_place(self, file: Path) -> os.stat_result | None:
        try:
            found = file.stat()
        except OSError:
            return None
        return found if (found.st_dev, found.st_ino) == self._numbers[file] else None


def _whole(path: Path, found: os.stat_result, least: int) -> int:
    """Returns the size of a file. Raises: OSError where it is shorter than `least`."""
    if found.st_size < least:
        raise OSError(f"{path} was cut from {least} bytes to {found.st_size} while the store was open")
    return found.st_size
