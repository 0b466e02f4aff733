"""The place of the store: the path at which the next start looks for the file that is open now."""

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
