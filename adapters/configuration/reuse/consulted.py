"""The files on which a configuration depends, and whether they are as they were."""

from pathlib import Path as FilePath
from typing import NamedTuple

from .including import found


class ConsultedFiles(NamedTuple):
    """Every file that was read or looked for; what is wrong with one of them may be its absence."""

    files: tuple[FilePath, ...] = ()
    searched: tuple[tuple[FilePath, str], ...] = ()
    """Folders, and the names and patterns that were looked for in them."""

    def state(self) -> tuple[object, ...]:
        """Returns a value that is equal as long as no file changes, comes or goes. Blocks for a look at each."""
        return (
            *(_state_of(file) for file in self.files),
            *(tuple(found(folder, entry)) for folder, entry in self.searched),
        )


def _state_of(file: FilePath) -> tuple[int, ...] | None:
    """Returns what changes with the content of a file; None for one that is not there."""
    try:
        seen = file.stat()
    except (OSError, ValueError):
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino, seen.st_dev
