"""The days of targets as a page shows them: calm, lost to a problem, not seen, or without data.

A day is coloured by incidents and by lost time, never by a single bad sample, and one without data is never calm.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, islice, zip_longest
from typing import NamedTuple, TypeVar

import msgspec

from ..limits import BLIND_DAY_NS_MIN, BLIPS_OF_A_DAY_MAX, LOST_SHARE_OF_A_DAY_MIN
from ..specification.rule import Severity
from ..units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

V = TypeVar("V")
R = TypeVar("R")
PIECE = 100
"""Targets that are judged in one piece."""
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


class FleetJudge:
    """Judges the days of all targets in a span again and again. A day or a target without a change is not judged anew."""

    def __init__(self, since_day: int, until_day: int) -> None:
        self._days = range(since_day, until_day)
        self._by_samples: dict[int, tuple[DayCounts, bool, dict[int, DayRun]]] = {}
        """By day, what was judged last, and the runs by the number of their target."""
        self._shared: dict[int, DayState] = {}
        self._own: dict[str, dict[int, DayRun]] = {}
        self._targets: dict[str, TargetDays] = {}
        """Of the targets with a sample, the value of the last time."""

    def judge(
        self,
        names: Sequence[str],
        counts: Mapping[int, DayCounts],
        lost: Mapping[str, Mapping[int, DayRun]],
        blind: Iterable[tuple[int, int]],
    ) -> Generator[None, None, FleetDays]:
        """Returns the days of the targets `names`, which `counts` numbers in this order; yields after each piece of the work.

        A day that `counts` does not have is one without data of all. `lost` has the days that targets lost to incidents, as
        `lost_days` returns them. Spans are half open, in wall nanoseconds. Counts that change are another object.
        """
        days = self._days
        shared = dict.fromkeys((day for day in days if day not in counts), DayState.NO_DATA)
        shared |= dict.fromkeys(_blind_days(blind, days), DayState.BLIND)
        own: defaultdict[str, dict[int, DayRun]] = defaultdict(dict)
        for day in days:
            if day in counts:
                for number, run in self._runs_of(day, counts[day], is_blind=day in shared).items():
                    own[names[number]][day] = run
                if day not in shared:
                    for name in names[len(counts[day].seen) :]:
                        own[name][day] = DayRun(day, 1, DayState.NO_DATA)
                yield
        for piece in _pieces(lost.items()):
            for target, runs in piece:
                if within := {day: run for day, run in runs.items() if day in days}:
                    own[target] |= within
            yield
        uptimes: list[float | None] = []
        of_days = [found for day, found in counts.items() if day in days]
        for begin in range(0, len(names), PIECE):
            uptimes += _uptimes(of_days, begin, min(begin + PIECE, len(names)))
            yield
        return (yield from self._joined(names, uptimes, shared, own))

    def _runs_of(self, day: int, counts: DayCounts, *, is_blind: bool) -> dict[int, DayRun]:
        kept = self._by_samples.get(day)
        if kept is None or kept[0] is not counts or kept[1] is not is_blind:
            kept = counts, is_blind, dict(_by_samples(day, counts, is_blind=is_blind))
            self._by_samples[day] = kept
        return kept[2]

    def _joined(
        self,
        names: Sequence[str],
        uptimes: Sequence[float | None],
        shared: dict[int, DayState],
        own: dict[str, dict[int, DayRun]],
    ) -> Generator[None, None, FleetDays]:
        """Joins the runs of each target; one whose days and uptime are those of the last time keeps its value."""
        days, before = self._days, self._targets if shared == self._shared else {}
        of_all = joined_days(DayRun(day, 1, state) for day, state in sorted(shared.items()))
        without = dict.fromkeys(days, DayState.NO_DATA) | shared
        targets: dict[str, TargetDays] = {}

        def join(name: str, uptime: float | None) -> TargetDays:
            kept, mine = before.get(name), own.get(name)
            if kept is None or self._own.get(name) != mine:
                runs = of_all if mine is None else _with_own(shared, mine)
                return TargetDays(runs, uptime)
            return kept if kept.uptime == uptime else TargetDays(kept.runs, uptime)

        for piece in _pieces(zip(names, uptimes, strict=True)):
            for name, uptime in piece:
                targets[name] = join(name, uptime)
            yield
        # Those without a sample are not among them: their other days are without data.
        self._targets = targets.copy()
        for others in _pieces([name for name in own if name not in targets]):
            for name in others:
                targets[name] = TargetDays(_with_own(without, own[name]), None)
            yield
        self._shared, self._own = shared, own
        unknown = TargetDays(_with_own(without, {}), None)
        return FleetDays(days.start, days.stop, targets, unknown)


def judged_days(
    names: Sequence[str],
    counts: Mapping[int, DayCounts],
    problems: Iterable[ProblemSpan],
    blind: Iterable[tuple[int, int]],
    since_day: int,
    until_day: int,
) -> FleetDays:
    """Returns the days of targets, judged once and in one piece; `FleetJudge.judge` says what the arguments are."""
    of_target: defaultdict[str, list[ProblemSpan]] = defaultdict(list)
    for problem in problems:
        of_target[problem.target].append(problem)
    days = range(since_day, until_day)
    lost = {target: lost_days(spans, days) for target, spans in of_target.items()}
    return in_pieces(FleetJudge(since_day, until_day).judge(names, counts, lost, blind))


def in_pieces(work: Generator[None, None, R], pause: Callable[[], object] = lambda: None) -> R:
    """Returns the result of work in pieces, with a call of `pause` between two of them."""
    while True:
        try:
            next(work)
        except StopIteration as ended:
            found: R = ended.value
            return found
        pause()


def lost_days(problems: Iterable[ProblemSpan], days: range) -> dict[int, DayRun]:
    """Returns the days that one target lost to incidents: the worst state of each, and how long that took."""
    found: dict[int, DayRun] = {}
    spans: tuple[list[tuple[int, int]], list[tuple[int, int]]] = [], []
    for problem in problems:
        spans[problem.is_down].append((problem.since_ns, problem.until_ns))
    # Critical ones come last, and stand.
    for state, of_state in zip((DayState.DEGRADED, DayState.DOWN), spans, strict=True):
        for day, lost_ns in _lengths_by_day(of_state, days).items():
            found[day] = DayRun(day, 1, state, lost_ns)
    return found


def _pieces(values: Iterable[V]) -> Iterator[list[V]]:
    """Yields values in pieces that take less than a millisecond."""
    left = iter(values)
    while piece := list(islice(left, PIECE)):
        yield piece


def _blind_days(blind: Iterable[tuple[int, int]], days: range) -> list[int]:
    lengths = _lengths_by_day(blind, days)
    return [day for day, length_ns in lengths.items() if length_ns >= BLIND_DAY_NS_MIN]


def _by_samples(day: int, counts: DayCounts, *, is_blind: bool) -> Iterable[tuple[int, DayRun]]:
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


def _uptimes(counts: Sequence[DayCounts], begin: int, end: int) -> list[float | None]:
    """Returns the uptimes of the targets with the numbers from `begin` on, before `end`."""
    good = _added([each.good[begin:end] for each in counts])
    bad = _added([each.bad[begin:end] for each in counts])
    found = [
        of_target / (of_target + lost) if of_target + lost else None
        for of_target, lost in zip(good, bad, strict=True)
    ]
    return found + [None] * (end - begin - len(found))


def _added(days: Sequence[Sequence[int]]) -> list[int]:
    """Returns the sum of each target; a day that lacks the later ones counts as zero for them."""
    return [sum(of_target) for of_target in zip_longest(*days, fillvalue=0)]
