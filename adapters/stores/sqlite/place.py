"""The place of the store: the path at which the next start looks for the file that is open now."""

from pathlib import Path

from ....domain.errors import StoreCorrupt
from .head import Head


class StoreFiles:
    """Remembers which file lay at a path when it was opened.

    While that file is open nothing else can have its number, and SQLite goes on writing to it wherever it has gone.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = _number(path)

    def problem(self) -> str:
        """Returns a problem of the file and its remedy, empty while the file is in place. Costs one stat."""
        try:
            found = _number(self._path)
        except OSError as error:
            what, way_out = f"{self._path} is gone ({error.strerror}): put it back", "begin a new one"
        else:
            if found == self._file:
                return ""
            what = f"another file lies in the place of {self._path}: put the first one back"
            way_out = "go on with this one"
        return f"{what}, or stop, remove {self._path}-head and start again to {way_out}"


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


def _number(path: str) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_dev, found.st_ino
