"""The first sentence of the overview, what follows it, and the picture of the days beside it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from ....domain.read_model.days import DayState, FleetDays
from ....domain.read_model.status import RuntimeStatus, TargetStatus
from ....domain.units import NS_PER_DAY
from ..frame import PageFrame
from ..words import capital, duration, latency, number
from .rows import name_of, state_of

NAMED_MAX = 2
"""More targets than that are counted, and named in the list below."""
_FIRST = date(1970, 1, 1)
PICTURE_PX = 72
BAR_PX = 8.8
"""The height of one target in trouble on a day, unless a day has too many of them for the picture."""


class Opening(NamedTuple):
    """The sentence of a page."""

    well: str
    trouble: str
    """Empty where all are well."""
    state: str
    """The worst state, which gives the trouble its colour."""


def opening_of(targets: Sequence[TargetStatus]) -> Opening:
    """Returns how many are well, and what is worst."""
    states = Counter(map(state_of, targets))
    well, total = states["up"], len(targets)
    if well == total:
        return Opening("It is well." if total == 1 else f"All {total:,} are well.", "", "up")
    said = f"{well:,} of {total:,} {'is' if well == 1 else 'are'} well." if well else "Nothing is well."
    for state, words in (("down", "down"), ("degraded", "degraded"), ("unknown", "without data")):
        if count := states[state]:
            return Opening(
                said, _what(count, [each for each in targets if state_of(each) == state], words), state
            )
    return Opening(
        f"{said[:-1]}, and the others are paused." if well else "Everything is paused.", "", "paused"
    )


def _what(count: int, targets: Sequence[TargetStatus], words: str) -> str:
    if count > NAMED_MAX:
        return f"{capital(number(count))} are {words}."
    names = " and ".join(name_of(target) for target in targets)
    return f"{names} {'is' if count == 1 else 'are'} {words}."


def others_of(targets: Sequence[TargetStatus]) -> str:
    """Returns the states that the sentence does not tell, in one more: `Two are degraded, one is paused.`"""
    states = Counter(map(state_of, targets))
    silenced = sum(1 for target in targets if target.silences)
    parts = [
        f"{number(states[state])} {'is' if states[state] == 1 else 'are'} {words}"
        for state, words in (
            ("down", "down"),
            ("degraded", "degraded"),
            ("unknown", "without data"),
            ("paused", "paused"),
        )
        if states[state]
    ]
    # The worst one stands in the sentence already.
    del parts[: 1 if parts and not (set(states) <= {"up", "paused"}) else 0]
    if silenced:
        parts.append(f"{number(silenced)} {'is' if silenced == 1 else 'are'} silenced")
    return f"{capital(', '.join(parts))}." if parts else ""


class Sight(NamedTuple):
    """How well the runtime itself sees."""

    is_clear: bool
    first: str
    rest: str


def sight_of(status: RuntimeStatus, frame: PageFrame) -> Sight:
    """Returns what the runtime says of itself: its problems, else how it has seen so far."""
    if status.problems:
        part, detail = status.problems[0]
        more = f", and {number(len(status.problems) - 1)} more" if len(status.problems) > 1 else ""
        return Sight(False, f"watchkeeper itself has a problem{more}", f": {part}: {detail}")
    parts = []
    if status.blind:
        last = max(status.blind, key=lambda interval: interval.ended_at_ns)
        blind_ns = max(0, last.ended_at_ns - last.started_at_ns)
        parts.append(f"last blind {duration(frame.since(last.ended_at_ns))} ago for {duration(blind_ns)}")
    if status.lateness.count:
        parts.append(f"checks run {latency(status.lateness.p99_ns)} late at the 99th percentile")
    return Sight(True, "Nothing is hidden", f": {'; '.join(parts)}." if parts else ".")


class Picture(NamedTuple):
    """The days of all targets as bars: paths of a picture whose width is its number of days."""

    calm: str
    degraded: str
    down: str
    blind: str
    width: float
    label: str
    most: str


def picture_of(days: FleetDays, targets: Sequence[TargetStatus]) -> Picture:
    """Returns how many targets were in trouble on each day."""
    ids = [target.id for target in targets]
    down, degraded = days.troubled(DayState.DOWN, ids), days.troubled(DayState.DEGRADED, ids)
    both = [sum(pair) for pair in zip(down, degraded, strict=True)]
    most = max(both, default=0)
    shared = {day: run.state for run in days.unknown.runs for day in range(run.day, run.day + run.length)}
    blind = [
        days.since_day + place
        for place in range(len(both))
        if shared.get(days.since_day + place) is DayState.BLIND
    ]
    pitch = 342 / max(1, len(both))
    wide = pitch - (1.6 if len(both) <= 31 else 0.8)
    unit = min(BAR_PX, (PICTURE_PX - 8) / max(1, most))

    def bars(heights: Sequence[float], above: Sequence[float] | None = None) -> str:
        """Returns the path of a bar for each place with a height; `above` lifts it."""
        parts = []
        for place, height in enumerate(heights):
            if height:
                bottom = PICTURE_PX - (above[place] if above else 0)
                parts.append(f"M{place * pitch:.1f} {bottom:.1f}v-{height:.1f}h{wide:.1f}v{height:.1f}z")
        return "".join(parts)

    base = 5.0
    is_blind = [days.since_day + place in blind for place in range(len(both))]
    no_data = _without_data(days, ids)
    return Picture(
        calm=bars([0 if hidden or nothing else 4 for hidden, nothing in zip(is_blind, no_data, strict=True)]),
        down=bars([count * unit for count in down], [base] * len(both)),
        degraded=bars([count * unit for count in degraded], [base + count * unit for count in down]),
        blind=bars([6 if hidden else 0 for hidden in is_blind]),
        width=342,
        label=_label(both, most, days.since_day),
        most=f"most: {most:,} on {_day(days.since_day + both.index(most))}" if most else "none in trouble",
    )


def _without_data(days: FleetDays, ids: Sequence[str]) -> list[bool]:
    """Returns for each day whether no target of these has any data of it."""
    counts = days.troubled(DayState.NO_DATA, ids)
    return [bool(ids) and count == len(ids) for count in counts]


def _label(both: Sequence[int], most: int, since_day: int) -> str:
    said = f"Targets in trouble on each of the last {len(both)} days (UTC)"
    if not most:
        return f"{said}: none"
    return f"{said}: {sum(1 for count in both if count)} days with trouble, most on {_day(since_day + both.index(most))}: {most:,}"


def _day(day: int) -> str:
    at = _FIRST + timedelta(days=day)
    return f"{at.day} {at:%b}"


class DayAxis(NamedTuple):
    """The days beneath which rows stand: places of their labels."""

    labels: list[tuple[int, str]]
    count: int


def axis_of(count: int, now_ns: int) -> DayAxis:
    """Returns the labels of an axis of days: Mondays of 30 days, the first of each month of 90."""
    today = now_ns // NS_PER_DAY
    labels: list[tuple[int, str]] = []
    for place in range(count - 3 if count <= 31 else count - 9):
        at = _FIRST + timedelta(days=today - count + 1 + place)
        if count > 31:
            if at.day == 1:
                labels.append((place, f"{at.day} {at:%b}"))
        elif at.weekday() == 0:
            labels.append((place, f"{at.day}" if labels else f"{at.day} {at:%b}"))
    return DayAxis(labels, count)
