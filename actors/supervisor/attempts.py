"""Attempts: the supervisor's work on targets: schedule, admission, deadlines, and the samples that it accepts."""

from collections import Counter
from collections.abc import Callable

from ...domain.incidents.record import BlindInterval
from ...domain.observation.attempt import CANCELLED_STATES, AttemptId, AttemptState, CancelOutcome
from ...domain.observation.outcome import Outcome, Reason
from ...domain.observation.sample import Sample
from ...domain.specification.target import Target
from ...domain.supervision.admission import Admission
from ...domain.supervision.blindness import BlindnessDetector
from ...domain.supervision.composition import MemberSamples
from ...domain.supervision.doubt import doubted, weighed
from ...domain.supervision.last_heard import LastHeard
from ...domain.supervision.own_network import OwnNetwork
from ...domain.supervision.schedule import PendingAttempt, Scheduled
from ...domain.time.moment import Moment
from ...protocol.owner import SamplesMissing, SampleTaken
from ...protocol.poller import CancelAttempt, Reconfigure, StartAttempt
from ...protocol.supervisor import Beat
from .network_watch import NETWORK_GONE, NetworkWatch
from .next_ticks import NextTicks
from .periodic_timers import NoEvidence, SupervisorContext
from .reports import Reports
from .waits import Waits


