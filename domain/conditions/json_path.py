"""Paths into JSON: `a.b[0].c`, `[0].id`, `rows[1][2]`."""

import re
from typing import Any

from msgspec import UNSET

from ..limits import JSON_STEPS_MAX
from .parse_error import ParseError

JsonPath = tuple[str | int, ...]
"""Keys of objects and indexes of arrays, outermost first."""

_STEP = re.compile(r"(\.?)(?:([^.\[\]]+)|\[([0-9]+)\])")


def parse_path(text: str) -> JsonPath:
    """Returns the steps of a path, which may begin with a dot.

    Raises: ParseError with the fault and its position.
    """
    steps: list[str | int] = []
    position = 0
    while not steps or position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            raise _no_step(text, position)
        dot, key, index = step.groups()
        if key and position and not dot:
            raise ParseError("the path needs a dot between two names", position)
        if len(steps) == JSON_STEPS_MAX:
            raise ParseError(f"the path has more than {JSON_STEPS_MAX} steps", position + len(dot))
        steps.append(key or int(index))
        position = step.end()
    return tuple(steps)


def find(document: Any, path: JsonPath) -> Any:
    """Returns the value at the path, or UNSET where it leads nowhere; None is JSON's null."""
    for step in path:
        if isinstance(step, str):
            if not isinstance(document, dict) or step not in document:
                return UNSET
        elif not isinstance(document, list) or step >= len(document):
            return UNSET
        document = document[step]
    return document


def _no_step(text: str, position: int) -> ParseError:
    position += text.startswith(".", position)
    if text.startswith(("[", "]"), position):
        return ParseError("an index is a number in brackets, such as [0]", position)
    return ParseError("the path has an empty name", position)
