"""A small writer of SVG charts: panels below each other, each with a few lines over one common axis."""

from collections.abc import Callable, Sequence
from html import escape
from math import log10
from typing import NamedTuple

WIDTH, PANEL_HEIGHT = 760, 170
LEFT, RIGHT, TOP, GAP = 90, 150, 50, 34
COLOURS = ("#1b6ca8", "#c8553d", "#4c8c4a", "#7a5195")
STYLE = (
    "text{font:12px sans-serif;fill:#333} .title{font:bold 15px sans-serif} .panel{font:bold 12px sans-serif}"
    " .grid{stroke:#ddd} .axis{stroke:#888} @media (prefers-color-scheme:dark){text{fill:#ddd}"
    " .grid{stroke:#444}}"
)


class Line(NamedTuple):
    """One named row of points."""

    name: str
    points: Sequence[tuple[float, float]]


class Panel(NamedTuple):
    """Lines of one unit."""

    title: str
    lines: Sequence[Line]
    logarithmic: bool = False


class Scale:
    """Values to pixels."""

    def __init__(self, values: Sequence[float], begin: float, end: float, *, logarithmic: bool) -> None:
        self._of: Callable[[float], float] = _logarithm if logarithmic else float
        self._logarithmic = logarithmic
        low, high = min(values, default=0.0), max(values, default=1.0)
        self.low = low if logarithmic else min(0.0, low)
        self.high = high if high > self.low else self.low + 1.0
        self._begin, self._end = begin, end

    def __call__(self, value: float) -> float:
        share = (self._of(value) - self._of(self.low)) / (self._of(self.high) - self._of(self.low) or 1.0)
        return self._begin + share * (self._end - self._begin)

    def ticks(self) -> list[float]:
        if not self._logarithmic:
            return [self.low + (self.high - self.low) * quarter / 4 for quarter in range(5)]
        decades = range(round(_logarithm(self.low)), round(_logarithm(self.high)) + 1)
        return [10.0**decade for decade in decades if self.low <= 10.0**decade <= self.high] or [
            self.low,
            self.high,
        ]


def draw(title: str, below: str, panels: Sequence[Panel], *, logarithmic: bool = False) -> str:
    """The whole chart as text. `below` names the common axis, which `logarithmic` speaks of."""
    xs = [x for panel in panels for line in panel.lines for x, _ in line.points]
    across = Scale(xs, LEFT, WIDTH - RIGHT, logarithmic=logarithmic)
    height = TOP + len(panels) * (PANEL_HEIGHT + GAP) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="22">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, across, TOP + number * (PANEL_HEIGHT + GAP))
    parts.append(f'<text x="{LEFT}" y="{height - 6}">{escape(below)}</text></svg>')
    return "\n".join(parts) + "\n"


def _panel(panel: Panel, across: Scale, top: float) -> list[str]:
    bottom = top + PANEL_HEIGHT - 20
    values = [y for line in panel.lines for _, y in line.points]
    upward = Scale(values, bottom, top + 12, logarithmic=panel.logarithmic)
    parts = [f'<text class="panel" x="{LEFT}" y="{top}">{escape(panel.title)}</text>']
    for tick in upward.ticks():
        y = upward(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    for tick in across.ticks():
        x = across(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{short(tick)}</text>')
    for number, line in enumerate(panel.lines):
        parts += _line(line, across, upward, COLOURS[number % len(COLOURS)])
    return parts


def _line(line: Line, across: Scale, upward: Scale, colour: str) -> list[str]:
    path = " ".join(f"{across(x):.1f},{upward(y):.1f}" for x, y in line.points)
    end = upward(line.points[-1][1]) if line.points else 0.0
    return [
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>',
        f'<text x="{WIDTH - RIGHT + 8}" y="{end + 4:.1f}" style="fill:{colour}">{escape(line.name)}</text>',
    ]


def short(value: float) -> str:
    """A figure of at most four characters and a letter."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _logarithm(value: float) -> float:
    return log10(max(value, 1e-6))
