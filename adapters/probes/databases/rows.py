"""The rows of a query as a body for conditions: JSON, with a bound of rows and of bytes."""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from ....domain.limits import BODY_BYTES, NUMBER_CHARACTERS_MAX, ROWS_MAX
from ....domain.observation.observation import Measurement, Observation
from ..course import AttemptCourse
from ..figures import figure_of

LIMIT_SLACK_MS = 100
"""How much later than the deadline that is."""
Cell: TypeAlias = "str | int | float | bool | None"


class Rows:
    """Takes rows until there are too many; what was taken is a whole document at any time."""

    def __init__(self) -> None:
        self._taken: list[str] = []
        self._bytes = 2
        self._figure: tuple[Measurement, ...] | None = None
        self.cut = False
        """Whether there were more than are kept: the rest need not be read."""

    def take(self, names: Sequence[str], cells: Sequence[Cell]) -> None:
        """Keeps a row, unless that makes too many. Of two columns of one name the last is kept."""
        if self._figure is None:
            self._figure = figure_of(cells[0]) if cells and not isinstance(cells[0], bool) else ()
        row = json.dumps(dict(zip(names, cells, strict=True)), ensure_ascii=False)
        self._bytes += len(row.encode()) + 2
        if len(self._taken) == ROWS_MAX or self._bytes > BODY_BYTES:
            self.cut = True
        else:
            self._taken.append(row)

    def observation(self, course: AttemptCourse) -> Observation:
        """The observation of a query that has given these rows."""
        body = f"[{', '.join(self._taken)}]".encode()
        return course.observation(body=body, body_cut=self.cut, measurements=self._figure or ())


def limit_ms_of(course: AttemptCourse) -> int:
    """Returns the milliseconds after which a server ends the query by itself: it notices no client that has left."""
    return int(course.remaining_s * 1_000) + LIMIT_SLACK_MS


def version_observation(course: AttemptCourse, version: str) -> Observation:
    """The observation of a login without a query."""
    return course.observation(body=json.dumps({"version": version[:200]}, ensure_ascii=False).encode())


def number_cell(text: str) -> Cell:
    """The number that a server has written as text; the text where JSON has no such number, such as NaN."""
    if len(text) > NUMBER_CHARACTERS_MAX:
        return text
    try:
        number: Any = int(text)
    except ValueError:
        try:
            number = float(text)
        except ValueError:
            return text
    return number if abs(number) < float("inf") else text
