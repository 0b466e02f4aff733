"""Where in the text each path stands: read again, only when there is something to tell."""

from collections.abc import Iterable
from typing import Any

from ...domain.limits import CONFIGURATION_DEPTH_MAX
from ...domain.specification.problem import Path, Problem
from .document import DocumentFault, DocumentReader

Position = tuple[int, int]
_LINKS_MAX = 4 * CONFIGURATION_DEPTH_MAX
"""Each level has two at most; a key that stands twice may lead round in a circle."""


class Places:
    """The places of some paths of one text, in line and column; of a path that does not stand there, those of what holds it."""

    def __init__(self, text: str, paths: Iterable[Path]) -> None:
        """Reads the text once more, and twice where it has aliases."""
        wanted = {path[:length] for path in paths for length in range(len(path) + 1)}
        self._finder = _Finder(text, wanted)
        self._finder.read()
        if self._finder.links:
            further = {self._followed(path)[0] for path in wanted}
            further = {path[:length] for path in further for length in range(len(path) + 1)}
            links = self._finder.links
            self._finder = _Finder(text, wanted | further)
            self._finder.read()
            self._finder.links = links

    def of(self, path: Path, *, at_key: bool = False) -> Position:
        """Returns where the value under a path stands, or its key."""
        path, _ = self._followed(path)
        if at_key and path in self._finder.keys:
            return self._finder.keys[path]
        while path and path not in self._finder.values:
            path = path[:-1]
        return self._finder.values.get(path, (1, 1))

    def source(self, path: Path) -> Path:
        """Returns the path at which the text has the value: another one for a value that comes by an alias."""
        return self._followed(path)[0]

    def use(self, path: Path) -> Position | None:
        """Returns where the alias stands by which a path has its value; None where the value itself does."""
        return self._followed(path)[1]

    def _followed(self, path: Path) -> tuple[Path, Position | None]:
        """Returns the path at which the text has the value, and the first alias on the way."""
        first = None
        for _ in range(_LINKS_MAX):
            found = self._link(path)
            if found is None:
                break
            length, source, at = found
            path, first = (*source, *path[length:]), first or at
        return path, first

    def _link(self, path: Path) -> tuple[int, Path, Position] | None:
        for length in range(len(path), 0, -1):
            if link := self._finder.links.get(path[:length]):
                return (length, *link)
        return None


def located(text: str, problems: Iterable[Problem]) -> tuple[DocumentFault, ...]:
    """Returns each problem of one text with its line and column."""
    found = tuple(problems)
    places = Places(text, (problem.path for problem in found))
    return tuple(DocumentFault(*places.of(each.path, at_key=each.at_key), each) for each in found)


class _Finder(DocumentReader):
    """Remembers the places of the wanted paths; what stands behind a fault that ends reading has none."""

    def __init__(self, text: str, wanted: set[Path]) -> None:
        super().__init__(text)
        self._wanted = wanted
        self.keys: dict[Path, Position] = {}
        self.values: dict[Path, Position] = {}
        self.links: dict[Path, tuple[Path, Position]] = {}
        """The path at which the text has the value of another path, and the alias or merge key that says so."""

    def _node(self, event: Any, depth: int) -> Any:
        self._remember(self.values, event, tuple(self._path[:depth]))
        return super()._node(event, depth)

    def _key(self, event: Any, depth: int, firsts: dict[str, Any]) -> str:
        key = super()._key(event, depth, firsts)
        self._remember(self.keys, event, (*self._path[:depth], key))
        return key

    def _linked(self, path: Path, source: Path, event: Any) -> None:
        self.links.setdefault(path, (source, _position(event)))

    def _remember(self, places: dict[Path, Position], event: Any, path: Path) -> None:
        """Of a key that stands twice the first place counts."""
        if path in self._wanted:
            places.setdefault(path, _position(event))


def _position(event: Any) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1
