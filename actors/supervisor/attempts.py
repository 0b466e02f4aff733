"""Attempts: the supervisor's work on targets. What is due is started, what is late is refused, what waits has a deadline."""

from collections import Counter

import msgspec

from ...domain import limits
from ...domain.observation.attempt import CANCELLED_STATES, AttemptId, AttemptState, CancelOutcome
from ...domain.observation.outcome import Outcome, Reason
from ...domain.observation.sample import Sample, sample_without_answer
from ...domain.specification.target import Target
from ...domain.supervision.admission import Admission
from ...domain.supervision.blindness import BlindnessDetector
from ...domain.supervision.restart import SupervisorPolicies
from ...domain.supervision.schedule import PendingAttempt, Scheduled
from ...domain.time.moment import Moment
from ...domain.time.timers import Timers
from ...protocol.owner import OwnerMessage, SamplesMissing, SampleTaken
from ...protocol.poller import CancelAttempt, Reconfigure, StartAttempt
from ..ports import Listener
from .periodic_timers import NoEvidence, TimerKey
from .poller_registry import Roster

BAD = frozenset({Outcome.DOWN, Outcome.TIMED_OUT})


class Attempts:
    """Owned by the supervisor: the schedule, admission, and every attempt under way."""

    def __init__(
        self,
        *,
        timers: Timers[TimerKey],
        roster: Roster,
        owner: Listener[OwnerMessage],
        policies: SupervisorPolicies,
        blindness: BlindnessDetector,
        numbers_from: int,
    ) -> None:
        self._timers = timers
        self._targets, self._pollers = roster
        self._owner = owner
        self._blindness = blindness
        self._cancellation = policies.cancellation
        self._numbers_from = numbers_from
        self._scheduled: dict[str, Scheduled] = {}
        self._admission: Admission[tuple[Scheduled, PendingAttempt]] = Admission(policies.admission)
        self._blind_until_ns = 0
        self._draining = False
        self.counters: Counter[str] = Counter()
        self._told: Counter[str] = Counter()

    @property
    def under_way(self) -> tuple[str, ...]:
        """Targets whose attempt has not ended."""
        return tuple(entry.id for entry in self._scheduled.values() if entry.pending is not None)

    def newly_counted(self) -> Counter[str]:
        """What was counted since this was last asked."""
        news, self._told = self.counters - self._told, self.counters.copy()
        return news

    def get(self, target: str) -> Scheduled | None:
        return self._scheduled.get(target)

    # Targets come and go.

    def track(self, target: Target, now: Moment) -> None:
        """Schedule a target, or go on with it under a new specification."""
        entry = self._scheduled.get(target.id)
        if entry is None:
            entry = self._scheduled[target.id] = Scheduled(target, self._numbers_from)
        else:
            self._change(entry, target)
        if entry.is_heartbeat:
            self._dismiss(entry, now)
        elif target.id not in self._pollers:
            self._pollers.start(target)
        if target.paused != entry.paused:
            self.pause(target.id, now) if target.paused else self.resume(target.id, now)
        self._arm(entry, now)

    def _change(self, entry: Scheduled, target: Target) -> None:
        self._expect_nothing(entry)
        entry.adopt(target)
        if not entry.is_heartbeat and target.id in self._pollers:
            self._pollers.poller(target.id).tell(Reconfigure(target))

    def untrack(self, target: str, now: Moment) -> bool:
        """Forget a target; its attempt, if one runs, is cancelled. False when there is none of this name."""
        entry = self._scheduled.get(target)
        if entry is None:
            return False
        self._dismiss(entry, now)
        # A target of the same name that is tracked later must not take an old answer for its own.
        self._numbers_from = max(self._numbers_from, entry.number)
        del self._scheduled[target]
        return True

    def pause(self, target: str, now: Moment) -> bool:
        """Start nothing more for a target and cancel what runs. False when there is none of this name."""
        entry = self._scheduled.get(target)
        if entry is None:
            return False
        entry.paused = True
        running = self._withdraw(entry, now)
        if running is not None:
            self._pollers.poller(target).tell(CancelAttempt(running.attempt))
        return True

    def resume(self, target: str, now: Moment) -> bool:
        entry = self._scheduled.get(target)
        if entry is None:
            return False
        entry.paused = False
        entry.last_beat = now if entry.is_heartbeat else None
        self._arm(entry, now)
        return True

    def _dismiss(self, entry: Scheduled, now: Moment) -> None:
        """A target without a poller has no attempt either: what waits or runs ends here and now."""
        running = self._withdraw(entry, now)
        # The poller cancels what it runs when it stops, and is told so before whoever waits for its place is called.
        self._pollers.stop(entry.id)
        if running is not None:
            self._end(entry, running, AttemptState.CANCEL_UNKNOWN, now, _cancelled(running, now))

    def _withdraw(self, entry: Scheduled, now: Moment) -> PendingAttempt | None:
        """Fire no timer of this target and end an attempt that waits; returns one that runs, which its poller must end."""
        self._expect_nothing(entry)
        pending = entry.pending
        if pending is None or pending.state is not AttemptState.QUEUED:
            return pending
        self._end(entry, pending, AttemptState.CANCELLED_BEFORE_START, now, _cancelled(pending, now))
        return None

    def _is_left_alone(self, entry: Scheduled) -> bool:
        """Nothing is expected of a target that is paused, nor of any while we drain."""
        return entry.paused or self._draining

    # Ticks.

    def _arm(self, entry: Scheduled, now: Moment) -> None:
        if self._is_left_alone(entry):
            return
        if entry.is_heartbeat:
            entry.last_beat = entry.last_beat or now
            self._timers.arm(entry, entry.next_silence_ns(entry.last_beat, now))
        else:
            self._timers.arm(entry, entry.grid().first_after(now.monotonic_ns, len(self._targets)))
        self._expect_evidence(entry, now)

    def tick(self, entry: Scheduled, due_ns: int, now: Moment) -> None:
        """A target's time has come. Ticks that passed unserved are counted and skipped; none is ever replayed."""
        due = now.shifted(due_ns - now.monotonic_ns)
        if entry.is_heartbeat:
            self._silent(entry, due, now)
            return
        missed = entry.grid().missed_between(due_ns, now.monotonic_ns)
        self._timers.arm(entry, entry.next_due_ns(now))
        self.counters["missed_ticks"] += missed
        entry.missed += missed
        if entry.pending is not None:
            self.counters["overlapped_ticks"] += 1
            entry.missed += 1
        elif not self._pollers.alive(entry.id):
            self.counters["ticks_without_poller"] += 1
            entry.missed += 1
        else:
            self._board(entry, due, now)

    def _board(self, entry: Scheduled, due: Moment, now: Moment) -> None:
        pending = entry.enqueue(due, now)
        if self._admission.enter((entry, pending)):
            self._start(entry, pending, now)
        else:
            self._timers.arm(pending, pending.deadline.monotonic_ns)

    def _start(self, entry: Scheduled, pending: PendingAttempt, now: Moment) -> None:
        request = entry.start(pending, now, blind_until_ns=self._blind_until_ns)
        self.counters["started"] += 1
        self._timers.arm(pending, pending.deadline.monotonic_ns + self._cancellation.slack_ns)
        self._pollers.poller(entry.id).tell(StartAttempt(request))

    def _start_waiting(self, now: Moment) -> None:
        while (waiting := self._admission.next()) is not None:
            entry, pending = waiting
            if pending.state is AttemptState.QUEUED and not pending.deadline.expired(now):
                self._start(entry, pending, now)
                return
            self._admission.leave()

    # Answers and their absence.

    def finished(self, attempt: AttemptId, sample: Sample, now: Moment) -> bool:
        """A poller answered. False: too late, or meant for another incarnation; it is counted and refused."""
        entry = self._scheduled.get(attempt.target)
        pending = entry.pending if entry is not None else None
        if entry is None or pending is None or pending.attempt != attempt:
            self.counters["late_answers"] += 1
            return False
        trusted = self._trusted(sample, pending, now)
        # The poller's own moment: how late an attempt began includes its way there, behind others that were due with it.
        pending.started = sample.at
        self._end(entry, pending, AttemptState.FINISHED, now, trusted)
        return True

    def cancelled(self, attempt: AttemptId, outcome: CancelOutcome, now: Moment) -> None:
        """A poller says what became of an attempt that was cancelled."""
        entry = self._scheduled.get(attempt.target)
        pending = entry.pending if entry is not None else None
        self.counters[f"cancels_{outcome.value}"] += 1
        if entry is not None and pending is not None and pending.attempt == attempt:
            self._end(entry, pending, CANCELLED_STATES[outcome], now, _cancelled(pending, now))

    def overdue(self, pending: PendingAttempt, now: Moment) -> None:
        """The deadline of an attempt has passed, and its driver did not say so."""
        entry = self._scheduled.get(pending.attempt.target)
        if entry is None or entry.pending is not pending:
            return
        if pending.state is AttemptState.QUEUED:
            detail = "its deadline passed while it waited to be admitted"
            sample = _without_answer(pending, now, Outcome.UNKNOWN, Reason.OVERLOADED, detail)
            self._end(entry, pending, AttemptState.EXPIRED, now, sample)
            return
        self._pollers.poller(entry.id).tell(CancelAttempt(pending.attempt))
        sample = _without_answer(
            pending, now, Outcome.TIMED_OUT, Reason.TIMED_OUT, "no answer before the deadline"
        )
        self._end(entry, pending, AttemptState.TIMED_OUT, now, self._trusted(sample, pending, now))

    def lost(self, target: str, detail: str, now: Moment) -> None:
        """A target's poller is gone, and its attempt with it. Whatever it may still say is of an old epoch."""
        entry = self._scheduled.get(target)
        if entry is None:
            return
        entry.epoch += 1
        pending = entry.pending
        if pending is not None and pending.state is AttemptState.RUNNING:
            sample = _without_answer(pending, now, Outcome.UNKNOWN, Reason.PROBE_CRASHED, detail)
            self._end(entry, pending, AttemptState.LOST, now, sample)

    def _end(
        self, entry: Scheduled, pending: PendingAttempt, state: AttemptState, now: Moment, sample: Sample
    ) -> None:
        pending.move(state)
        entry.end(now)
        self.counters[state.value] += 1
        self._timers.cancel(pending)
        if pending.admitted:
            self._admission.leave()
            self._start_waiting(now)
        self._accept(entry, pending, sample, now)

    def _accept(self, entry: Scheduled, pending: PendingAttempt, sample: Sample, now: Moment) -> None:
        if sample.outcome.is_evidence:
            self._expect_evidence(entry, now)
            self._suspect(entry, sample.outcome in BAD, now)
        self._owner.tell(SampleTaken(sample, pending.record(now, sample.outcome.value)))

    def _suspect(self, entry: Scheduled, suspect: bool, now: Moment) -> None:
        if entry.suspect is suspect:
            return
        entry.suspect = suspect
        if entry.retry_cadence != entry.cadence and entry in self._timers:
            self._timers.arm(entry, entry.next_due_ns(now))

    def _trusted(self, sample: Sample, pending: PendingAttempt, now: Moment) -> Sample:
        """The sample itself, or UNKNOWN where it may be our own doing rather than the target's."""
        started_ns = (pending.started or pending.due).monotonic_ns
        if sample.outcome not in BAD:
            return sample
        if started_ns <= self._blind_until_ns:
            return _doubted(sample, Reason.BLIND, "we were blind while it ran")
        lag_ns = self._blindness.worst_lag_ns(started_ns)
        timeout_ns = pending.deadline.monotonic_ns - started_ns
        if sample.outcome is Outcome.TIMED_OUT and lag_ns > timeout_ns * limits.LAG_SHARE_OF_TIMEOUT:
            return _doubted(
                sample, Reason.OVERLOADED, f"our own loop stood still for {lag_ns // 1_000_000} ms"
            )
        return sample

    # Heartbeats, silence, blindness.

    def beat(self, target: str, outcome: Outcome, detail: str, at: Moment, now: Moment) -> bool:
        """The host reported. False when no heartbeat target has this name."""
        entry = self._scheduled.get(target)
        if entry is None or not entry.is_heartbeat or self._is_left_alone(entry):
            return False
        if entry.heard == (at, outcome.value):
            return True  # the same report again: it counts once
        entry.heard = (at, outcome.value)
        # One that waited through a gap says nothing about later than what we take for granted since.
        if entry.last_beat is None or entry.last_beat.monotonic_ns < at.monotonic_ns:
            entry.last_beat = at
        pending = entry.enqueue(at, now)
        pending.begin(at)
        reason = Reason.OK if outcome is Outcome.UP else Reason.REPORTED
        sample = sample_without_answer(pending.attempt, at, outcome, reason, detail)
        self._end(entry, pending, AttemptState.FINISHED, now, sample)
        self._timers.arm(entry, entry.silent_at_ns(entry.last_beat))
        return True

    def _silent(self, entry: Scheduled, due: Moment, now: Moment) -> None:
        """The exact moment at which silence became a failure is the sample's time, however late we noticed."""
        pending = entry.enqueue(due, now)
        pending.begin(due)
        sample = sample_without_answer(
            pending.attempt, due, Outcome.DOWN, Reason.HEARTBEAT_MISSED, "no heartbeat in time"
        )
        self._end(entry, pending, AttemptState.FINISHED, now, sample)
        missed = (now.monotonic_ns - due.monotonic_ns) // entry.cadence.every_ns
        entry.missed += missed
        self._timers.arm(entry, due.monotonic_ns + (missed + 1) * entry.cadence.every_ns)

    def _expect_evidence(self, entry: Scheduled, now: Moment) -> None:
        if self._is_left_alone(entry):
            return
        for rule, wait_ns in entry.silences:
            self._timers.arm(NoEvidence(entry.id, rule), now.monotonic_ns + wait_ns)

    def _expect_nothing(self, entry: Scheduled) -> None:
        self._timers.cancel(entry)
        for rule, _ in entry.silences:
            self._timers.cancel(NoEvidence(entry.id, rule))

    def stale(self, target: str, rule: str, due_ns: int, now: Moment) -> None:
        """No evidence for as long as a rule allows; judged once a period while it lasts, for the rule's own clocks."""
        entry = self._scheduled.get(target)
        if entry is not None:
            self._timers.arm(NoEvidence(target, rule), now.monotonic_ns + entry.cadence.every_ns)
            self._owner.tell(SamplesMissing(target, rule, now.shifted(due_ns - now.monotonic_ns)))

    def blind(self, now: Moment) -> None:
        """We could not see until now: what ran meanwhile proves nothing, and nobody's heartbeat is overdue yet."""
        self._blind_until_ns = now.monotonic_ns
        for entry in self._scheduled.values():
            if self._is_left_alone(entry):
                continue
            if entry.is_heartbeat:
                entry.last_beat = now
                self._timers.arm(entry, entry.silent_at_ns(now))
            self._expect_evidence(entry, now)

    # The end.

    def drain(self, now: Moment) -> None:
        """Start nothing more; what waits is cancelled, what runs may end."""
        self._draining = True
        for entry in self._scheduled.values():
            self._withdraw(entry, now)

    def cancel_all(self) -> None:
        """Ask every attempt under way to stop."""
        for entry in self._scheduled.values():
            if entry.pending is not None:
                self._pollers.poller(entry.id).tell(CancelAttempt(entry.pending.attempt))


def _without_answer(
    pending: PendingAttempt, now: Moment, outcome: Outcome, reason: Reason, detail: str
) -> Sample:
    return sample_without_answer(pending.attempt, pending.started or now, outcome, reason, detail)


def _cancelled(pending: PendingAttempt, now: Moment) -> Sample:
    return _without_answer(pending, now, Outcome.CANCELLED, Reason.CANCELLED, "cancelled")


def _doubted(sample: Sample, reason: Reason, why: str) -> Sample:
    detail = f"{why}; it said {sample.explanation()}"[: limits.DETAIL_CHARACTERS_MAX]
    return msgspec.structs.replace(sample, outcome=Outcome.UNKNOWN, reason=reason, failed=(), detail=detail)