class Attempts:
    """Holds the schedule, the admission and every pending attempt. Owned by the supervisor."""

    def __init__(
        self,
        context: SupervisorContext,
        blindness: BlindnessDetector,
        on_blind: Callable[[BlindInterval, Moment], None],
        numbers_from: int,
    ) -> None:
        self._timers, self._owner, self._recorder = context.timers, context.to.owner, context.to.recorder
        self._connectivity = context.policies.connectivity
        self._network = NetworkWatch(OwnNetwork(self._connectivity.targets), self._recorder, on_blind)
        self._targets, self._pollers = context.roster.targets, context.roster.pollers
        self._blindness = blindness
        self._cancellation, self._discreet = context.policies.cancellation, context.discreet
        self._numbers_from = numbers_from
        self._scheduled: dict[str, Scheduled] = {}
        self._admission: Admission[tuple[Scheduled, PendingAttempt]] = Admission(context.policies.admission)
        self._waits = Waits(context, self._is_left_alone)
        self._next_ticks = NextTicks(context)
        self._members = MemberSamples(self._scheduled)
        self._reports = Reports(context, self._waits, self._network, blindness, self._conclude)
        self._blind_until_ns = 0
        self._draining = False
        self.counters: Counter[str] = Counter()
        self._reported: Counter[str] = Counter()

    @property
    def in_flight(self) -> int:
        """How many attempts run, whose times a block of the loop would make longer."""
        return self._admission.running

    @property
    def under_way(self) -> tuple[str, ...]:
        """The targets whose attempt has not ended."""
        return tuple(entry.id for entry in self._scheduled.values() if entry.pending is not None)

    def newly_counted(self) -> Counter[str]:
        """Returns the increase of each counter since the last call."""
        news, self._reported = self.counters - self._reported, self.counters.copy()
        return news

    # Targets.

    def track(self, target: Target, now: Moment) -> None:
        """Schedules a target, or continues a known one under its new specification."""
        target = self._connectivity.checked(target)
        entry = known = self._scheduled.get(target.id)
        if entry is None:
            entry = self._scheduled[target.id] = Scheduled(target, self._numbers_from)
        else:
            self._change(entry, target, now)
        self._members.track(target)
        if not target.is_probed:
            self._dismiss(entry, now)
        elif target.id not in self._pollers:
            self._pollers.start(target)
        if target.paused != entry.paused:
            self.set_paused(target.id, target.paused, now)
        if not entry.paused:
            self._network.listen(entry.target)
        self._arm(entry, now)
        if known is None:
            self._waits.scheduled(entry, now)

    def _change(self, entry: Scheduled, target: Target, now: Moment) -> None:
        reported = entry.is_heartbeat
        self._waits.end(entry)
        entry.adopt(target)
        if target.is_probed and target.id in self._pollers:
            self._pollers.poller(target.id).tell(Reconfigure(target))
        if entry.is_heartbeat is not reported:
            self._waits.begin_anew([entry], now)

    def untrack(self, target: str, now: Moment) -> None:
        """Forgets a tracked target and cancels its attempt."""
        entry = self._scheduled[target]
        self._dismiss(entry, now)
        # A target of the same name that is tracked later must not accept an old answer.
        self._numbers_from = max(self._numbers_from, entry.number)
        del self._scheduled[target]
        self._network.forget(target, now)
        self._members.forget(target)
        self._waits.forget(target)
        self._next_ticks.forget(entry)

    def set_paused(self, target: str, paused: bool, now: Moment) -> bool:
        """Starts no further attempt for a target and cancels a running one, or resumes it. False: it is unknown."""
        entry = self._scheduled.get(target)
        if entry is None or entry.paused is paused:
            return entry is not None
        entry.paused = paused
        if not paused:
            self._network.listen(entry.target)
            entry.last_beat = entry.run = None  # a heartbeat has its whole time from now on
            self._waits.begin_anew([entry], now)
            self._arm(entry, now)
            return True
        self._network.forget(target, now)
        if (running := self._withdraw(entry, now)) is not None:
            self._pollers.poller(target).tell(CancelAttempt(running.attempt))
        return True

    def _dismiss(self, entry: Scheduled, now: Moment) -> None:
        """Stops the poller of a target and ends its attempt, which cannot outlive the poller."""
        running = self._withdraw(entry, now)
        # The poller cancels its attempt when it stops. It is stopped before the freed place starts another attempt.
        self._pollers.stop(entry.id)
        if running is not None:
            self._end(entry, running, AttemptState.CANCEL_UNKNOWN, now, running.cancelled(now))

    def _withdraw(self, entry: Scheduled, now: Moment) -> PendingAttempt | None:
        """Cancels the target's timers and ends a queued attempt. Returns a running one, which its poller must end."""
        self._waits.end(entry)
        pending = entry.pending
        if pending is None or pending.state is not AttemptState.QUEUED:
            return pending
        self._end(entry, pending, AttemptState.CANCELLED_BEFORE_START, now, pending.cancelled(now))
        return None

    def _is_left_alone(self, entry: Scheduled) -> bool:
        """Returns True where no answer is expected: for a paused target, and for all while draining."""
        return entry.paused or self._draining

    # Ticks.

    def _arm(self, entry: Scheduled, now: Moment) -> None:
        if self._is_left_alone(entry):
            return
        if entry.is_heartbeat:
            entry.last_beat = entry.last_beat or now
            self._waits.await_report(entry, now, now)
        else:
            self._timers.arm(entry, entry.grid().first_after(now.monotonic_ns, len(self._targets)))
        self._waits.go_on(entry, now)

    def tick(self, entry: Scheduled, due_ns: int, now: Moment) -> None:
        """Starts an attempt at a target's tick. Ticks that have passed are counted and skipped, never replayed."""
        due = now.shifted(due_ns - now.monotonic_ns)
        if entry.is_heartbeat:
            self._reports.waited(entry, due, now)
            return
        missed = entry.grid().missed_between(due_ns, now.monotonic_ns)
        self._timers.arm(entry, entry.next_due_ns(now))
        self.counters["missed_ticks"] += missed
        entry.missed += missed
        if entry.is_composite:
            self._compose(entry, due, now)
        elif entry.pending is not None:
            self.counters["overlapped_ticks"] += 1
            entry.missed += 1
        elif not self._pollers.alive(entry.id):
            self.counters["ticks_without_poller"] += 1
            entry.missed += 1
        else:
            self._enqueue(entry, due, now)

    def _compose(self, entry: Scheduled, due: Moment, now: Moment) -> None:
        """Makes the sample of a composite target, which has no poller and never waits."""
        pending = entry.enqueue(due, now)
        pending.begin(now)
        self._conclude(entry, pending, now, self._members.compose(entry, now))

    def check_now(self, target: str, now: Moment) -> bool:
        """Starts an attempt beside the grid, whose ticks stay where they are. Returns False where none will answer.

        A pending attempt answers in its place: any number of commands starts one attempt at a time.
        """
        entry = self._scheduled.get(target)
        if entry is None or entry.is_heartbeat or self._is_left_alone(entry):
            return False
        if entry.is_composite:
            self._compose(entry, now, now)
            return True
        if entry.pending is None and self._pollers.alive(target):
            self._enqueue(entry, now, now, is_commanded=True)
        return entry.pending is not None

    def _enqueue(self, entry: Scheduled, due: Moment, now: Moment, *, is_commanded: bool = False) -> None:
        pending = entry.enqueue(due, now)
        pending.is_commanded = is_commanded
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
            # It was cancelled or expired while it waited: its place goes to the next one.
            self._admission.leave()

    # Answers and their absence.

    def finished(self, attempt: AttemptId, sample: Sample, now: Moment) -> bool:
        """Ends an attempt with its sample. Counts and refuses a late answer and one of an old epoch: returns False."""
        entry = self._scheduled.get(attempt.target)
        pending = entry.pending if entry is not None else None
        if entry is None or pending is None or pending.attempt != attempt:
            self.counters["late_answers"] += 1
            return False
        self._network.hear(sample, now)
        trusted = self._trusted(sample, pending, now)
        # The poller's own start: the lateness then includes the way to the poller, behind others due at the same time.
        pending.started = sample.at
        self._end(entry, pending, AttemptState.FINISHED, now, trusted)
        return True

    def cancelled(self, attempt: AttemptId, outcome: CancelOutcome, now: Moment) -> None:
        """Ends an attempt with its poller's answer to CancelAttempt, and counts the outcome."""
        entry = self._scheduled.get(attempt.target)
        pending = entry.pending if entry is not None else None
        self.counters[f"cancels_{outcome.value}"] += 1
        if entry is not None and pending is not None and pending.attempt == attempt:
            self._end(entry, pending, CANCELLED_STATES[outcome], now, pending.cancelled(now))

    def overdue(self, pending: PendingAttempt, now: Moment) -> None:
        """Ends an attempt whose deadline and slack have passed without an answer, or that was never admitted."""
        # The end of an attempt cancels its timer, and a target is untracked only once its attempt has ended.
        entry = self._scheduled[pending.attempt.target]
        if pending.state is AttemptState.QUEUED:
            detail = "its deadline passed while it waited for admission"
            sample = pending.without_answer(now, Outcome.UNKNOWN, Reason.OVERLOADED, detail)
            self._end(entry, pending, AttemptState.EXPIRED, now, sample)
            return
        self._pollers.poller(entry.id).tell(CancelAttempt(pending.attempt))
        sample = pending.overdue(now, entry.target.places)
        self._network.hear(sample, now)
        self._end(entry, pending, AttemptState.TIMED_OUT, now, self._trusted(sample, pending, now))

    def lost(self, target: str, detail: str, now: Moment) -> None:
        """Ends the attempt of a poller that has ended, and begins a new epoch, which refuses its late answers."""
        entry = self._scheduled[target]
        entry.epoch += 1
        pending = entry.pending
        if pending is not None and pending.state is AttemptState.RUNNING:
            sample = pending.without_answer(now, Outcome.UNKNOWN, Reason.PROBE_CRASHED, detail)
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
            self._next_ticks.ended(entry, sample.reason, now)
        self._accept(entry, pending, sample, now)

    def _conclude(self, entry: Scheduled, pending: PendingAttempt, now: Moment, sample: Sample) -> None:
        """Ends an attempt that no poller made."""
        self._end(entry, pending, AttemptState.FINISHED, now, sample)

    def _accept(self, entry: Scheduled, pending: PendingAttempt, sample: Sample, now: Moment) -> None:
        sample = sample.turned() if entry.target.upside_down is True else sample
        if sample.is_sign_of_life:
            entry.heard_here = True
            self._waits.expect_evidence(entry, now)
        elif sample.reason is Reason.LOCATION_SILENT:
            # No location is no silence of the target: `unchecked` says in the health that it cannot be checked.
            self._waits.expect_evidence(entry, now)
        if not self._network.hides_silence:
            self._waits.observe(entry, sample, now)
        if sample.outcome.is_evidence:
            self._next_ticks.suspect(entry, sample.outcome.is_bad, now)
        self._members.note(sample)
        told = SampleTaken(sample.told(self._discreet), pending.record(now, sample.outcome.value))
        self._owner.tell(told)

    def _trusted(self, sample: Sample, pending: PendingAttempt, now: Moment) -> Sample:
        """Returns the sample, or UNKNOWN in its place where the runtime itself may be the cause of a bad one."""
        started_ns = (pending.started or pending.due).monotonic_ns
        if sample.outcome.is_bad or self._scheduled[sample.target].target.upside_down is True:
            if self._network.excuses(sample.target):
                return doubted(sample, Reason.BLIND, NETWORK_GONE)
            if started_ns <= self._blind_until_ns:
                return doubted(sample, Reason.BLIND, "the runtime was blind while it ran")
        ends_ns, waited_ns = pending.deadline.monotonic_ns, pending.waited_ns
        return weighed(sample, started_ns, ends_ns, waited_ns, self._blindness.blocked_ns)

    # Silence and blindness.

    def stale(self, target: str, rule: str, due_ns: int, now: Moment) -> None:
        """Reports a lack of evidence to the owner, again each period while it lasts, for the rule's own clocks."""
        entry, wait = self._scheduled[target], NoEvidence(target, rule)
        blocked_ns = self._blindness.blocked_ns(due_ns - entry.cadence.every_ns)
        due = now.shifted(due_ns - now.monotonic_ns)
        if (was_due := self._waits.over(wait, due, blocked_ns, now)) is None:
            return
        self._timers.arm(wait, now.monotonic_ns + entry.cadence.every_ns)
        if not self._network.hides_silence:
            self._owner.tell(SamplesMissing(target, rule, was_due))

    def blind(self, gap_ns: int | None, now: Moment) -> None:
        """Distrusts attempts that ran until now, after a gap of so much monotonic time, which no wait counts as silence.

        Where the gap is None the wall clock alone was set: waits by a schedule follow it.
        """
        awaited = [entry for entry in self._scheduled.values() if not self._is_left_alone(entry)]
        if gap_ns is None:
            self._reports.follow_clock(awaited, now)
            return
        self._blind_until_ns = now.monotonic_ns
        self._members.begin_anew()
        self._reports.blind([entry for entry in awaited if entry.is_heartbeat], now)
        self._reports.follow_clock(awaited, now)
        self._waits.leave_out((entry for entry in awaited if not entry.is_heartbeat), gap_ns, now)

    def beat(self, beat: Beat, now: Moment) -> bool:
        """Accepts a report of the host. Returns False where no active heartbeat target has this name."""
        entry = self._scheduled.get(beat.target)
        if entry is None or not entry.is_heartbeat or self._is_left_alone(entry):
            return False
        self._reports.take(entry, beat, now)
        return True

    def run_overdue(self, target: str, due_ns: int, now: Moment) -> None:
        """Reports a run of a job that has not ended in time."""
        self._reports.run_overdue(self._scheduled[target], now.shifted(due_ns - now.monotonic_ns), now)

    def heard_before(self, heard: tuple[LastHeard, ...], now: Moment) -> None:
        """Lets every wait go on from what the record knows."""
        self._waits.resume(heard, self._scheduled.values(), now)

    def review(self, now: Moment) -> None:
        """Drops what the record knows of targets that are not scheduled, and reports those that cannot be checked."""
        self._waits.review(now)

    def drain(self, now: Moment) -> None:
        """Starts no further attempt and cancels queued ones; running ones may end."""
        self._draining = True
        for entry in self._scheduled.values():
            self._withdraw(entry, now)

    def cancel_all(self) -> None:
        """Asks the poller of every pending attempt to cancel it."""
        for entry in self._scheduled.values():
            if entry.pending is not None:
                self._pollers.poller(entry.id).tell(CancelAttempt(entry.pending.attempt))
