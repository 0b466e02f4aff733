"""The strip of days: a place and classes for each day that was not calm, and the same in words."""

from datetime import date, timedelta
from typing import NamedTuple

from ....domain.read_model.days import DayRun, DayState, TargetDays
from ..words import duration, percent

_CLASSES = {DayState.DEGRADED: "w", DayState.DOWN: "d", DayState.BLIND: "u", DayState.NO_DATA: "n"}
"""The classes of the style sheet; a calm day is no element."""
WORDS = {
    DayState.CALM: "calm",
    DayState.DEGRADED: "degraded",
    DayState.DOWN: "down",
    DayState.BLIND: "not seen",
    DayState.NO_DATA: "no data",
}
_FIRST = date(1970, 1, 1)


class DayRow(NamedTuple):
    """Days of one state, in words."""

    when: str
    state: DayState
    said: str


def day_marks(days: TargetDays, since_day: int) -> list[tuple[int, str]]:
    """Returns the place of each run of days that were not calm, counted from the first day, and its classes.

    `h1` to `h5` are the heights of lost days, `s2` to `s90` the widths of runs.
    """
    return [(run.day - since_day, _classes_of(run)) for run in days.runs]


def _classes_of(run: DayRun) -> str:
    classes = _CLASSES[run.state]
    if run.level:
        classes += f" h{run.level}"
    return classes if run.length == 1 else f"{classes} s{run.length}"


def day_text(day: int) -> str:
    """Returns a day (UTC, counted from 1970) as people write it: `2 Nov 2026`."""
    at = _FIRST + timedelta(days=day)
    return f"{at.day} {at:%b %Y}"


def day_rows(days: TargetDays) -> list[DayRow]:
    """Returns the days that were not calm, the newest first, for those who hear or copy a page."""
    return [DayRow(_span_text(run), run.state, _said(run)) for run in reversed(days.runs)]


def _span_text(run: DayRun) -> str:
    last = run.day + run.length - 1
    return day_text(run.day) if run.length == 1 else f"{day_text(run.day)} to {day_text(last)}"


def _said(run: DayRun) -> str:
    lost = f" for {duration(run.lost_ns)}" if run.lost_ns else ""
    return f"{WORDS[run.state]}{lost}"


def strip_label(days: TargetDays, count: int) -> str:
    """Returns the whole strip in one sentence: what a screen reader says in place of its bars."""
    lengths = dict.fromkeys(_CLASSES, 0)
    for run in days.runs:
        lengths[run.state] += run.length
    calm = count - sum(lengths.values())
    parts = [f"{calm} calm"] if calm else []
    parts += [f"{length} {WORDS[state]}" for state, length in lengths.items() if length]
    uptime = "" if days.uptime is None else f"; uptime {percent(days.uptime)}"
    return f"The last {count} days (UTC): {', '.join(parts)}{uptime}"
