"""The place of a chart: its width, its axis of time, and the labels beneath it."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from .axis import Tick
from .svg import element

WIDTH, LEFT, RIGHT = 740.0, 46.0, 728.0
"""Units of a picture; the style sheet gives it the width of its column."""


class Axis(NamedTuple):
    """Times of a span as places from left to right."""

    since_ns: int
    until_ns: int

    def x(self, at_ns: int) -> float:
        """Returns the place of a time; one outside the span is at its edge."""
        share = (at_ns - self.since_ns) / max(1, self.until_ns - self.since_ns)
        return LEFT + min(1.0, max(0.0, share)) * (RIGHT - LEFT)


def time_labels(ticks: Sequence[Tick], axis: Axis, y: float) -> list[Markup]:
    """Returns the labels of times; one at an edge stays inside the picture."""
    within = [tick for tick in ticks if axis.since_ns <= tick.at <= axis.until_ns]
    # A phone shows every other one.
    return [_label(tick, axis, y, "tick" if at % 2 else "tick also") for at, tick in enumerate(within)]


def _label(tick: Tick, axis: Axis, y: float, kind: str) -> Markup:
    x = axis.x(tick.at)
    anchor = "start" if x - LEFT < 18 else "end" if RIGHT - x < 18 else "middle"
    return element("text", tick.label, class_=kind, x=x, y=y, text_anchor=anchor)
