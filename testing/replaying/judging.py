"""Judging a recording: the rules of each target over its recorded samples, hour by hour."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from operator import sub
from typing import NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from ...adapters.stores.history.recording import HourOfTarget
from ...domain.incidents.incident import Transition
from ...domain.incidents.record import Checkpoint
from ...domain.observation.outcome import Outcome, Reason
from ...domain.observation.sample import Sample
from ...domain.rules.aggregate import TargetAggregate
from ...domain.specification.rule import RuleState
from ...domain.specification.target import Target
from ...domain.time.moment import Moment
from ...domain.units import NS_PER_US
from .harmless import HarmlessHours
from .times import VirtualTime
from .waiting import SilenceWaits, WallSpan

RUN = 1
"""The run under which the incidents of a replay get their ids."""


class Happened(NamedTuple):
    """A consequence of a sample, of a silence of a target or of an operator, at a moment."""

    at_ns: int
    """Wall time at which it was known: the end of an attempt."""
    target: str
    transitions: tuple[Transition, ...] = ()
    sample: Sample | None = None
    """The sample, where what holds notices back has to see it."""
    is_watched: bool | None = None
    """Whether the target is watched from now on; None where nothing of it has changed."""


class Stop(NamedTuple):
    """A span in which no target was checked at all. Wall times."""

    begin_ns: int
    end_ns: int
    is_restart: bool
    """Whether another process went on; otherwise the machine was suspended."""


class Acknowledged(NamedTuple):
    """A recorded acknowledgement of an incident, or its withdrawal."""

    at_ns: int
    rule: str
    by: str | None
    """The author; None of an acknowledgement that ended by itself."""
    until_ns: int | None = None
    """When it ends by itself (wall)."""
    is_withdrawn: bool = False


class TargetJudge:
    """Judges the recorded samples of one target by its present rules. Owns its aggregate and the waits of its no_data rules."""

    def __init__(self, target: Target, time: VirtualTime, acknowledged: list[Acknowledged]) -> None:
        """`acknowledged` has the commands on its incidents, in the order of time."""
        self.target = target
        self._time = time
        self._aggregate = TargetAggregate(target, RUN)
        self._number = 0
        self._was_good = False
        """Whether the last sample was up, and no silence has been judged since."""
        self._harmless = self._no_hours()
        self._waits = SilenceWaits(target)
        self._stops: deque[Stop] = deque()
        self._stood_ns = 0
        """For how long its clock has stood still in stops."""
        self._acts = acknowledged[::-1]
        self._last_ns: int | None = None
        """When its last sign of life was known (wall)."""
        self.unmatched = 0
        """Acknowledgements of incidents that are not open in the replay."""

    def _no_hours(self) -> HarmlessHours:
        return HarmlessHours(rule for rule in self.target.judged_rules if rule.state is not RuleState.RETIRED)

    @property
    def is_troubled(self) -> bool:
        """Whether it has an open incident or its last sample was not good."""
        return bool(self._aggregate.incidents()) or not self._was_good

    def begin(self, at_ns: int) -> None:
        """Begins to wait for samples at a wall time, the beginning of the record."""
        self._waits.begin(at_ns)

    def leave_out(self, away: Iterable[WallSpan], stops: Iterable[Stop]) -> None:
        """Counts no silence in spans of wall time in which nothing could be seen; in the stops among them its clock stands still."""
        self._waits.leave_out(away)
        self._stops += stops

    def judge(
        self,
        hour: HourOfTarget,
        meanings: Mapping[int, tuple[Outcome, Reason]],
        explanations: Mapping[tuple[str, int], str],
    ) -> Iterator[Happened]:
        """Judges the samples of an hour. Yields what each did, and every sample without effect, too."""
        first_ns = hour.at_us[0] * NS_PER_US
        if any(stop.is_restart and stop.end_ns <= first_ns for stop in self._stops):
            self._moment(first_ns)  # the windows of a new process are empty: it owes them nothing
        for before in self._harmless.owed():
            self._catch_up(before)
        for at_us, finding, status, latency_us in zip(*hour, strict=True):
            outcome, reason = meanings[finding]
            at_ns = at_us * NS_PER_US
            known_ns = self._known_ns(at_ns + self._took_ns(outcome, latency_us))
            yield from self.pass_time(known_ns)
            text = "" if outcome is Outcome.UP else explanations.get((self.target.id, at_us), "")
            sample = self._sample(at_ns, outcome, reason, status, latency_us, text)
            now = self._moment(known_ns)  # may put another aggregate in the place of this one
            transitions = self._aggregate.apply(sample, now)
            self._harmless.note(at_us, status, latency_us, is_good=outcome is Outcome.UP)
            begins = self._note(sample, known_ns)
            yield Happened(known_ns, self.target.id, transitions, self._shown(sample), begins or None)

    def _shown(self, sample: Sample) -> Sample:
        """Returns a sample by the clock of all targets, which stands still for none of them."""
        return replace(sample, at=self._time.at(sample.at.wall_ns)) if self._stood_ns else sample

    def _catch_up(self, hour: HourOfTarget) -> None:
        """Judges good samples that were passed over: they fill the windows of rules, and change nothing else."""
        for at_us, _, status, latency_us in zip(*hour, strict=True):
            at_ns = at_us * NS_PER_US
            sample = self._sample(at_ns, Outcome.UP, Reason.OK, status, latency_us, "")
            self._aggregate.apply(sample, sample.at)

    def skip(self, hour: HourOfTarget, up: int) -> bool:
        """Passes over an hour of good samples that change nothing; returns False where it must be judged sample by sample.

        `up` is the number of the finding of a good sample.
        """
        if (
            not self._harmless.is_possible
            or not self._was_good
            or self._acts_before(hour.at_us[-1] * NS_PER_US)
            or (self._stops and self._stops[0].end_ns <= hour.at_us[-1] * NS_PER_US)
        ):
            return False
        if self._aggregate.incidents() or any(finding != up for finding in set(hour.findings)):
            return False
        slowest_ns = max((each for each in hour.latencies_us if each is not None), default=0) * NS_PER_US
        first_ns, last_ns = hour.at_us[0] * NS_PER_US, hour.at_us[-1] * NS_PER_US
        gap_ns = max(map(sub, hour.at_us[1:], hour.at_us), default=0) * NS_PER_US
        waited_ns = gap_ns if self._last_ns is None else max(gap_ns, first_ns - self._last_ns)
        shortest_ns = self._waits.shortest_ns
        if shortest_ns and waited_ns + slowest_ns >= shortest_ns:
            return False
        if not self._harmless.passes(hour):
            return False
        self._hear(last_ns + (hour.latencies_us[-1] or 0) * NS_PER_US, is_sign_of_life=True)
        return True

    def passed_over(self, hour: HourOfTarget, *, only_last: bool) -> Iterator[Happened]:
        """Yields the samples of an hour of good ones that was passed over, or its last one."""
        for at_us, _, status, latency_us in list(zip(*hour, strict=True))[-1 if only_last else 0 :]:
            at_ns = at_us * NS_PER_US
            sample = self._sample(at_ns, Outcome.UP, Reason.OK, status, latency_us, "")
            yield Happened(at_ns + (latency_us or 0) * NS_PER_US, self.target.id, sample=self._shown(sample))

    def pass_time(self, until_ns: int) -> Iterator[Happened]:
        """Lets wall time pass: yields what a silence of the target and operators bring about before then."""
        while True:
            act_ns = self._acts[-1].at_ns if self._acts else until_ns
            if (due := self._waits.next_due(min(act_ns, until_ns))) is not None:
                rule, at_ns = due
                made = self._missing(rule, at_ns) if rule else ()
                is_watched = None if rule else False
            elif act_ns < until_ns:
                at_ns, is_watched = act_ns, None
                made = self._act(self._acts.pop())
            else:
                return
            if made or is_watched is False:
                yield Happened(at_ns, self.target.id, made, is_watched=is_watched)

    def _acts_before(self, at_ns: int) -> bool:
        return bool(self._acts) and self._acts[-1].at_ns <= at_ns

    def _missing(self, rule: str, at_ns: int) -> tuple[Transition, ...]:
        self._was_good = False
        moment = self._moment(at_ns)
        return self._aggregate.missing(rule, moment, moment)

    def _act(self, act: Acknowledged) -> tuple[Transition, ...]:
        found = [each for each in self._aggregate.incidents() if each.rule == act.rule]
        if not found:
            self.unmatched += not act.is_withdrawn
            return ()
        now = self._moment(act.at_ns)
        if act.is_withdrawn:
            return self._aggregate.unacknowledge(found[0].id, now, act.by)
        return self._aggregate.acknowledge(found[0].id, act.by or "", now, until_ns=act.until_ns)

    def _note(self, sample: Sample, known_ns: int) -> bool:
        """Returns whether the target was not watched before the sample."""
        self._was_good = sample.outcome is Outcome.UP
        return self._hear(known_ns, is_sign_of_life=sample.is_sign_of_life)

    def _hear(self, known_ns: int, *, is_sign_of_life: bool) -> bool:
        if is_sign_of_life:
            self._last_ns = known_ns
        return self._waits.heard(known_ns, is_sign_of_life=is_sign_of_life)

    def _known_ns(self, wall_ns: int) -> int:
        """Returns when something was known: a heartbeat that was due in a stop is counted as missed at its end."""
        for begin_ns, end_ns, _ in self._stops:
            if begin_ns < wall_ns < end_ns:
                return end_ns
        return wall_ns

    def _moment(self, wall_ns: int) -> Moment:
        """Returns a moment by the target's own clock, which stands still in stops. A stop that has ended by then is passed."""
        while self._stops and self._stops[0].end_ns <= wall_ns:
            self._pass(self._stops.popleft())
        begin_ns = self._stops[0].begin_ns if self._stops else wall_ns
        return Moment(self._time.at(min(wall_ns, begin_ns)).monotonic_ns - self._stood_ns, wall_ns)

    def _pass(self, stop: Stop) -> None:
        """Passes a stop: a process that starts again goes on with what the one before has saved, and its windows fill anew."""
        self._stood_ns += stop.end_ns - stop.begin_ns
        if not stop.is_restart:
            return
        now = Moment(self._time.at(stop.end_ns).monotonic_ns - self._stood_ns, stop.end_ns)
        state, incidents = self._aggregate.checkpoint(), self._aggregate.incidents()
        self._aggregate = TargetAggregate(self.target, RUN)
        self._aggregate.restore(Checkpoint(self.target.id, state, stop.begin_ns), incidents, now)
        self._harmless = self._no_hours()

    def _took_ns(self, outcome: Outcome, latency_us: int | None) -> int:
        """Returns how long an attempt took; a timeout that the record does not time took its whole time."""
        if latency_us is not None:
            return latency_us * NS_PER_US
        return self.target.timeout_ns if outcome is Outcome.TIMED_OUT else 0

    def _sample(
        self,
        at_ns: int,
        outcome: Outcome,
        reason: Reason,
        status: int | None,
        latency_us: int | None,
        text: str,
    ) -> Sample:
        self._number += 1
        return Sample(
            target=self.target.id,
            epoch=1,
            attempt=self._number,
            at=self._moment(at_ns),
            outcome=outcome,
            reason=reason,
            latency_ns=None if latency_us is None else latency_us * NS_PER_US,
            status=status,
            detail=text.removeprefix(f"{reason.value}: ") if text != reason.value else "",
            body=UNSET,
        )
