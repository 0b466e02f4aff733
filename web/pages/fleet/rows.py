"""The rows of targets and the lines of groups, as the overview shows them."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import quote

from ....domain.read_model.days import FleetDays, TargetDays
from ....domain.read_model.status import TargetStatus
from ....domain.rules.aggregate import Status
from ....domain.units import NS_PER_DAY
from ....host.access.fleet_history import FleetHours
from ..charts.day_strip import WORDS, day_marks
from ..frame import PageFrame
from ..words import DASH, duration, latency, percent

PAUSED = Status.PAUSED.value
SILENCED = "silenced"
STATES = ("down", "degraded", "unknown", "paused", "up")
"""The states of targets, the worst first."""
UNGROUPED = ""
SPARK_PX, SPARK_STEP_PX = 18, 4
"""The height of a sparkline, and the distance of two of its hours."""


class FleetPast(NamedTuple):
    """The past that rows show; without a store there is none."""

    days: FleetDays | None
    hours: FleetHours | None

    @property
    def count(self) -> int:
        """How many days there are."""
        return 0 if self.days is None else self.days.until_day - self.days.since_day


class OverviewRow(NamedTuple):
    """One target."""

    id: str
    path: str
    """The id, as an address holds it."""
    name: str
    state: str
    since: str
    """When the state began, for a script."""
    age: str
    silenced: bool
    days: list[tuple[int, str]]
    said_of_days: str
    uptime: str
    spark: str
    """The line of its latency, as the path of a picture."""
    bad: str
    """The hours with a failure, as a path."""
    now: str


class GroupSection(NamedTuple):
    """The targets of one group."""

    name: str
    path: str
    id: str
    """A word of its own for the page, whatever the name holds."""
    total: int
    well: int
    states: list[tuple[str, int]]
    """The states of its targets but `up`, with how many are in each, the worst first."""
    uptime: str
    rows: list[OverviewRow]
    """Empty where the page shows one line for each group."""
    days: list[tuple[int, str]]
    """The days of the line: how many of its targets were in trouble."""
    said_of_days: str
    now: str


def state_of(target: TargetStatus) -> str:
    """Returns the state of a target in the word of its shape; a paused one is that above all."""
    return PAUSED if target.paused else target.status.value


def name_of(target: TargetStatus) -> str:
    """Returns the name that people know a target by."""
    return target.metadata.name or target.id


def in_path(name: str) -> str:
    """Returns a name as a segment of an address holds it."""
    return name if name.isalnum() and name.isascii() else quote(name.encode("utf-8", "replace"), safe="")


def row_maker(frame: PageFrame, past: FleetPast) -> Callable[[TargetStatus], OverviewRow]:
    """Returns what makes the row of a target."""

    def make(target: TargetStatus) -> OverviewRow:
        days = None if past.days is None else past.days.of(target.id)
        spark, bad = ("", "") if past.hours is None else spark_of(target.id, past.hours)
        latency_ns = target.sample.latency_ns if target.sample is not None else None
        return OverviewRow(
            id=target.id,
            path=in_path(target.id),
            name=name_of(target),
            state=state_of(target),
            since=frame.iso(target.since_ns),
            age=duration(frame.since(target.since_ns)),
            silenced=bool(target.silences),
            days=[] if days is None or past.days is None else day_marks(days, past.days.since_day),
            said_of_days="" if days is None else days_in_words(days, past.count),
            uptime=DASH if days is None else percent(days.uptime),
            spark=spark,
            bad=bad,
            now=latency(latency_ns),
        )

    return make


def days_in_words(days: TargetDays, count: int) -> str:
    """Returns the days in a few words: `28 calm, 2 down`."""
    lengths: dict[str, int] = {}
    for run in days.runs:
        word = WORDS[run.state]
        lengths[word] = lengths.get(word, 0) + run.length
    calm = count - sum(lengths.values())
    said = [f"{length} {word}" for word, length in lengths.items()]
    return ", ".join([f"{calm} calm", *said] if calm else said)


def spark_of(target: str, hours: FleetHours) -> tuple[str, str]:
    """Returns the path of the mean latency of each hour, and that of the hours with a failure.

    A day that hardly varies is a flat line: the least and the greatest value are as far apart as the mean, at least.
    """
    values = hours.latency_ms(target)
    found = [value for value in values if value is not None]
    bad = "".join(
        f"M{number * SPARK_STEP_PX} 1h{SPARK_STEP_PX}"
        for number, is_bad in enumerate(hours.is_bad(target))
        if is_bad
    )
    if not found:
        return "", bad
    low, high = min(found), max(found)
    scale = (SPARK_PX - 2) / max(high - low, (high + low) / 2, 1e-9)
    parts: list[str] = []
    before: int | None = None
    for number, value in enumerate(values):
        if value is None:
            before = None
            continue
        y = SPARK_PX - int((value - low) * scale)
        if before is None:
            # A stroke of no length, so that an hour by itself is seen.
            parts.append(
                f"M{number * SPARK_STEP_PX + 2} {y}h1m-1 0"
                if not parts
                else f"M{number * SPARK_STEP_PX + 2} {y}"
            )
        else:
            parts.append(f"l{SPARK_STEP_PX} {y - before}")
        before = y
    return "".join(parts), bad


# Groups.

RowOrder: TypeAlias = Literal["name", "status", "uptime", "latency"]


def _key_of(target: TargetStatus, order: RowOrder, days: FleetDays | None) -> tuple[float, str]:
    """Returns the place of a target: by its name, or the worst first."""
    name, place = name_of(target).casefold(), 0.0
    match order:
        case "status":
            place = STATES.index(state_of(target))
        case "uptime":
            place = _uptime_of(days, target)
        case "latency":
            place = -(target.sample.latency_ns or 0) if target.sample else 1
        case "name":
            pass
    return place, name


def _uptime_of(days: FleetDays | None, target: TargetStatus) -> float:
    uptime = None if days is None else days.of(target.id).uptime
    return 2.0 if uptime is None else uptime


def by_group(
    targets: Sequence[TargetStatus], sort: RowOrder, past: FleetPast
) -> list[tuple[str, list[TargetStatus]]]:
    """Returns the targets of each group in an order; groups by name, those without one last."""
    groups: dict[str, list[TargetStatus]] = {}
    for target in sorted(targets, key=lambda each: _key_of(each, sort, past.days)):
        groups.setdefault(target.metadata.group, []).append(target)
    return sorted(groups.items(), key=lambda group: (group[0] == UNGROUPED, group[0].casefold(), group[0]))


def section_of(
    number: int,
    name: str,
    targets: Sequence[TargetStatus],
    past: FleetPast,
    rows: list[OverviewRow],
    *,
    line: bool,
) -> GroupSection:
    """Returns a group with its rows; with `line` the figures of its one line in their place."""
    states = [state_of(target) for target in targets]
    latencies = sorted(
        target.sample.latency_ns
        for target in targets
        if target.sample and target.sample.latency_ns is not None
    )
    days = _days_of_group(targets, past) if line else []
    return GroupSection(
        name=name,
        path="/".join(map(in_path, name.split("/"))),
        id=f"g{number}",
        total=len(targets),
        well=states.count("up"),
        states=[(state, states.count(state)) for state in STATES if state != "up" and state in states],
        uptime=_mean_uptime(targets, past),
        rows=rows,
        days=[(place, kind) for place, kind, _ in days],
        said_of_days=_troubled_in_words([count for _, _, count in days], past.count),
        now=latency(latencies[len(latencies) // 2]) if line and latencies else DASH,
    )


def _mean_uptime(targets: Sequence[TargetStatus], past: FleetPast) -> str:
    if past.days is None:
        return DASH
    found = [uptime for target in targets if (uptime := past.days.of(target.id).uptime) is not None]
    return percent(sum(found) / len(found)) if found else DASH


def _days_of_group(targets: Sequence[TargetStatus], past: FleetPast) -> list[tuple[int, str, int]]:
    """Returns the place, the classes and the number of troubled targets of each day on which there was one."""
    if past.days is None:
        return []
    troubled: dict[int, dict[str, int]] = {}
    for target in targets:
        for place, kind in day_marks(past.days.of(target.id), past.days.since_day):
            if kind[0] in "dw":
                troubled.setdefault(place, {"d": 0, "w": 0})[kind[0]] += 1
    shared = [
        (place, kind, 0)
        for place, kind in day_marks(past.days.unknown, past.days.since_day)
        if kind[0] == "u"
    ]
    found = [
        (
            place,
            f"{'d' if counts['d'] else 'w'} h{_height(sum(counts.values()), len(targets))}",
            sum(counts.values()),
        )
        for place, counts in sorted(troubled.items())
    ]
    return [*shared, *found]


def _height(count: int, total: int) -> int:
    """Returns how high a day stands, 1 to 5, by the share of the group that was in trouble."""
    share = count / total
    return 1 + sum(share >= bound for bound in (0.1, 0.25, 0.5, 0.75))


def _troubled_in_words(counts: Sequence[int], days: int) -> str:
    troubled = [count for count in counts if count]
    if not troubled:
        return f"{days} calm"
    return f"{days - len(troubled)} calm, {len(troubled)} with up to {max(troubled)} in trouble"


def day_now(frame: PageFrame) -> int:
    """Returns the present day (UTC), counted from 1970."""
    return frame.now_ns // NS_PER_DAY
