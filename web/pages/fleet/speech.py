"""The first sentence of the overview, what follows it, and the picture of the days beside it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from ....domain.line import count_of
from ....domain.read_model.days import DayState, FleetDays
from ....domain.read_model.status import RuntimeStatus, TargetStatus
from ....domain.rules.aggregate import Status
from ....domain.specification.probes.kinds import UNPROBED
from ....domain.units import NS_PER_DAY
from ..frame import PageFrame
from ..words import capital, duration, latency, number, sentence
from .rows import name_of, state_of
from .sections import DayTally

WORDS = {
    Status.DOWN: "down",
    Status.DEGRADED: "degraded",
    Status.UNKNOWN: "without data",
    Status.PAUSED: "paused",
}
"""The states that are not well, the worst first, in the words of a sentence."""
NAMED_MAX = 2
"""More targets than that are counted, and named in the list below."""
_FIRST = date(1970, 1, 1)
PICTURE_PX, PICTURE_WIDTH_PX, BASE_PX = 72, 342, 5.0
BAR_PX = 8.8
"""The height of one target in trouble on a day, unless a day has too many of them for the picture."""


class Opening(NamedTuple):
    """The sentence of a page."""

    well: str
    trouble: str
    """Empty where all are well."""
    state: Status
    """The worst state, which gives the trouble its colour."""


def opening_of(targets: Sequence[TargetStatus], states: Counter[Status]) -> Opening:
    """Returns how many are well, and what is worst; `states` counts the states of the targets."""
    well, total = states[Status.UP], len(targets)
    if well == total:
        return Opening("It is well." if total == 1 else f"All {total:,} are well.", "", Status.UP)
    said = f"{well:,} of {total:,} {_are(well)} well." if well else "Nothing is well."
    worst = next(state for state in WORDS if states[state])
    if worst is Status.PAUSED:
        said = f"{said[:-1]}, and the others are paused." if well else "Everything is paused."
        return Opening(said, "", worst)
    return Opening(said, _what([each for each in targets if state_of(each) is worst], WORDS[worst]), worst)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _what(targets: Sequence[TargetStatus], words: str) -> str:
    if len(targets) > NAMED_MAX:
        return f"{capital(number(len(targets)))} are {words}."
    return f"{' and '.join(map(name_of, targets))} {_are(len(targets))} {words}."


def others_of(states: Counter[Status], silenced: int, worked_on: int, told: Status) -> str:
    """Returns the states that the sentence has not told, in another one: `Two are degraded, one is paused.`"""
    counts = [(states[state], words) for state, words in WORDS.items() if state is not told]
    counts += [(silenced, "silenced"), (worked_on, "in maintenance")]
    said = ", ".join(f"{number(count)} {_are(count)} {words}" for count, words in counts if count)
    return sentence(said) if said else ""


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
    checked = [each for each in status.targets if each.kind not in UNPROBED and not each.paused]
    if checked and all(each.sample is None for each in checked):
        return Sight(True, "The first checks are on their way", ".")
    if checked and status.lateness.count:
        parts.append(f"checks run {latency(status.lateness.p99_ns)} late at the 99th percentile")
    return Sight(True, "Everything is seen", f": {'; '.join(parts)}." if parts else ".")


class Picture(NamedTuple):
    """The days of all targets as bars: the path of each kind."""

    calm: str
    degraded: str
    down: str
    blind: str
    label: str
    most: str


def picture_of(days: FleetDays, tally: DayTally, total: int) -> Picture:
    """Returns how many of `total` targets were in trouble on each day."""
    down, degraded = tally[DayState.DOWN], tally[DayState.DEGRADED]
    both = [sum(pair) for pair in zip(down, degraded, strict=True)]
    most = max(both, default=0)
    shared = {
        day
        for run in days.unknown.runs
        if run.state is DayState.BLIND
        for day in range(run.day, run.day + run.length)
    }
    is_blind = [day in shared for day in range(days.since_day, days.until_day)]
    is_known = [count < total for count in tally[DayState.NO_DATA]]
    unit = min(BAR_PX, (PICTURE_PX - 8) / max(1, most))
    first = [count * unit for count in down]
    return Picture(
        calm=_bars(
            [4.0 * (known and not hidden) for known, hidden in zip(is_known, is_blind, strict=True)], []
        ),
        down=_bars(first, [BASE_PX] * len(both)),
        degraded=_bars([count * unit for count in degraded], [BASE_PX + height for height in first]),
        blind=_bars([6.0 * hidden for hidden in is_blind], []),
        label=_label(both, most, days.since_day),
        most=f"most: {most:,} on {_day(days.since_day + both.index(most))}" if most else "none",
    )


def _bars(heights: Sequence[float], above: Sequence[float]) -> str:
    """Returns the path of a bar for each day with a height; `above` lifts it."""
    pitch = PICTURE_WIDTH_PX / max(1, len(heights))
    wide = pitch - (1.6 if len(heights) <= 31 else 0.8)
    return "".join(
        f"M{place * pitch:.1f} {PICTURE_PX - (above[place] if above else 0):.1f}v-{height:.1f}h{wide:.1f}v{height:.1f}z"
        for place, height in enumerate(heights)
        if height
    )


def _label(both: Sequence[int], most: int, since_day: int) -> str:
    said = f"Targets in trouble on each of the last {len(both)} days (UTC)"
    if not most:
        return f"{said}: none"
    days = sum(1 for count in both if count)
    return f"{said}: {count_of(days, 'day')} with trouble, most on {_day(since_day + both.index(most))}: {most:,}"


def _day(day: int) -> str:
    at = _FIRST + timedelta(days=day)
    return f"{at.day} {at:%b}"


class DayAxis(NamedTuple):
    """The days beneath which rows stand: places of their labels."""

    labels: list[tuple[int, str]]


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
    return DayAxis(labels)
