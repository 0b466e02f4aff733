"""The phases of attempts, stacked: where the time of each went."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from ....domain.units import NS_PER_MS
from ..words import latency
from .axis import milliseconds_text, round_top
from .svg import element, picture

PHASES = (
    ("dns_ns", "name"),
    ("connect_ns", "connect"),
    ("tls_ns", "TLS"),
    ("first_byte_ns", "first byte"),
    ("transfer_ns", "transfer"),
)
"""The fields of an attempt's phases in their order, and their words."""
WIDTH, LEFT, RIGHT, ROW = 740.0, 132.0, 728.0, 24.0


class PhaseRow(NamedTuple):
    """One attempt with its phases."""

    label: str
    phases: Any
    """The `Phases` of its sample."""

    @property
    def parts(self) -> list[tuple[str, int]]:
        """The words and lengths of the phases that happened."""
        found = ((word, getattr(self.phases, field)) for field, word in PHASES)
        return [(word, length_ns) for word, length_ns in found if length_ns is not None]

    @property
    def total_ns(self) -> int:
        return sum(length_ns for _, length_ns in self.parts)

    @property
    def said(self) -> str:
        """The phases in words: `name 1.2 ms, connect 3.1 ms`."""
        return ", ".join(f"{word} {latency(length_ns)}" for word, length_ns in self.parts)


def phase_chart(rows: Sequence[PhaseRow]) -> Markup:
    """Returns a bar for each attempt, its phases in a row; nothing where none has any."""
    rows = [row for row in rows if row.parts]
    if not rows:
        return Markup()
    top_ms = round_top(max(row.total_ns for row in rows) / NS_PER_MS)
    height = len(rows) * ROW + 22
    children = [part for number, row in enumerate(rows) for part in _bar(row, number, top_ms)]
    for value in (0.0, top_ms / 2, top_ms):
        x = LEFT + value / top_ms * (RIGHT - LEFT)
        anchor = "start" if not value else "end" if value == top_ms else "middle"
        children.append(
            element("text", milliseconds_text(value), class_="value", x=x, y=height - 6, text_anchor=anchor)
        )
    label = "; ".join(f"{row.label}: {row.said}" for row in rows)
    return picture("chart phases", WIDTH, height, f"Phases: {label}", children)


def _bar(row: PhaseRow, number: int, top_ms: float) -> list[Markup]:
    y = number * ROW
    made = [element("text", row.label, x=LEFT - 8, y=y + 16, text_anchor="end")]
    x = LEFT
    for word, length_ns in row.parts:
        width = length_ns / NS_PER_MS / top_ms * (RIGHT - LEFT)
        title = element("title", f"{word} {latency(length_ns)}")
        place = next(at for at, (_, each) in enumerate(PHASES) if each == word)
        made.append(
            element("rect", title, class_=f"ph{place}", x=x, y=y + 5, width=max(0.0, width), height=14)
        )
        x += width
    return made
