"""Where in the text each path stands: read again, only when there is something to tell."""

from collections.abc import Collection
from typing import Any

from ...domain.specification.problem import Path, Problem
from .document import DocumentFault, DocumentReader

Position = tuple[int, int]


def located(text: str, problems: Collection[Problem]) -> tuple[DocumentFault, ...]:
    """Each problem with its line and column; where its path does not stand in the text, those of what holds it."""
    wanted = {problem.path[:length] for problem in problems for length in range(len(problem.path) + 1)}
    finder = _Finder(text, wanted)
    finder.read()
    return tuple(DocumentFault(*finder.place(problem), problem) for problem in problems)


class _Finder(DocumentReader):
    """Remembers the places of the wanted paths; what stands behind a fault that ends reading has none."""

    def __init__(self, text: str, wanted: set[Path]) -> None:
        super().__init__(text)
        self._wanted = wanted
        self._keys: dict[Path, Position] = {}
        self._values: dict[Path, Position] = {}

    def place(self, problem: Problem) -> Position:
        if problem.at_key and problem.path in self._keys:
            return self._keys[problem.path]
        path = problem.path
        while path and path not in self._values:
            path = path[:-1]
        return self._values.get(path, (1, 1))

    def _node(self, event: Any, depth: int) -> Any:
        self._remember(self._values, event, tuple(self._path[:depth]))
        return super()._node(event, depth)

    def _key(self, event: Any, depth: int, lines: dict[str, int]) -> str:
        key = super()._key(event, depth, lines)
        self._remember(self._keys, event, (*self._path[:depth], key))
        return key

    def _remember(self, places: dict[Path, Position], event: Any, path: Path) -> None:
        """Of a key that stands twice the first place counts."""
        if path in self._wanted:
            places.setdefault(path, (event.start_mark.line + 1, event.start_mark.column + 1))
