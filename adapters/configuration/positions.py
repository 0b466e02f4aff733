"""Where in the text each path stands: read again, only when there is something to tell."""

from collections.abc import Collection
from typing import Any

import yaml

from ...domain.limits import CONFIGURATION_DEPTH_MAX
from ...domain.specification.problem import Path, Problem
from .document import DocumentFault, Parser

Position = tuple[int, int]


def located(text: str, problems: Collection[Problem]) -> tuple[DocumentFault, ...]:
    """Each problem with its line and column; where its path does not stand in the text, those of what holds it."""
    wanted = {problem.path[:length] for problem in problems for length in range(len(problem.path) + 1)}
    finder = _Finder(text, wanted)
    finder.find()
    return tuple(DocumentFault(*finder.place(problem), problem) for problem in problems)


class _Finder:
    """Walks the events once and remembers the places of the wanted paths."""

    def __init__(self, text: str, wanted: set[Path]) -> None:
        self._wanted = wanted
        self._keys: dict[Path, Position] = {}
        self._values: dict[Path, Position] = {}
        self._parser = Parser(text)

    def find(self) -> None:
        try:
            self._next()
            if isinstance(self._next(), yaml.DocumentStartEvent):
                self._node(self._next(), ())
        except yaml.YAMLError:
            return  # Values behind a syntax error have no place; JSON that YAML cannot read ends here too.

    def place(self, problem: Problem) -> Position:
        if problem.at_key and problem.path in self._keys:
            return self._keys[problem.path]
        path = problem.path
        while path and path not in self._values:
            path = path[:-1]
        return self._values.get(path, (1, 1))

    def _next(self) -> Any:
        return self._parser.get_event()

    def _node(self, event: Any, path: Path) -> None:
        self._values.setdefault(path, _start(event))
        if isinstance(event, yaml.MappingStartEvent):
            self._mapping(path)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._sequence(path)

    def _mapping(self, path: Path) -> None:
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise yaml.YAMLError("a key that is no text ends the search")
            below = (*path, event.value)
            if below in self._wanted:
                self._keys.setdefault(below, _start(event))
            self._child(below)

    def _sequence(self, path: Path) -> None:
        at = 0
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            self._child((*path, at), event)
            at += 1

    def _child(self, path: Path, event: Any = None) -> None:
        event = event or self._next()
        if path in self._wanted:
            self._node(event, path)
        else:
            self._skip(event)

    def _skip(self, event: Any) -> None:
        """Past a value that nobody asked about."""
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth == 0:
                return
            if depth > CONFIGURATION_DEPTH_MAX:
                raise yaml.YAMLError(
                    "nested too deeply ends the search: libyaml's time grows with its square"
                )
            event = self._next()


def _start(event: Any) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1
