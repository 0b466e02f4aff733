"""Included files: found from the folder of the file that names them, each read once, under caps for all together."""

import os
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from ....domain import limits
from ....domain.line import escaped
from ....domain.specification.construction.shape import UNREADABLE
from ....domain.specification.problem import Path, Problem, quoted
from ..document import DocumentFault, parse
from .consulted import Search, SeenFile, found, seen
from .keys import INCLUDE
from .reading import ReadingFault, text_in
from .source import ConfigurationSource, ReuseFault


class Gathered(NamedTuple):
    """The file itself and all that it includes."""

    sources: tuple[ConfigurationSource, ...]
    faults: tuple[ReuseFault, ...]
    unread: tuple[DocumentFault, ...]
    """Files that cannot be read, each with its own place."""
    files: tuple[SeenFile, ...]
    """The included files, also those that could not be read."""
    searches: tuple[Search, ...]
    empty: tuple[tuple[int, Path], ...]
    """The entries that name a folder or a pattern without a file."""

    @property
    def is_whole(self) -> bool:
        """Whether every source was read to its end."""
        unread = any(source.document.data is UNREADABLE for source in self.sources)
        return not (unread or self.faults or self.unread)


def gather(root: ConfigurationSource, file: FilePath | None = None) -> Gathered:
    """Returns a source with all that it includes; `file` is where it was read, so that it cannot include itself."""
    gathering = _Gathering(root, file)
    gathering.follow(0, ())
    return Gathered(
        tuple(gathering.sources),
        tuple(gathering.faults),
        tuple(gathering.unread),
        tuple(gathering.files),
        tuple(gathering.searches),
        tuple(gathering.empty),
    )


class _Gathering:
    """One pass over a file and those that it includes, in the order in which they are named."""

    def __init__(self, root: ConfigurationSource, file: FilePath | None) -> None:
        """The root is a source already; a text without a file can be included by none."""
        self.sources = [root]
        self.faults: list[ReuseFault] = []
        self.unread: list[DocumentFault] = []
        self.files: list[SeenFile] = []
        self.searches: list[Search] = []
        self.empty: list[tuple[int, Path]] = []
        self._is_full = False
        """Whether it has been told that the files are too many, or too large together."""
        self._size = root.document.size
        self._spent = len(root.text.encode(errors="replace")) if INCLUDE in root.entries else 0
        self._first: dict[str, str] = {} if file is None else {os.path.realpath(file): root.name}

    def follow(self, number: int, above: tuple[str, ...]) -> None:
        """Reads what a source includes."""
        source = self.sources[number]
        stated = source.entries.get(INCLUDE, [])
        entries = [((INCLUDE,), stated)] if isinstance(stated, str) else self._entries(stated, number)
        for path, entry in entries:
            if entry is UNREADABLE:
                continue
            if not isinstance(entry, str) or not entry or "\0" in entry:
                self._tell(
                    number,
                    path,
                    "expected the name of a file or a folder, or a pattern like targets.d/*.yaml",
                )
            elif "${" in entry:
                self._tell(number, path, "takes no variables: write the name of the file")
            elif len(above) >= limits.INCLUDE_LEVELS_MAX:
                self._tell(
                    number, path, f"files include each other over {limits.INCLUDE_LEVELS_MAX} levels at most"
                )
            else:
                self._include(entry, number, path, above)

    def _entries(self, stated: Any, number: int) -> list[tuple[Path, Any]]:
        if stated is UNREADABLE:
            return []
        if not isinstance(stated, list):
            self._tell(number, (INCLUDE,), "expected a list of files, folders and patterns")
            return []
        return [((INCLUDE, at), entry) for at, entry in enumerate(stated)]

    def _include(self, entry: str, number: int, path: Path, above: tuple[str, ...]) -> None:
        source = self.sources[number]
        names = found(source.folder, entry)
        self.searches.append(Search(source.folder, entry, names))
        if not names:
            self.empty.append((number, path))
        for name in names:
            if self._is_full:
                return
            if len(self.files) >= limits.INCLUDED_FILES_MAX:
                most = f"{limits.INCLUDED_FILES_MAX:,}"
                self._tell(number, path, f"{most} files are the most that one configuration includes")
                self._is_full = True
                return
            self._read(name, number, path, above)

    def _read(self, name: str, number: int, path: Path, above: tuple[str, ...]) -> None:
        source = self.sources[number]
        file = source.folder / name
        shown = escaped(os.path.join(os.path.dirname(source.name), name))  # noqa: PTH118, PTH120  # of texts, not of files
        real = os.path.realpath(file)
        if real in self._first:
            is_circle = real in above or self._first[real] == self.sources[0].name
            other = "" if self._first[real] == shown else f", as {self._first[real]}"
            said = "includes itself" if is_circle else f"is included already{other}"
            self._tell(number, path, f"{quoted(name)} {said}: name each file once")
            return
        self._first[real] = shown
        self.files.append(seen(file))
        if file.exists() and not file.is_file():
            self._tell(number, path, f"{quoted(name)} is a device or a pipe: name a file")
            return
        try:
            text = text_in(file, self._spent)
        except ReadingFault as fault:
            if file.is_file() and os.access(file, os.R_OK):
                self.unread.append(DocumentFault(fault.line, fault.column, Problem((), str(fault)), shown))
            else:
                self._tell(number, path, f"{quoted(name)}: {fault}")
            return
        self._spent += len(text.encode(errors="replace"))
        document = parse(text, self._size)
        self._size = document.size
        self._is_full |= document.size.exceeds
        self.sources.append(ConfigurationSource(shown, file.parent, text, document))
        self.follow(len(self.sources) - 1, (*above, real))

    def _tell(self, number: int, path: Path, text: str) -> None:
        self.faults.append(ReuseFault(number, Problem(path, text)))
