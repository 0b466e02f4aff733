"""Paths into JSON: `a.b[0].c`, `[0].id`, `rows[1][2]`."""

import re
from enum import Enum
from typing import Any, Final

from ..limits import JSON_STEPS_MAX
from .parse_error import ParseError

JsonPath = tuple[str | int, ...]
"""Keys of objects and indexes of arrays, outermost first."""

_KEY = re.compile(r"[^.\[\]]+")
_INDEX = re.compile(r"\[([0-9]+)\]")


class PathNotFound(Enum):
    """The answer of a path that leads nowhere; None is JSON's null."""

    NOWHERE = "nowhere"


NOWHERE: Final = PathNotFound.NOWHERE


def parse_path(text: str) -> JsonPath:
    """Returns the steps of a path, which may begin with a dot.

    Raises: ParseError with the fault and its position.
    """
    steps: list[str | int] = []
    position = 1 if text.startswith(".") else 0
    while True:
        position = _segment(text, position, steps)
        if position == len(text):
            return tuple(steps)
        if text[position] != ".":
            raise ParseError("the path needs a dot between two names", position)
        position += 1


def find(document: Any, path: JsonPath) -> Any:
    """Returns the value at the path, or NOWHERE."""
    for step in path:
        if isinstance(step, str):
            if not isinstance(document, dict) or step not in document:
                return NOWHERE
        elif not isinstance(document, list) or step >= len(document):
            return NOWHERE
        document = document[step]
    return document


def _segment(text: str, position: int, steps: list[str | int]) -> int:
    start = position
    if key := _KEY.match(text, position):
        steps.append(key[0])
        position = key.end()
    while index := _INDEX.match(text, position):
        steps.append(int(index[1]))
        position = index.end()
    if text.startswith(("[", "]"), position):
        raise ParseError("an index is a number in brackets, such as [0]", position)
    if position == start:
        raise ParseError("the path has an empty name", position)
    if len(steps) > JSON_STEPS_MAX:
        raise ParseError(f"the path has more than {JSON_STEPS_MAX} steps", start)
    return position
