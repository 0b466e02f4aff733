"""The aggregate: one target with its rules and open incidents. Time is an argument; it owns nothing but judgement."""

from collections.abc import Callable, Collection, Iterable
from enum import StrEnum

import msgspec
from msgspec import UNSET

from .. import limits
from ..incidents.acknowledgement import acknowledged, unacknowledged
from ..incidents.incident import Incident, Transition, TransitionKind, incident_id
from ..incidents.record import Checkpoint, LatestFinding
from ..observation.outcome import Outcome
from ..observation.sample import Sample
from ..specification.rule import JudgedRule, RuleState, Severity
from ..specification.target import Target
from ..time.moment import Moment
from .cause import REMOVED, RETIRED, SILENCE_IS_BAD, SILENCE_IS_FINE, Cause, end_of
from .evaluation import NoDataEvaluator
from .evaluator import OK, VIOLATED, Verdict
from .phase import IDLE, Phase, PhaseState, next_state
from .watch import (
    OF_TARGET,
    RuleWatch,
    is_idle,
    reconfigured,
    restated,
    resume,
    rules_of,
    saved_of,
    saved_up,
)


class Status(StrEnum):
    """The confirmed status of a target."""

    UNKNOWN = "unknown"
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    PAUSED = "paused"


RAW_STATUS: dict[Outcome, Status] = {
    Outcome.UP: Status.UP,
    Outcome.DEGRADED: Status.DEGRADED,
    Outcome.DOWN: Status.DOWN,
    Outcome.TIMED_OUT: Status.DOWN,
    Outcome.CANCELLED: Status.UNKNOWN,
    Outcome.UNKNOWN: Status.UNKNOWN,
}


