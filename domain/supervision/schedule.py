"""The schedule: per target its due time, its running attempt and its missed ticks. Owned by the supervisor."""

import msgspec

from ..conditions.condition import compile_condition
from ..conditions.judgement import Expectation
from ..line import together
from ..observation.attempt import ATTEMPT_TRANSITIONS, AttemptId, AttemptRecord, AttemptState, ProbeRequest
from ..observation.location import results_from
from ..observation.observation import Measurement, Observation
from ..observation.outcome import Outcome, Reason
from ..observation.sample import Sample, sample_without_answer
from ..specification.probe import Composite, Heartbeat
from ..specification.probes.kinds import Probe
from ..specification.rule import NoData, RuleState
from ..specification.target import Target
from ..time.cadence import Cadence
from ..time.duration import parse_duration
from ..time.moment import Deadline, Moment, wall_text
from ..units import NS_PER_MS
from .runs import OpenRun, RunReported

_NONE = Expectation(())


class PendingAttempt(msgspec.Struct, eq=False):
    """One attempt from due to ended. A target has at most one."""

    attempt: AttemptId
    due: Moment
    deadline: Deadline
    missed: int
    started: Moment | None = None
    state: AttemptState = AttemptState.QUEUED
    admitted: bool = False
    """Whether it counts as running for admission; a heartbeat never does."""
    waited_ns: int = 0
    """How much of its timeout had passed when it was admitted."""
    is_commanded: bool = False
    """Whether it was asked for by a command: no earlier result of an equal probe may answer it."""

    def move(self, state: AttemptState) -> None:
        """Changes the state. Raises: ValueError for a transition that the table lacks, which is an internal fault."""
        if state not in ATTEMPT_TRANSITIONS[self.state]:
            raise ValueError(f"an attempt that is {self.state} cannot become {state}")
        self.state = state

    def begin(self, at: Moment) -> None:
        """Notes that the attempt runs from `at` on."""
        self.move(AttemptState.RUNNING)
        self.started = at

    def without_answer(self, now: Moment, outcome: Outcome, reason: Reason, detail: str) -> Sample:
        """Returns its sample where its probe gave no answer that counts."""
        return sample_without_answer(self.attempt, self.started or now, outcome, reason, detail)

    def overdue(self, now: Moment, locations: tuple[str, ...]) -> Sample:
        """Returns its sample where its deadline passed: a target that others probe is not late, it was not heard of."""
        if not locations:
            detail = "no answer before the deadline"
            return self.without_answer(now, Outcome.TIMED_OUT, Reason.TIMED_OUT, detail)
        detail = f"no answer from {together(locations)}"
        sample = self.without_answer(now, Outcome.UNKNOWN, Reason.LOCATION_SILENT, detail)
        return msgspec.structs.replace(sample, locations=results_from(locations, {}))

    def cancelled(self, now: Moment) -> Sample:
        """Returns its sample where it was cancelled."""
        return self.without_answer(now, Outcome.CANCELLED, Reason.CANCELLED, "cancelled")

    def record(self, ended: Moment | None, outcome: str) -> AttemptRecord:
        return AttemptRecord(
            attempt=self.attempt,
            state=self.state,
            due=self.due,
            started=self.started,
            ended=ended,
            lateness_ns=max(0, self.started.since(self.due)) if self.started else 0,
            missed=self.missed,
            outcome=outcome,
        )


