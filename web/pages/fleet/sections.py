"""Groups of targets: their order, their rows, and the one line of a group where there are too many rows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Literal, NamedTuple, TypeAlias

from ....domain.line import count_of
from ....domain.read_model.days import DayState, FleetDays
from ....domain.read_model.status import TargetStatus
from ....domain.rules.aggregate import Status
from ...pacing import Pacing, sliced
from ..words import DASH, latency, percent
from .rows import FleetPast, in_path, name_of, state_of

STATES = (Status.DOWN, Status.DEGRADED, Status.UNKNOWN, Status.PAUSED, Status.UP)
"""The states of targets, the worst first."""
UNGROUPED = ""
RowOrder: TypeAlias = Literal["name", "status", "uptime", "latency"]
DayTally: TypeAlias = dict[DayState, list[int]]
"""How many targets were in each state, on each day of a span."""


class GroupSection(NamedTuple):
    """The targets of one group."""

    name: str
    path: str
    id: str
    """A word of its own for the page, whatever the name holds."""
    total: int
    states: list[tuple[str, int]]
    """The states of its targets but `up`, with how many are in each, the worst first."""
    uptime: str
    rows: list[str]
    """Finished markup."""
    """Empty where the page shows one line for each group."""
    days: list[tuple[int, str]]
    """The days of the line: the share of its targets that were in trouble."""
    said_of_days: str
    now: str
    """The median latency."""

    @property
    def well(self) -> int:
        return self.total - sum(count for _, count in self.states)

    @property
    def worst(self) -> str:
        return self.states[0][0] if self.states else Status.UP.value


async def by_group(
    targets: Iterable[TargetStatus], pace: Pacing | None = None
) -> list[tuple[str, list[TargetStatus]]]:
    """Returns the targets of each group, in slices: groups by name, those without one last."""
    groups: dict[str, list[TargetStatus]] = {}

    def place(target: TargetStatus) -> None:
        groups.setdefault(target.metadata.group, []).append(target)

    await sliced(targets, place, pace)
    return sorted(groups.items(), key=lambda group: (group[0] == UNGROUPED, group[0].casefold(), group[0]))


async def in_order(
    targets: Sequence[TargetStatus], order: RowOrder, past: FleetPast, pace: Pacing | None = None
) -> list[TargetStatus]:
    """Returns targets by name, or the worst first; in slices, of which the sorting itself is one."""

    def placed(target: TargetStatus) -> tuple[float, str, TargetStatus]:
        return _place(target, order, past.days), name_of(target).casefold(), target

    found = await sliced(targets, placed, pace)
    found.sort(key=itemgetter(0, 1))
    return [target for _, _, target in found]


def _place(target: TargetStatus, order: RowOrder, days: FleetDays | None) -> float:
    match order:
        case "name":
            return 0
        case "status":
            return STATES.index(state_of(target))
        case "uptime":
            uptime = None if days is None else days.of(target.id).uptime
            return 2 if uptime is None else uptime
        case "latency":
            return -(target.sample.latency_ns or 0) if target.sample else 1


def sections_in_order(sections: list[GroupSection], order: RowOrder) -> list[GroupSection]:
    """Returns the lines of groups in the order of rows; where each target has a row, groups stay by name."""
    if order == "status":
        return sorted(sections, key=lambda each: STATES.index(Status(each.worst)))
    if order == "uptime":
        return sorted(sections, key=lambda each: (each.uptime == DASH, len(each.uptime), each.uptime))
    return sections


async def section_of(
    number: int, name: str, targets: Sequence[TargetStatus], past: FleetPast, rows: list[str] | None
) -> GroupSection:
    """Returns a group with its rows; without rows it has the figures of its one line in their place."""
    states = Counter(map(state_of, targets))
    days, said = (
        ([], "") if rows is not None or past.days is None else await _days_of_line(targets, past.days)
    )
    return GroupSection(
        name=name,
        path="/".join(map(in_path, name.split("/"))),
        id=f"g{number}",
        total=len(targets),
        states=[(state.value, states[state]) for state in STATES[:-1] if states[state]],
        uptime=_mean_uptime(targets, past),
        rows=rows or [],
        days=days,
        said_of_days=said,
        now=DASH if rows is not None else _median_latency(targets),
    )


def _mean_uptime(targets: Sequence[TargetStatus], past: FleetPast) -> str:
    if past.days is None:
        return DASH
    found = [uptime for target in targets if (uptime := past.days.of(target.id).uptime) is not None]
    return percent(sum(found) / len(found)) if found else DASH


def _median_latency(targets: Sequence[TargetStatus]) -> str:
    found = sorted(
        target.sample.latency_ns
        for target in targets
        if target.sample is not None and target.sample.latency_ns is not None
    )
    return latency(found[len(found) // 2]) if found else DASH


async def tally_of(targets: Iterable[TargetStatus], days: FleetDays, pace: Pacing | None = None) -> DayTally:
    """Returns how many of these targets were in each state on each day, in slices; calm days are not counted."""
    count, since_day, of_targets = days.until_day - days.since_day, days.since_day, days.targets
    # Only where a run begins and ends something is noted: runs without data may have any length.
    steps = {state: [0] * (count + 1) for state in DayState}

    def count_in(target: TargetStatus) -> None:
        for day, length, state, _ in of_targets.get(target.id, days.unknown).runs:
            of_state = steps[state]
            of_state[day - since_day] += 1
            of_state[day - since_day + length] -= 1

    await sliced(targets, count_in, pace)
    return {state: [*accumulate(found)][:count] for state, found in steps.items()}


async def _days_of_line(
    targets: Sequence[TargetStatus], days: FleetDays
) -> tuple[list[tuple[int, str]], str]:
    """Returns the place and the classes of each day that was not calm for some of a group, and all of it in words."""
    tally, marks, most, troubled = await tally_of(targets, days), [], 0, 0
    of_day = zip(
        *(tally[state] for state in (DayState.DOWN, DayState.DEGRADED, DayState.BLIND, DayState.NO_DATA)),
        strict=True,
    )
    for place, (down, degraded, blind, no_data) in enumerate(of_day):
        lost = down + degraded
        if lost:
            marks.append((place, f"{'d' if down else 'w'} h{_height(lost / len(targets))}"))
            most, troubled = max(most, lost), troubled + 1
        elif blind:
            marks.append((place, "u"))
        elif no_data == len(targets):
            marks.append((place, "n"))
    if not troubled:
        return marks, "no trouble"
    return marks, f"{count_of(troubled, 'day')} with trouble, at most {most} of {len(targets)}"


def _height(share: float) -> int:
    """Returns how high a day stands, 1 to 5, by the share of the group that was in trouble."""
    return 1 + sum(share >= bound for bound in (0.1, 0.25, 0.5, 0.75))
