"""Changes of the files of a configuration, seen by looking at them again and again."""

from collections.abc import Callable

from ...adapters.configuration.reuse.consulted import ConsultedFiles


class FileChanges:
    """Looks whether the files are as they were read. A change counts once two looks in a row see the same: until then it is being written."""

    def __init__(self, consulted: Callable[[], ConsultedFiles]) -> None:
        """`consulted` gives the files of the newest reading, which may be others than before."""
        self._consulted = consulted
        self._last: tuple[object, ...] | None = None

    def is_due(self) -> bool:
        """Looks once. Returns whether the files are to be read again."""
        files = self._consulted()
        now = files.now()
        is_still, self._last = now == self._last, now
        return is_still and now != files.read