class Scheduled:
    """One target of the schedule, with the state of its attempts. It is its own timer key: one heap entry when idle."""

    __slots__ = (
        "cadence",
        "ended_ns",
        "epoch",
        "expectation",
        "had_turn",
        "heard",
        "heard_here",
        "id",
        "last_beat",
        "max_age_ns",
        "missed",
        "missed_at",
        "number",
        "occurrences",
        "paused",
        "pending",
        "probe",
        "quiet_least_ns",
        "quiet_since_ns",
        "retry_cadence",
        "run",
        "run_max_ns",
        "silences",
        "silent_at",
        "suspect",
        "target",
        "timeout_ns",
    )

    def __init__(self, target: Target, number: int = 0) -> None:
        self.id = target.id
        self.epoch = 1
        self.number = number
        self.missed = 0
        self.ended_ns = 0
        """When the last attempt ended, on the monotonic hand; kept where results may be shared."""
        self.suspect = False
        self.had_turn = False
        """Whether its last tick, or its next one, is a look beside the grid that makes up for a want of descriptors."""
        self.pending: PendingAttempt | None = None
        self.last_beat: Moment | None = None
        self.missed_at: Moment | None = None
        """When the newest missed report was counted."""
        self.run: OpenRun | None = None
        """The run that has begun and not ended."""
        self.heard: tuple[Moment, Outcome, bool, str] | None = None
        """The newest report of the host: its moment, its outcome, whether it is a start, and its run."""
        self.silent_at: Moment | None = None
        """When its silence is reported, where a heartbeat reports by a schedule: the wall time holds, however it is set."""
        self.heard_here = False
        """Whether it was heard, or its wait began anew, since it was scheduled: what was before counts no more then."""
        self.quiet_since_ns: int | None = None
        """Since when its no_data rules wait for evidence, on the monotonic hand; None before the first wait."""
        self.quiet_least_ns = 0
        """The moment before which it is not called silent: after a restart its first check ends by then."""
        self.paused = target.paused
        self.adopt(target)

    def adopt(self, target: Target) -> None:
        """Applies a new specification."""
        self.target = target
        self.probe: Probe = target.probe
        if not self.is_heartbeat:
            # A target that becomes a heartbeat again later gives its host the whole period from then on.
            self.last_beat = self.missed_at = self.run = None
        heartbeat = target.heartbeat
        self.occurrences = heartbeat.occurrences if heartbeat else None
        self.run_max_ns = heartbeat.run_max_ns if heartbeat else None
        """How long a run may take; None: as long as it likes."""
        texts = (target.expect, target.warnings) if heartbeat else ()
        judged = [list(map(compile_condition, each)) for each in texts]
        self.expectation = Expectation(*judged) if any(judged) else _NONE
        """The conditions on the runs of a heartbeat."""
        self.timeout_ns = target.timeout_ns
        self.max_age_ns = parse_duration(target.max_age)
        self.silences = tuple(
            (rule.id, target.staleness_ns(rule))
            for rule in target.judged_rules
            if isinstance(rule, NoData) and rule.state is not RuleState.RETIRED
        )
        """The no_data rules, each with the longest silence that it allows."""
        self.cadence = Cadence.of(target.id, target.every_ns)
        self.retry_cadence = (
            Cadence.of(target.id, target.retry_every_ns) if target.retry_every else self.cadence
        )

    @property
    def is_heartbeat(self) -> bool:
        return type(self.probe) is Heartbeat

    @property
    def is_composite(self) -> bool:
        return type(self.probe) is Composite

    def grid(self) -> Cadence:
        """Returns the present grid: the shorter one while the target is suspect."""
        return self.retry_cadence if self.suspect else self.cadence

    def next_due_ns(self, now: Moment) -> int:
        return self.grid().next_after(now.monotonic_ns)

    @property
    def longest_wait_ns(self) -> int:
        """How long a report may be waited for: the cadence, or the longest time between two moments of a schedule, and the grace."""
        return self.cadence.every_ns + self.target.grace_ns

    def is_before_due(self, now: Moment) -> bool:
        """Whether a heartbeat is not due yet by either clock: no report of it can have been lost before now."""
        last = self.last_beat
        if not self.is_heartbeat or last is None:
            return False
        if self.occurrences is not None:
            expected_ns = self.occurrences.next_after(_wall_ns(last, now))
            return expected_ns is None or now.wall_ns < expected_ns
        return max(now.since(last), now.wall_ns - last.wall_ns) < self.cadence.every_ns

    def next_silence(self, since: Moment, passed: Moment, now: Moment) -> Moment | None:
        """Returns when silence since `since` is reported next, later than `passed`; None where a schedule never comes again.

        Of a schedule it is the first moment after the last report in wall time, as the clock stands now, and the grace after it.
        """
        every_ns, grace_ns = self.cadence.every_ns, self.target.grace_ns
        if self.occurrences is None:
            due = since.shifted(every_ns + grace_ns)
            return due.shifted(max(0, passed.since(due) // every_ns + 1) * every_ns)
        from_ns = max(_wall_ns(since, now), _wall_ns(passed, now) - grace_ns)
        expected_ns = self.occurrences.next_after(from_ns)
        return None if expected_ns is None else now.shifted(expected_ns + grace_ns - now.wall_ns)

    def run_due(self) -> Moment | None:
        """Returns when the end of its run is due; None without a run, or where that may take as long as it likes."""
        if self.run is None or self.run_max_ns is None:
            return None
        return self.run.at.shifted(self.run_max_ns)

    def is_run_overdue(self, now: Moment) -> bool:
        due = self.run_due()
        return due is not None and due.monotonic_ns <= now.monotonic_ns

    def silence_text(self, due: Moment) -> str:
        """Returns the failure of a missed report, with the moment of its schedule."""
        heartbeat = self.target.heartbeat
        if heartbeat is None or self.occurrences is None:
            return "no heartbeat in time"
        return f"no heartbeat in time: {heartbeat.expected_text(due.wall_ns - self.target.grace_ns, due.wall_ns)}"

    def run_text(self, now: Moment) -> str:
        """Returns its run for people: its id and when it began."""
        if self.run is None:
            return "no run"
        name = f"run {self.run.id}" if self.run.id else "the run"
        return f"{name}, which began at {wall_text(_wall_ns(self.run.at, now))},"

    def judge(
        self, attempt: AttemptId, at: Moment, outcome: Outcome, detail: str, run: RunReported
    ) -> Sample:
        """Returns the sample of a report: a run that is known from its start to its end must meet the conditions."""
        figures = []
        if run.time_ns is not None:
            figures.append(Measurement("run_time", run.time_ns / NS_PER_MS, "ms"))
        if run.exit_status is not None:
            figures.append(Measurement("exit_status", run.exit_status))
        seen = Observation(
            outcome=outcome,
            reason=Reason.OK if outcome is Outcome.UP else Reason.REPORTED,
            detail=detail,
            run_time_ns=run.time_ns,
            measurements=tuple(figures),
        )
        expectation = _NONE if run.time_ns is None else self.expectation
        return expectation.judge(attempt, at, seen)

    def enqueue(self, due: Moment, now: Moment) -> PendingAttempt:
        """Makes the next attempt, which waits for admission and reports the ticks missed before it.

        Raises: ValueError while the last one has not ended, which is an internal fault.
        """
        if self.pending is not None:
            raise ValueError(f"{self.pending.attempt} has not ended, and another of its target begins")
        self.number += 1
        missed, self.missed = self.missed, 0
        attempt = AttemptId(self.id, self.epoch, self.number)
        self.pending = PendingAttempt(attempt, due, Deadline.after(now, self.timeout_ns), missed)
        return self.pending

    def start(self, pending: PendingAttempt, now: Moment, *, blind_until_ns: int) -> ProbeRequest:
        """Starts an admitted attempt. Returns the request for the poller."""
        pending.begin(now)
        pending.admitted = True
        # A new specification may have arrived while it waited: its probe must not run under the old, longer timeout.
        if pending.deadline.remaining_ns(now) > self.timeout_ns:
            pending.deadline = Deadline.after(now, self.timeout_ns)
        pending.waited_ns = max(0, self.timeout_ns - pending.deadline.remaining_ns(now))
        unseen_ns = now.monotonic_ns - max(self.ended_ns, blind_until_ns) - 1
        return ProbeRequest(
            attempt=pending.attempt,
            probe=self.probe,
            deadline=pending.deadline,
            started=now,
            max_age_ns=0 if pending.is_commanded else max(0, min(self.max_age_ns, unseen_ns)),
        )

    def end(self, now: Moment) -> None:
        """Its attempt has ended."""
        self.pending = None
        if self.max_age_ns:
            self.ended_ns = now.monotonic_ns


def _wall_ns(at: Moment, now: Moment) -> int:
    """Returns the wall time of a moment by the clock as it stands now."""
    return now.wall_ns - now.since(at)