class TargetAggregate:
    """Turns the samples of one target into transitions.

    Owns its rules' state and incidents; returns and never notifies.
    """

    __slots__ = (
        "_applied",
        "_judged",
        "_last",
        "_run",
        "_stale_after_ns",
        "_target",
        "_up_since_ns",
        "_watches",
    )

    def __init__(self, target: Target, run: int) -> None:
        self._target, self._stale_after_ns = target, target.stale_after_ns
        self._run = run
        self._watches = [
            RuleWatch(rule) for rule in target.judged_rules if rule.state is not RuleState.RETIRED
        ]
        self._applied = 0
        self._last: Sample | None = None
        self._judged: Moment | None = None
        self._up_since_ns: int | None = None

    @property
    def up_since_ns(self) -> int | None:
        """The wall time since which the target is up, also over stops of the process; None where it is not."""
        return self._up_since_ns

    @property
    def target(self) -> Target:
        return self._target

    def incidents(self) -> tuple[Incident, ...]:
        """Returns the open incidents, in the order of the rules."""
        return tuple([watch.incident for watch in self._watches if watch.incident is not None])

    def latest(self) -> tuple[LatestFinding, ...]:
        """Returns what was found last for each open incident, in the order of the rules."""
        return tuple(
            [
                LatestFinding(watch.incident.id, watch.incident.latest)
                for watch in self._watches
                if watch.incident is not None
            ]
        )

    def raw_status(self) -> Status:
        """Returns the status by the newest sample alone."""
        return Status.UNKNOWN if self._last is None else RAW_STATUS[self._last.outcome]

    def status(self) -> Status:
        """Returns the confirmed status: by the open incidents, and without any by the newest evidence."""
        return confirmed_status(self.incidents(), self.raw_status())

    @property
    def counts_each_sample(self) -> bool:
        """Whether a rule counts good samples too, so that each of them changes what a restart resumes."""
        return any(watch.evaluator.counts_each_sample for watch in self._watches)

    def is_news(self, sample: Sample) -> bool:
        """Whether a sample is newer than the last applied one; another is not judged."""
        return sample.attempt > self._applied

    def apply(self, sample: Sample, now: Moment) -> tuple[Transition, ...]:
        """Judges a sample and returns the transitions.

        A sample that is not newer than the last applied one is refused.
        """
        if not self.is_news(sample):
            return ()
        self._applied = sample.attempt
        before, self._last = self._last, sample
        self._note(sample.at)
        made = self._judge(sample, now)
        if self.status() is not Status.UP:
            self._up_since_ns = None
        elif self._up_since_ns is None or (before is not None and self._is_gap(before, sample)):
            self._up_since_ns = sample.at.wall_ns
        return made

    def _is_gap(self, before: Sample, sample: Sample) -> bool:
        """Whether nothing was known between two samples. Suspended time, which the monotonic clock does not show, counts."""
        now, then = sample.at, before.at
        apart_ns = max(now.monotonic_ns - then.monotonic_ns, now.wall_ns - then.wall_ns)
        return apart_ns > self._stale_after_ns

    def _judge(self, sample: Sample, now: Moment) -> tuple[Transition, ...]:
        if not sample.outcome.is_evidence:
            return ()
        cause: Cause | None = None
        made = []
        for watch in self._watches:
            idle = watch.phase_state is IDLE
            verdict = watch.evaluator.take(sample, firing=not idle and watch.firing)
            if idle and verdict is not VIOLATED:
                continue
            cause = cause or Cause(sample.reason.value, sample.explanation())
            transition = self._move(watch, verdict, sample.at, now, cause)
            if transition is None and verdict is VIOLATED:
                transition = self._restate(watch, cause, now)
            if transition is not None:
                made.append(transition)
            elif watch.incident is not None and watch.evaluator.is_bad(sample, verdict):
                watch.follow(watch.evaluator.breach(cause).explanation)
        return tuple(made)

    def missing(self, rule: str, since: Moment, now: Moment) -> tuple[Transition, ...]:
        """Judges missing samples; `since` is the moment at which the silence became too long for this no_data rule."""
        watch = next((watch for watch in self._watches if watch.rule.id == rule), None)
        if watch is None or not isinstance(watch.evaluator, NoDataEvaluator):
            return ()
        self._note(now)
        verdict = watch.evaluator.missing(since)
        # Missing samples that count as ok resolve the incidents of every rule of the target, not only of this one.
        judged, cause = (self._watches, SILENCE_IS_FINE) if verdict is OK else ([watch], self._silence())
        made = [self._move(watch, verdict, now, now, cause) for watch in judged]
        if verdict is VIOLATED:
            watch.follow(cause.explanation)
        if verdict is OK:
            for watch in judged:
                # A later bad sample is the first of a new breach, which began after the one that ends here.
                watch.evaluator.begin_anew()
        if self.status() is not Status.UP:
            self._up_since_ns = None
        return tuple(transition for transition in made if transition is not None)

    def _silence(self) -> Cause:
        """Returns the cause of missing evidence: samples that are none say why."""
        last = self._last
        if last is None or last.is_sign_of_life:
            return SILENCE_IS_BAD
        text = f"no evidence for too long; the last attempt: {last.explanation()}"
        return Cause(SILENCE_IS_BAD.reason, text[: limits.EXPLANATION_CHARACTERS_MAX])

    def _note(self, at: Moment) -> None:
        """Advances the moment up to which the rules are judged: missing samples are judged after the last sample."""
        if self._judged is None or self._judged.monotonic_ns < at.monotonic_ns:
            self._judged = at

    def _move(
        self, watch: RuleWatch, verdict: Verdict, at: Moment, now: Moment, cause: Cause
    ) -> Transition | None:
        watch.phase_state = next_state(
            watch.phase_state, verdict, at, for_ns=watch.for_ns, keep_firing_ns=watch.keep_firing_ns
        )
        if watch.firing and watch.incident is None:
            return self._open(watch, at, now, cause)
        if not watch.firing and watch.incident is not None:
            return self._resolve(watch, watch.incident, at, now, cause)
        return None

    def _open(self, watch: RuleWatch, at: Moment, now: Moment, cause: Cause) -> Transition:
        opened_at_ns = (watch.evaluator.since() or at).wall_ns
        rule = watch.rule
        cause = watch.evaluator.breach(cause)
        step = Transition(
            id=incident_id(self._target.id, rule.id, self._run, self._applied, opened_at_ns),
            sequence=1,
            change=TransitionKind.OPENED,
            target=self._target.id,
            rule=rule.id,
            severity=watch.severity,
            about=self._target.metadata or UNSET,
            at_ns=now.wall_ns,
            opened_at_ns=opened_at_ns,
            cause=cause.explanation,
            latest=cause.explanation,
            reason=cause.reason,
            explanation=cause.explanation,
            evidence=watch.evaluator.evidence(),
            draft=rule.state is RuleState.DRAFT,
            notify=self._target.notify,
        )
        watch.incident = step.incident
        return step

    def _restate(self, watch: RuleWatch, cause: Cause, now: Moment) -> Transition | None:
        """Gives an open incident the severity that its rule has found."""
        if watch.incident is None or not watch.has_other_severity:
            return None
        step = restated(watch.incident, watch, watch.evaluator.breach(cause), now, self._target.notify)
        watch.incident = step.incident
        return step

    def _resolve(
        self, watch: RuleWatch, incident: Incident, at: Moment, now: Moment, cause: Cause
    ) -> Transition:
        watch.incident = None
        evidence, notify = watch.evaluator.evidence(), self._target.notify
        return end_of(incident, cause, now, at=at, evidence=evidence, notify=notify)

    def _end(self, watches: Iterable[RuleWatch], cause: Cause, now: Moment) -> list[Transition]:
        return [self._resolve(watch, watch.incident, now, now, cause) for watch in watches if watch.incident]

    def acknowledge(
        self,
        incident: str,
        by: str,
        now: Moment,
        *,
        note: str = "",
        until_ns: int | None = None,
        until_worse: bool | None = None,
    ) -> tuple[Transition, ...]:
        """Acknowledges an incident, until a wall time, a rise of its severity or its end: its channels then receive only its end.

        No transition where it is not open, or somebody else has seen it.
        """
        return self._step(
            incident,
            lambda held: acknowledged(held, by, note, until_ns, now.wall_ns, until_worse=until_worse),
        )

    def unacknowledge(self, incident: str, now: Moment, by: str | None = None) -> tuple[Transition, ...]:
        """Ends the acknowledgement of an incident: `by` withdraws it, or its time is over (None)."""
        return self._step(incident, lambda held: unacknowledged(held, now.wall_ns, by))

    def _step(self, incident: str, make: Callable[[Incident], Transition | None]) -> tuple[Transition, ...]:
        for watch in self._watches:
            held = watch.incident
            if held is not None and held.id == incident:
                step = make(held)
                if step is not None:
                    watch.incident = step.incident
                    return (step,)
        return ()

    def reconfigure(self, target: Target, now: Moment) -> tuple[Transition, ...]:
        """Applies a new specification: kept rules keep their clocks and incidents, removed rules resolve theirs."""
        kept = {watch.rule.id: watch for watch in self._watches}
        made: list[Transition] = []
        watches: list[RuleWatch] = []
        self._target, self._stale_after_ns = target, target.stale_after_ns
        for rule in target.judged_rules:
            if rule.state is RuleState.RETIRED:
                continue
            watch = kept.pop(rule.id, None) or RuleWatch(rule)
            made += self._adopt(watch, rule, now)
            watches.append(watch)
        self._watches = watches
        return (*made, *self._end(kept.values(), RETIRED, now))

    def _adopt(self, watch: RuleWatch, rule: JudgedRule, now: Moment) -> list[Transition]:
        watch.adopt(rule, now)
        incident = watch.incident
        draft = rule.state is RuleState.DRAFT
        if incident is None or (incident.severity is watch.severity and incident.draft is draft):
            return []
        step = reconfigured(incident, watch, now, self._target.notify)
        watch.incident = step.incident
        return [step]

    def close(self, now: Moment) -> tuple[Transition, ...]:
        """Ends the watch of the target: returns one resolving transition for each open incident."""
        watches, self._watches = self._watches, []
        return tuple(self._end(watches, REMOVED, now))

    def checkpoint(self) -> bytes:
        """Returns the state that a restart resumes besides the incidents; empty when the target is not up and every rule is idle."""
        at = self._judged
        rules = [saved_of(watch, at) for watch in self._watches if at and not is_idle(watch)]
        if self._up_since_ns is not None:
            rules.append(saved_up(self._up_since_ns))
        return msgspec.msgpack.encode(rules) if rules else b""

    def restore(
        self, saved: Checkpoint | None, incidents: Iterable[Incident], now: Moment
    ) -> tuple[Transition, ...]:
        """Resumes the state of a former run.

        Returns the ends of incidents whose rules are gone or have an older open one, and behind them a step of each that began under a
        former name.
        """
        by_rule = {watch.rule.id: watch for watch in self._watches}
        if saved:
            self._note(now)  # its clocks go on from now
        for rule in rules_of(saved.state if saved else b""):
            if rule.rule == OF_TARGET:
                self._up_since_ns = rule.since_wall_ns
            watch = by_rule.get(rule.rule)
            if watch is not None:
                resume(watch, rule, now)
        ends, renamed = [], []
        for incident in incidents:
            watch = by_rule.get(incident.rule)
            if watch is None or watch.incident is not None:
                ends.append(end_of(incident, RETIRED if watch is None else REMOVED, now))
                continue
            if incident.target != self._target.id:
                renamed.append(self._renamed(incident, now))
                incident = renamed[-1].incident  # noqa: PLW2901  # the incident under its present name
            watch.incident = incident
            # An open incident outweighs the checkpoint, which may be missing or older: its rule fires.
            if not watch.firing:
                watch.phase_state = PhaseState(Phase.FIRING, now)
        # Ends come first: the record has one open incident of a rule under each name.
        return (*ends, *renamed)

    def _renamed(self, incident: Incident, now: Moment) -> Transition:
        return Transition.after(
            incident,
            TransitionKind.CHANGED,
            now.wall_ns,
            target=self._target.id,
            reason="renamed",
            explanation=f"its target was named {incident.target}",
            notify=self._target.notify,
        )


def status_of(incidents: Collection[Incident]) -> Status | None:
    """Returns the status by the open incidents of one target; None where all are drafts or there are none."""
    if not incidents:
        return None
    severities = {incident.severity for incident in incidents if not incident.draft}
    if not severities:
        return None
    return Status.DOWN if Severity.CRITICAL in severities else Status.DEGRADED


def confirmed_status(incidents: Collection[Incident], raw: Status) -> Status:
    """Returns the status by the open incidents of one target, and without any by `raw`, that of its newest sample."""
    # A bad sample that no rule has confirmed yet does not make the target down.
    return status_of(incidents) or (Status.UP if raw is Status.DOWN else raw)
