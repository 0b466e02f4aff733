"""The replay of a recording: every target is judged anew, and production's own sink tells what comes of it."""

from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from ...adapters.stores.history.recording import HourOfTarget, ToldNotice
from ...adapters.stores.record_reader import RecordReader
from ...domain.errors import UsageError
from ...domain.observation.outcome import Outcome, Reason
from ...domain.specification.configuration import Configuration
from ...domain.specification.target import Target
from ...domain.supervision.blindness import SUSPENDED
from ...domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_S, NS_PER_US
from ..forecast import quiet
from .judging import Happened, Stop, TargetJudge
from .recorded import BlindSpan, OpenSpan, RecordedHour, RecordedPast, SpanBook
from .telling import TakenNotice, Teller
from .times import VirtualTime
from .waiting import WallSpan

WARM_UP_NS = NS_PER_DAY
"""How long before the span the replay begins, so that windows of rules are filled and what was open is known."""
AWAY_CADENCES = 3
AWAY_NS_MIN = 60 * NS_PER_S
"""No sample of any target for so long, and for so many of the shortest cadences: no process was checking."""


class Replayed(NamedTuple):
    """The record of a span beside what another configuration makes of the same samples."""

    since_ns: int
    """Wall time."""
    until_ns: int
    configuration: Configuration
    recorded: dict[str, OpenSpan]
    """The incidents of the record that opened in the span, by id."""
    replayed: dict[str, OpenSpan]
    """Those of the replay."""
    told: list[ToldNotice]
    """The notices of the record about incidents that opened in the span."""
    taken: list[TakenNotice]
    """Those of the replay."""
    samples: int
    """How many were judged, the warm-up included."""
    unknown: tuple[str, ...]
    """The targets of the configuration without any sample in the record."""
    left: tuple[str, ...]
    """The recorded targets that the configuration does not have."""
    unmatched: int
    """Recorded acknowledgements of incidents that are not open in the replay."""
    restart_ns: int
    """The shortest gap in all samples that is taken for a restart of the process."""
    is_sampled: bool
    """Whether the record has samples of any target in the hours of the span."""


