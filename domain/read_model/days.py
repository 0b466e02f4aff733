"""The days of targets as a page shows them: calm, lost to a problem, not seen, or without data.

A day is coloured by incidents and by lost time, never by a single bad sample, and one without data is never calm.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import chain, zip_longest
from typing import NamedTuple

import msgspec

from ..limits import BLIND_DAY_NS_MIN, BLIPS_OF_A_DAY_MAX, LOST_SHARE_OF_A_DAY_MIN
from ..specification.rule import Severity
from ..units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

LEVELS_NS = (15 * NS_PER_MINUTE, NS_PER_HOUR, 4 * NS_PER_HOUR, 12 * NS_PER_HOUR)
"""The lost times from which a day stands one level higher; any lost time is level 1."""


class DayState(StrEnum):
    """The state of one day (UTC) of one target."""

    CALM = "calm"
    DEGRADED = "degraded"
    """Some of it was lost: to incidents below critical, or to more bad samples than any rule counted."""
    DOWN = "down"
    """Some of it was lost to a critical incident."""
    BLIND = "blind"
    """The runtime could not see for part of it."""
    NO_DATA = "no_data"


class DayRun(NamedTuple):
    """Days of one state that follow each other; of lost days, always one."""

    day: int
    """The first, counted from 1970."""
    length: int
    state: DayState
    lost_ns: int = 0

    @property
    def level(self) -> int:
        """How much of the day was lost, from 0 (nothing) to 5 (twelve hours or more)."""
        return sum(self.lost_ns >= bound for bound in LEVELS_NS) + 1 if self.lost_ns else 0


class TargetDays(NamedTuple):
    """The days of one target in a span."""

    runs: tuple[DayRun, ...]
    """The days that were not calm, oldest first."""
    uptime: float | None
    """The good share of what was evidence; None when nothing was."""


class FleetDays(NamedTuple):
    """The days of all targets in a span of days, half open."""

    since_day: int
    until_day: int
    targets: Mapping[str, TargetDays]
    unknown: TargetDays
    """The days of a target that has no sample and no incident in the span."""

    def of(self, target: str) -> TargetDays:
        """Returns the days of one target."""
        return self.targets.get(target, self.unknown)

    def troubled(self, state: DayState, targets: Iterable[str] | None = None) -> list[int]:
        """Returns how many targets, of all or of those given, were in a state on each day."""
        counts = [0] * (self.until_day - self.since_day)
        chosen = self.targets.values() if targets is None else map(self.of, targets)
        for run in chain.from_iterable(each.runs for each in chosen):
            if run.state is state:
                for day in range(run.day, run.day + run.length):
                    counts[day - self.since_day] += 1
        return counts


class IncidentSpan(msgspec.Struct, frozen=True, gc=False):
    """The part of an incident that the days of its target need."""

    incident: str
    target: str
    severity: Severity
    opened_at_ns: int
    resolved_at_ns: int | None = None
    draft: bool = False


class DayCounts(NamedTuple):
    """The samples of one day (or hour) of all targets, by the number of each; later numbers may be missing."""

    seen: Sequence[int]
    """1 for a target that has any sample."""
    good: Sequence[int]
    bad: Sequence[int]


class ProblemSpan(NamedTuple):
    """A span of wall time in which an incident of a target was open."""

    target: str
    since_ns: int
    until_ns: int
    is_down: bool
    """Whether the incident was critical."""


def judged_days(
    names: Sequence[str],
    counts: Mapping[int, DayCounts],
    problems: Iterable[ProblemSpan],
    blind: Iterable[tuple[int, int]],
    since_day: int,
    until_day: int,
) -> FleetDays:
    """Returns the days of the targets `names`, which `counts` numbers in this order.

    A day that `counts` does not have is one without data of all. Spans are half open, in wall nanoseconds.
    """
    days = range(since_day, until_day)
    shared = dict.fromkeys((day for day in days if day not in counts), DayState.NO_DATA)
    shared |= dict.fromkeys(_blind_days(blind, days), DayState.BLIND)
    own: defaultdict[str, dict[int, DayRun]] = defaultdict(dict)
    for day in days:
        if day in counts:
            for number, run in _by_samples(day, counts[day], len(names), is_blind=day in shared):
                own[names[number]][day] = run
    for target, runs in _by_incidents(problems, days).items():
        own[target] |= runs
    of_all = joined_days(DayRun(day, 1, state) for day, state in sorted(shared.items()))
    uptimes = _uptimes([found for day, found in counts.items() if day in days], len(names))
    targets = {
        name: TargetDays(of_all if name not in own else _with_own(shared, own[name]), uptime)
        for name, uptime in zip(names, uptimes, strict=True)
    }
    targets |= {
        name: TargetDays(_with_own(dict.fromkeys(days, DayState.NO_DATA) | shared, runs), None)
        for name, runs in own.items()
        if name not in targets
    }
    unknown = _with_own(dict.fromkeys(days, DayState.NO_DATA) | shared, {})
    return FleetDays(since_day, until_day, targets, TargetDays(unknown, None))


def _blind_days(blind: Iterable[tuple[int, int]], days: range) -> list[int]:
    lengths = _lengths_by_day(blind, days)
    return [day for day, length_ns in lengths.items() if length_ns >= BLIND_DAY_NS_MIN]


def _by_samples(day: int, counts: DayCounts, size: int, *, is_blind: bool) -> Iterable[tuple[int, DayRun]]:
    """Yields the targets whose samples alone make a day one that is not calm, by their numbers."""
    # For 5,000 targets and 30 days a loop over each of them takes 50 ms; nearly all are calm.
    for number in [number for number, bad in enumerate(counts.bad) if bad > BLIPS_OF_A_DAY_MAX]:
        share = counts.bad[number] / (counts.bad[number] + counts.good[number])
        if share >= LOST_SHARE_OF_A_DAY_MIN:
            yield number, DayRun(day, 1, DayState.DEGRADED, int(share * NS_PER_DAY))
    if is_blind:
        return
    for number in [number for number, good in enumerate(counts.good) if not good]:
        if not counts.bad[number]:
            yield number, DayRun(day, 1, DayState.BLIND if counts.seen[number] else DayState.NO_DATA)
    for number in range(len(counts.seen), size):
        yield number, DayRun(day, 1, DayState.NO_DATA)


def _by_incidents(problems: Iterable[ProblemSpan], days: range) -> dict[str, dict[int, DayRun]]:
    """Returns the lost days of each target that had an open incident: the worst state of each, and its length."""
    spans: defaultdict[tuple[bool, str], list[tuple[int, int]]] = defaultdict(list)
    for problem in problems:
        spans[problem.is_down, problem.target].append((problem.since_ns, problem.until_ns))
    found: defaultdict[str, dict[int, DayRun]] = defaultdict(dict)
    # Critical ones come last, and stand.
    for (is_down, target), of_target in sorted(spans.items()):
        state = DayState.DOWN if is_down else DayState.DEGRADED
        for day, lost_ns in _lengths_by_day(of_target, days).items():
            found[target][day] = DayRun(day, 1, state, lost_ns)
    return found


def _lengths_by_day(spans: Iterable[tuple[int, int]], days: range) -> dict[int, int]:
    """Returns how much of each day these spans take, where they overlap once; days without any are left out."""
    lengths: dict[int, int] = {}
    reached_ns = days.start * NS_PER_DAY
    for since_ns, until_ns in sorted(spans):
        begin_ns, end_ns = max(since_ns, reached_ns), min(until_ns, days.stop * NS_PER_DAY)
        while begin_ns < end_ns:
            day = begin_ns // NS_PER_DAY
            next_ns = min(end_ns, (day + 1) * NS_PER_DAY)
            lengths[day] = lengths.get(day, 0) + next_ns - begin_ns
            begin_ns = next_ns
        reached_ns = max(reached_ns, end_ns)
    return lengths


def _with_own(shared: Mapping[int, DayState], own: Mapping[int, DayRun]) -> tuple[DayRun, ...]:
    whole = {day: DayRun(day, 1, state) for day, state in shared.items()} | dict(own)
    return joined_days(run for _, run in sorted(whole.items()))


def joined_days(days: Iterable[DayRun]) -> tuple[DayRun, ...]:
    """Joins days that follow each other and lost nothing: a new target has one run without data, not 89."""
    runs: list[DayRun] = []
    for each in days:
        last = runs[-1] if runs else None
        if (
            last
            and last.state is each.state
            and not each.lost_ns
            and not last.lost_ns
            and last.day + last.length == each.day
        ):
            runs[-1] = last._replace(length=last.length + 1)
        else:
            runs.append(each)
    return tuple(runs)


def _uptimes(counts: Sequence[DayCounts], size: int) -> list[float | None]:
    good, bad = _added([each.good for each in counts]), _added([each.bad for each in counts])
    found = [
        of_target / (of_target + lost) if of_target + lost else None
        for of_target, lost in zip(good, bad, strict=True)
    ]
    return found + [None] * (size - len(found))


def _added(days: Sequence[Sequence[int]]) -> list[int]:
    """Returns the sum of each target; a day that lacks the later ones counts as zero for them."""
    return [sum(of_target) for of_target in zip_longest(*days, fillvalue=0)]
