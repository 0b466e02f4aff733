"""The status of a span of time as one strip: what was up, what was lost, and what was not seen."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from ....domain.units import NS_PER_DAY, NS_PER_S
from ..words import duration, percent
from .axis import Tick
from .frame import LEFT, RIGHT, WIDTH, Axis, time_labels
from .svg import element, picture

HEIGHT, BASE = 58.0, 38.0
_HIGH = 32.0


class Shown(StrEnum):
    """The state of a segment; a later one covers an earlier one."""

    NO_DATA = "none"
    UP = "up"
    BLIND = "blind"
    DEGRADED = "degraded"
    DOWN = "down"


WORDS = {
    Shown.NO_DATA: "no data",
    Shown.UP: "up",
    Shown.BLIND: "not seen",
    Shown.DEGRADED: "degraded",
    Shown.DOWN: "down",
}
_HEIGHTS = {Shown.NO_DATA: 2.0, Shown.UP: 7.0, Shown.BLIND: 13.0, Shown.DEGRADED: 20.0, Shown.DOWN: _HIGH}
"""Calm is low water, trouble stands tall."""
_ORDER = tuple(Shown)
NARROWEST = 2.0
"""An outage of a second in a year is still seen: lost time is at least so wide."""


_HATCH = element(
    "defs",
    element(
        "pattern",
        element("path", d="M-1 1L1 -1M0 5L5 0M4 6L6 4"),
        id="hatch",
        class_="hatch",
        width=5,
        height=5,
        patternUnits="userSpaceOnUse",
    ),
)


class Stretch(NamedTuple):
    """A span of wall time in one state, half open."""

    since_ns: int
    until_ns: int
    state: Shown


def segments(stretches: Iterable[Stretch], since_ns: int, until_ns: int) -> tuple[Stretch, ...]:
    """Returns the states of a whole span, oldest first, without a gap; where stretches overlap the worst one counts."""
    cut = [
        Stretch(max(each.since_ns, since_ns), min(each.until_ns, until_ns), each.state) for each in stretches
    ]
    cut = [each for each in cut if each.since_ns < each.until_ns]
    bounds: dict[int, list[tuple[int, int]]] = {since_ns: [], until_ns: []}
    for each in cut:
        rank = _ORDER.index(each.state)
        bounds.setdefault(each.since_ns, []).append((rank, 1))
        bounds.setdefault(each.until_ns, []).append((rank, -1))
    open_, found = [0] * len(_ORDER), list[Stretch]()
    times = sorted(bounds)
    for begin_ns, end_ns in pairwise(times):
        for rank, step in bounds[begin_ns]:
            open_[rank] += step
        state = _ORDER[max((rank for rank, count in enumerate(open_) if count), default=0)]
        if found and found[-1].state is state:
            found[-1] = found[-1]._replace(until_ns=end_ns)
        else:
            found.append(Stretch(begin_ns, end_ns, state))
    return tuple(found)


def lengths_of(parts: Iterable[Stretch]) -> dict[Shown, int]:
    """Returns how long each state lasted, in nanoseconds; states that did not occur are left out."""
    lengths: dict[Shown, int] = {}
    for part in parts:
        lengths[part.state] = lengths.get(part.state, 0) + part.until_ns - part.since_ns
    return {state: lengths[state] for state in reversed(_ORDER) if state in lengths}


def summary(parts: Sequence[Stretch]) -> str:
    """Returns the strip in one sentence: `down 12 min, up 23 h 48`."""
    return ", ".join(f"{WORDS[state]} {duration(length)}" for state, length in lengths_of(parts).items())


def status_strip(parts: Sequence[Stretch], ticks: Sequence[Tick], label: str) -> Markup:
    """Returns the strip over a span that its segments fill, with the same axis of time as the chart beneath."""
    if not parts:
        return Markup()
    axis = Axis(parts[0].since_ns, parts[-1].until_ns)
    # The tall ones come last, so that a short outage is not painted over by what surrounds it.
    drawn = sorted(parts, key=lambda part: _ORDER.index(part.state))
    bars = [_bar(part, axis) for part in drawn]
    line = element("line", class_="ax", x1=LEFT, y1=BASE + 0.5, x2=RIGHT, y2=BASE + 0.5)
    texts = time_labels(ticks, axis, HEIGHT - 4)
    return picture("chart strip", WIDTH, HEIGHT, label, [_HATCH, line, *bars, *texts])


def _bar(part: Stretch, axis: Axis) -> Markup:
    begin, end = axis.x(part.since_ns), axis.x(part.until_ns)
    if part.state not in (Shown.UP, Shown.NO_DATA):
        end = min(RIGHT, max(end, begin + NARROWEST))
        begin = min(begin, end - NARROWEST)
    height = _HEIGHTS[part.state]
    fill = "url(#hatch)" if part.state is Shown.BLIND else None
    said = f"{WORDS[part.state]} for {duration(part.until_ns - part.since_ns)}"
    return element(
        "rect",
        element("title", said),
        class_=f"st-{part.state.value}",
        x=begin,
        y=BASE - height,
        width=end - begin,
        height=height,
        fill=fill,
    )


def seen_share(parts: Sequence[Stretch]) -> str:
    """Returns how much of a span has data, in percent."""
    lengths = lengths_of(parts)
    whole = sum(lengths.values())
    unseen = lengths.get(Shown.NO_DATA, 0) + lengths.get(Shown.BLIND, 0)
    return percent(1 - unseen / whole if whole else None)


def span_text(length_ns: int) -> str:
    """Returns the name of a span: `1 h`, `24 h`, `90 d`, `1 y`."""
    if length_ns >= 365 * NS_PER_DAY:
        return f"{length_ns // (365 * NS_PER_DAY)} y"
    if length_ns > NS_PER_DAY:
        return f"{length_ns // NS_PER_DAY} d"
    return f"{length_ns // (3_600 * NS_PER_S)} h"
