"""The files on which a configuration depends, as they were when it was read."""

from collections.abc import Iterator
from glob import iglob
from itertools import islice
from pathlib import Path as FilePath
from typing import NamedTuple

from ....domain import limits

State = tuple[int, ...] | None
"""Figures that change with the content of a file; None for one that is not there."""

ENDINGS = (".yaml", ".yml")
"""The files of a folder that are included end so."""
_WILD = frozenset("*?[")


class SeenFile(NamedTuple):
    """A file that was read or asked for, and its state before."""

    path: FilePath
    state: State


class ConsultedFiles(NamedTuple):
    """Every file that was read or looked for; what is wrong with a configuration may be the absence of one of them."""

    files: tuple[SeenFile, ...] = ()
    searches: tuple["Search", ...] = ()

    @property
    def read(self) -> tuple[object, ...]:
        """The value that `now` had while the files were read."""
        return (*(file.state for file in self.files), *(search.names for search in self.searches))

    def now(self) -> tuple[object, ...]:
        """Returns a value that equals `read` as long as no file has changed, come or gone. Blocks for a look at each."""
        states = (state_of(file.path) for file in self.files)
        return (*states, *(found(search.folder, search.entry) for search in self.searches))


class Search(NamedTuple):
    """A folder, what was looked for in it, and the names of the files that were found."""

    folder: FilePath
    entry: str
    names: tuple[str, ...]


def seen(path: FilePath) -> SeenFile:
    """Returns a file that is about to be read."""
    return SeenFile(path, state_of(path))


def state_of(path: FilePath) -> State:
    """Returns the state of a file now."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev


def found(folder: FilePath, entry: str) -> tuple[str, ...]:
    """Returns the names of the files that an entry stands for, from the folder; a plain name of no folder stands for itself."""
    place = folder / entry
    try:
        if place.is_dir():
            inside = (each.name for each in place.iterdir() if _is_meant(each))
            return tuple(sorted(str(FilePath(entry) / name) for name in _some(inside)))
        if _WILD.isdisjoint(entry) or place.exists():
            return (entry,)
        # Of the module, whose patterns leave hidden files out.
        names = _some(iglob(entry, root_dir=folder))  # noqa: PTH207
        return tuple(sorted(name for name in names if (folder / name).is_file()))
    except (OSError, ValueError):
        return (entry,)


def _is_meant(file: FilePath) -> bool:
    return file.suffix in ENDINGS and not file.name.startswith(".") and file.is_file()


def _some(names: Iterator[str]) -> list[str]:
    """Returns no more names than tell that there are too many."""
    return list(islice(names, limits.INCLUDED_FILES_MAX + 1))