def replay(
    reader: RecordReader,
    configuration: Configuration,
    since_ns: int,
    until_ns: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Replayed:
    """Judges the recorded samples of a span of wall time by a configuration. Blocks; the store is only read.

    Calls `progress` with the wall time that is reached, once for each hour.

    Raises: UsageError where the record has no samples in the span; StoreError.
    """
    past = RecordedPast(reader, configuration)
    first_ns = past.first_ns
    if first_ns is None or first_ns >= until_ns:
        raise UsageError(f"{reader.path} has no samples in this span")
    begin_ns = max(since_ns - WARM_UP_NS, first_ns) // NS_PER_HOUR * NS_PER_HOUR
    with quiet():
        found = _Replay(past, configuration, begin_ns, since_ns, until_ns).run(progress)
    if not found.is_sampled:
        raise UsageError(f"{reader.path} has no samples in this span")
    return found


class _Replay:
    """One replay, hour by hour. It holds the samples of a day at most."""

    def __init__(
        self, past: RecordedPast, configuration: Configuration, begin_ns: int, since_ns: int, until_ns: int
    ) -> None:
        self._past, self._configuration = past, configuration
        self._begin_ns, self._since_ns, self._until_ns = begin_ns, since_ns, until_ns
        self._recorded, acknowledged = past.steps(begin_ns)
        time = VirtualTime(begin_ns)
        watched = [target for target in configuration.targets if not target.paused]
        self._judges = {
            target.id: TargetJudge(target, time, acknowledged.get(target.id, [])) for target in watched
        }
        self._links = {
            target.id: target.dependency.targets for target in watched if target.dependency is not None
        }
        self._linked = {*self._links, *(name for parents in self._links.values() for name in parents)}
        reporting = {target.id for target in watched if target.heartbeat is not None}
        self._reporting = reporting if len(reporting) < len(watched) else set()
        """The targets that report by themselves, where others are checked."""
        self._weighted = {target.id for target in watched if _is_weighted(target)}
        self._teller = Teller(configuration, begin_ns)
        self._silences = past.silences(begin_ns)[::-1]
        self._blind = past.blind(begin_ns)
        self._away_ns = max(
            AWAY_CADENCES * min((target.every_ns for target in watched), default=0), AWAY_NS_MIN
        )
        self._book = SpanBook()
        self._waiting: list[Happened] = []
        self._stops: deque[Stop] = deque()
        self._last_us: int | None = None
        self._samples = 0
        self._seen: set[str] = set()
        self._is_sampled = False

    def run(self, progress: Callable[[int], None]) -> Replayed:
        for recorded in self._past.hours(self._begin_ns, self._until_ns):
            self._hour(recorded)
            progress(recorded.hour * NS_PER_HOUR)
        end_ns = self._end_ns()
        self._close(end_ns)
        self._teller.run_until(end_ns)
        return self._result()

    def _end_ns(self) -> int:
        """Returns until when a process told anything: to the end of the span, or to the last sample where it had stopped before."""
        last_ns = self._begin_ns if self._last_us is None else self._last_us * NS_PER_US
        return self._until_ns if self._until_ns - last_ns <= self._away_ns else last_ns

    def _hour(self, recorded: RecordedHour) -> None:
        begin_ns = recorded.hour * NS_PER_HOUR
        self._seen |= recorded.targets.keys()
        self._is_sampled |= begin_ns + NS_PER_HOUR > self._since_ns
        self._leave_out(recorded)
        self._close(begin_ns)
        up = next(
            (number for number, what in recorded.meanings.items() if what == (Outcome.UP, Reason.OK)), -1
        )
        good: dict[str, HourOfTarget] = {}
        judged: dict[str, list[Happened]] = {}
        for name, samples in recorded.targets.items():
            judge = self._judges.get(name)
            if judge is None:
                continue
            self._samples += len(samples.at_us)
            if name not in self._weighted and judge.skip(samples, up):
                good[name] = samples
            else:
                judged[name] = [*judge.judge(samples, recorded.meanings, recorded.explanations)]
        self._gather(good, judged)

    def _leave_out(self, recorded: RecordedHour) -> None:
        """Notes the spans in which no target at all was checked, and those in which the runtime could see nothing."""
        # A heartbeat that was due in a stop is counted as missed at its own moment, once a process runs again.
        checked = [samples for name, samples in recorded.targets.items() if name not in self._reporting]
        times = sorted({at_us for samples in checked for at_us in samples.at_us})
        if not times:
            return
        if self._last_us is None:
            for name in recorded.targets.keys() & self._judges.keys():
                self._judges[name].begin(times[0] * NS_PER_US)
        else:
            times.insert(0, self._last_us)
        self._last_us = times[-1]
        away_us = self._away_ns // NS_PER_US
        gaps = [
            (before * NS_PER_US, after * NS_PER_US)
            for before, after in pairwise(times)
            if after - before > away_us
        ]
        end_ns = (recorded.hour + 1) * NS_PER_HOUR
        blind = [span for span in self._blind if span.begin_ns < end_ns]
        self._blind = [span for span in self._blind if span.begin_ns >= end_ns]
        if not gaps and not blind:
            return
        stops = [stop for gap in gaps if (stop := _stop(gap, blind)) is not None]
        self._stops += stops
        away = _united([*gaps, *((span.begin_ns, span.end_ns) for span in blind)])
        for judge in self._judges.values():
            judge.leave_out(away, stops)

    def _close(self, until_ns: int) -> None:
        """Lets time pass for every target, and tells what happened until a wall time."""
        for judge in self._judges.values():
            self._waiting += judge.pass_time(until_ns)
        self._waiting.sort(key=lambda each: each.at_ns)
        told = [each for each in self._waiting if each.at_ns < until_ns]
        del self._waiting[: len(told)]
        for each in told:
            self._reach(each.at_ns)
            if each.is_watched is not None and each.target in self._linked:
                self._teller.watch(each.target, each.at_ns, is_watched=each.is_watched)
            for step in each.transitions:
                self._book.note(step)
            self._teller.happened(each.transitions, () if each.sample is None else (each.sample,), each.at_ns)
        self._reach(until_ns)

    def _reach(self, until_ns: int) -> None:
        """Lets time pass for the notices: nothing is told in a stop, and what came due in it follows at its end."""
        while self._stops and self._stops[0].end_ns <= until_ns:
            stop = self._stops.popleft()
            self._mute(stop.begin_ns)
            self._teller.stand_still(stop.begin_ns, stop.end_ns)
        self._mute(until_ns)

    def _mute(self, until_ns: int) -> None:
        """Makes the silences that were made until a wall time; those from before the replay at its beginning."""
        while self._silences and (self._silences[-1].created_at_ns or 0) <= until_ns:
            silence = self._silences.pop()
            self._teller.mute(silence, max(silence.created_at_ns or 0, self._begin_ns))

    def _gather(self, good: dict[str, HourOfTarget], judged: dict[str, list[Happened]]) -> None:
        """Keeps what is to be told of an hour: the steps of incidents, and the samples that holds of notices depend on."""
        whole = self._asked_for(good, judged)
        for name, each in judged.items():
            keeps = name in whole or name in self._weighted
            self._waiting += (
                one if keeps else one._replace(sample=None)
                for one in each
                if keeps or one.transitions or one.is_watched is not None
            )
        for name, samples in good.items():
            if name in self._linked:
                self._waiting += self._judges[name].passed_over(samples, only_last=name not in whole)

    def _asked_for(self, good: dict[str, HourOfTarget], judged: dict[str, list[Happened]]) -> set[str]:
        """Returns the targets all of whose samples count for a dependency: those in trouble, and the parents of one."""
        troubled = {name for name in self._linked if name not in good and name in judged}
        troubled |= {name for name in self._linked & self._judges.keys() if self._judges[name].is_troubled}
        parents = {parent for child in troubled & self._links.keys() for parent in self._links[child]}
        return troubled | parents

    def _result(self) -> Replayed:
        recorded = {name: each for name, each in self._recorded.items() if self._counts(each)}
        replayed = {name: each for name, each in self._book.spans.items() if self._counts(each)}
        told = [
            each
            for each in self._past.notices(self._since_ns, self._until_ns)
            if any(name in recorded for name in each.incident_ids)
        ]
        taken = [each for each in self._teller.taken if any(name in replayed for name in each.incidents)]
        configured = {target.id for target in self._configuration.targets}
        return Replayed(
            self._since_ns,
            self._until_ns,
            self._configuration,
            recorded,
            replayed,
            told,
            taken,
            self._samples,
            tuple(sorted(self._judges.keys() - self._seen)),
            tuple(sorted(self._seen - configured)),
            sum(judge.unmatched for judge in self._judges.values()),
            self._away_ns,
            self._is_sampled,
        )

    def _counts(self, span: OpenSpan) -> bool:
        return self._since_ns <= span.opened_at_ns < self._until_ns


def _is_weighted(target: Target) -> bool:
    flapping = target.judged_flapping
    return flapping is not None and flapping.method != "transitions"


def _stop(gap: WallSpan, blind: list[BlindSpan]) -> Stop | None:
    """Returns what a span without any sample was for the clocks of rules; None where they went on."""
    causes = {span.cause for span in blind if span.begin_ns < gap[1] and gap[0] < span.end_ns}
    if causes and SUSPENDED not in causes:
        return None
    return Stop(*gap, is_restart=not causes)


def _united(spans: list[WallSpan]) -> list[WallSpan]:
    """Returns spans in their order, those that overlap as one."""
    found: list[WallSpan] = []
    for begin_ns, end_ns in sorted(spans):
        if found and begin_ns <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_ns))
        else:
            found.append((begin_ns, end_ns))
    return found
