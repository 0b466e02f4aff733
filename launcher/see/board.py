"""The screen of `top`: which rows are shown, and what a key does. It reads no terminal and asks nobody."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from ...domain.line import cut, escaped, one_line
from ...domain.read_model.dissent import dissent
from ...domain.rules.aggregate import Status
from .nodes import node_line

if TYPE_CHECKING:
    from ...client.answers import RemoteStatus, TargetRow

WORST_FIRST = (Status.DOWN, Status.DEGRADED, Status.UNKNOWN, Status.PAUSED, Status.UP)
STYLES = {
    Status.DOWN: "bold red",
    Status.DEGRADED: "yellow",
    Status.UNKNOWN: "dim",
    Status.PAUSED: "dim",
    Status.UP: "green",
}
STATUS_WIDTH, AGE_WIDTH, LATENCY_WIDTH = 8, 5, 10
NAME_WIDTH_MAX = 32
OWN_LINES_MAX = 4
"""The lines for nodes and problems, between the head and the targets."""
WIDE = 60
"""From this width on a row has its latency and its finding, too."""
FIND_CHARACTERS_MAX = 64
HELP = "q quit  / find  s sort  a ack  z silence 1h  enter evidence"


class Order(NamedTuple):
    """Something that a key asks for, about one target."""

    verb: str
    """`ack`, `silence` or `evidence`."""
    target: str


class Sort(Enum):
    """The orders of rows, as `s` goes through them."""

    WORST = "worst"
    NAME = "name"
    SLOWEST = "slowest"


class Board:
    """The state of the screen: the newest status, the chosen row, the text to find, the order, and what was said last."""

    def __init__(self) -> None:
        self.status: RemoteStatus | None = None
        self.problem = ""
        """Why it is not live; empty while it is."""
        self.said = ""
        """The answer to the last command."""
        self.evidence: list[str] | None = None
        """The lines that take the place of the rows; None for the rows."""
        self.sort = Sort.WORST
        self.find = ""
        self.is_finding = False
        self.is_over = False
        self._chosen: str | None = None
        self._top = 0

    def rows(self) -> "list[TargetRow]":
        """Returns the rows that fit what is looked for, in order."""
        if self.status is None:
            return []
        wanted = self.find.casefold()
        found = [
            row for row in self.status.targets if wanted in f"{row.id}\n{row.name}\n{row.group}".casefold()
        ]
        return sorted(found, key=_KEYS[self.sort])

    def press(self, key: str) -> Order | None:
        """Takes a key: a character, or the name of another key. Returns what it asks for."""
        if self.is_finding:
            self._edit(key)
            return None
        if self.evidence is not None:
            self._scroll(key)
            return None
        match key:
            case "q":
                self.is_over = True
            case "/":
                self.is_finding, self.find = True, ""
            case "escape":
                self.find = ""
            case "s":
                orders = list(Sort)
                self.sort = orders[(orders.index(self.sort) + 1) % len(orders)]
            case "up" | "k":
                self._move(-1)
            case "down" | "j":
                self._move(1)
            case "a" | "z" | "enter":
                return self._order({"a": "ack", "z": "silence", "enter": "evidence"}[key])
            case _:
                pass
        return None

    def _edit(self, key: str) -> None:
        if key in {"enter", "escape"}:
            self.is_finding = False
            self.find = "" if key == "escape" else self.find
        elif key == "backspace":
            self.find = self.find[:-1]
        elif len(key) == 1 and key.isprintable():
            self.find = (self.find + key)[:FIND_CHARACTERS_MAX]

    def _scroll(self, key: str) -> None:
        if key in {"q", "escape", "enter"}:
            self.evidence, self._top = None, 0
        elif key in {"up", "k"}:
            self._top = max(0, self._top - 1)
        elif key in {"down", "j"} and self.evidence:
            self._top = min(self._top + 1, len(self.evidence) - 1)

    def _move(self, by: int) -> None:
        names = [row.id for row in self.rows()]
        if names:
            at = names.index(self._chosen) if self._chosen in names else 0
            self._chosen = names[max(0, min(at + by, len(names) - 1))]

    def chosen(self) -> "TargetRow | None":
        """Returns the chosen row, the first one unless another was chosen; None without rows."""
        rows = self.rows()
        return next((row for row in rows if row.id == self._chosen), rows[0] if rows else None)

    def _order(self, verb: str) -> Order | None:
        row = self.chosen()
        if row is None:
            return None
        if verb == "ack" and not row.open_incidents:
            self.said = f"{row.id} has no open incident"
            return None
        self.said = f"{verb} {row.id} ..."
        return Order(verb, row.id)

    # The picture.

    def lines(self, width: int, height: int, now: datetime) -> list[tuple[str, str]]:
        """Returns `height` lines of at most `width` characters, each with its style."""
        above = [] if self.evidence is not None else self._own_lines(width, height)
        room = max(1, height - 2 - len(above))
        body = self._evidence_lines(room) if self.evidence is not None else self._row_lines(width, room, now)
        body += [("", "")] * (room - len(body))
        head = (self._head(now), "bold reverse" if self.problem else "bold")
        shown = [head, *above, *body, (self._foot(), "dim")]
        return [(cut(escaped(text), width), style) for text, style in shown]

    def _own_lines(self, width: int, height: int) -> list[tuple[str, str]]:
        """Returns what watchkeeper has to say of itself: its nodes, and its problems. On a low screen the targets come first."""
        if self.status is None:
            return []
        nodes, problems = self.status.nodes, self.status.problems
        is_well = all(node.alive and node.newest for node in nodes)
        line = node_line(nodes, self.status.at, width)
        lines = [(line, "dim" if is_well else "bold yellow")] if line else []
        lines += [(f"! {each.part}: {one_line(each.detail)}", "bold yellow") for each in problems]
        most = max(0, min(OWN_LINES_MAX, height // 4 - 1))
        return lines[:most]

    def _head(self, now: datetime) -> str:
        if self.problem:
            return f"NOT LIVE: {self.problem}"
        if self.status is None:
            return "asking ..."
        counts = dict.fromkeys(WORST_FIRST, 0)
        for row in self.status.targets:
            counts[status_of(row)] += 1
        states = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
        return f"{now:%H:%M:%S} UTC  {states or 'no targets'}"

    def _foot(self) -> str:
        if self.is_finding:
            return f"/{self.find}_"
        if self.evidence is not None:
            return "q back  up, down"
        found = f"/{self.find}  " if self.find else ""
        return found + (self.said or HELP)

    def _evidence_lines(self, room: int) -> list[tuple[str, str]]:
        return [(line, "") for line in (self.evidence or [])[self._top : self._top + room]]

    def _row_lines(self, width: int, room: int, now: datetime) -> list[tuple[str, str]]:
        rows, chosen = self.rows(), self.chosen()
        if not rows:
            return [("nothing is found" if self.find else "", "dim")]
        at = next(place for place, row in enumerate(rows) if row is chosen)
        first = max(0, min(at - room // 2, len(rows) - room))
        return [
            (_row_text(row, width, now, chosen=row is chosen), STYLES[status_of(row)])
            for row in rows[first : first + room]
        ]


def status_of(row: "TargetRow") -> Status:
    """Returns the status that a row shows."""
    return Status.PAUSED if row.paused else row.status


def _row_text(row: "TargetRow", width: int, now: datetime, *, chosen: bool) -> str:
    mark = ">" if chosen else " "
    age = _age((now - row.since).total_seconds())
    fixed = len(mark) + STATUS_WIDTH + AGE_WIDTH + 4
    name_width = max(8, min(NAME_WIDTH_MAX, width - fixed))
    text = f"{mark} {status_of(row).value:{STATUS_WIDTH}} {cut(one_line(row.id), name_width):{name_width}} {age:>{AGE_WIDTH}}"
    if width < WIDE:
        return text
    latency = "" if row.latency_ms is None else f"{row.latency_ms:.1f} ms"
    said = row.explanation or dissent(row.outcome, row.locations)
    return f"{text}  {latency:>{LATENCY_WIDTH}}  {one_line(said)}"


def _age(seconds: float) -> str:
    """Returns an age in its largest unit: `12m`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"


_KEYS: dict[Sort, Callable[[Any], Any]] = {
    Sort.WORST: lambda row: (WORST_FIRST.index(status_of(row)), -row.since.timestamp(), row.id),
    Sort.NAME: lambda row: row.id,
    Sort.SLOWEST: lambda row: (-(row.latency_ms or 0.0), row.id),
}
