"""Waits: how long each target may stay silent, also over a restart of the process or of the supervisor."""

from collections.abc import Callable, Iterable

from msgspec import UNSET
from msgspec.structs import replace

from ...domain.incidents.own_problems import UNCHECKED
from ...domain.limits import LAG_NOTED_NS, OUTAGE_TOLERANCE_NS
from ...domain.observation.sample import Sample
from ...domain.supervision.last_heard import LastHeard
from ...domain.supervision.runs import OpenRun
from ...domain.supervision.schedule import Scheduled
from ...domain.supervision.unchecked import Unchecked
from ...domain.time.moment import Moment
from ...protocol.recorder import HealthReported, HeardResumed, RunSeen
from ...protocol.sink import RecordHeard
from .periodic_timers import NoEvidence, RunDeadline, SupervisorContext

Awaited = Scheduled | NoEvidence | RunDeadline


class Waits:
    """Arms the timers of missing heartbeats and of no_data rules, and states to the record what it cannot know."""

    def __init__(self, context: SupervisorContext, is_left_alone: Callable[[Scheduled], bool]) -> None:
        self._timers, self._sink, self._recorder = context.timers, context.to.sink, context.to.recorder
        self._targets, self._heard = context.roster.targets, context.roster.heard
        self._slack_ns = context.policies.cancellation.slack_ns
        self._is_left_alone = is_left_alone
        self._prolonged: dict[Awaited, Moment] = {}
        """When each wait was due that goes on because the runtime stood still."""
        self._before: dict[str, LastHeard] | None = None
        """The record of targets that are not scheduled yet; None until the sink has answered."""
        self._unchecked = Unchecked()
        self._problem = ""

    def observe(self, entry: Scheduled, sample: Sample, now: Moment) -> None:
        """Notes whether a target could be checked; one that reports by itself is not checked."""
        if entry.target.is_probed:
            self._unchecked.note(sample, now)

    def expect_evidence(self, entry: Scheduled, now: Moment) -> None:
        """Begins the wait of every no_data rule of a target."""
        if self._is_left_alone(entry):
            return
        entry.quiet_since_ns, entry.quiet_least_ns = now.monotonic_ns, 0
        self._await_evidence(entry, now.monotonic_ns)

    def go_on(self, entry: Scheduled, now: Moment) -> None:
        """Begins the wait of a new target; that of a known one goes on under its new specification."""
        if entry.quiet_since_ns is None:
            self.expect_evidence(entry, now)
            return
        # A wait that is over is told now: the clocks of a rule never run backwards.
        entry.quiet_least_ns = max(entry.quiet_least_ns, now.monotonic_ns)
        self._await_evidence(entry, entry.quiet_since_ns)

    def _await_evidence(self, entry: Scheduled, since_ns: int) -> None:
        for rule, wait_ns in entry.silences:
            wait = NoEvidence(entry.id, rule)
            self._timers.arm(wait, max(since_ns + wait_ns, entry.quiet_least_ns))
            self._prolonged.pop(wait, None)

    def await_report(self, entry: Scheduled, passed: Moment, now: Moment) -> None:
        """Waits for the next report of a heartbeat; moments up to `passed` are not reported again."""
        since = entry.last_beat or now
        entry.silent_at = entry.next_silence(since, passed, now)
        if entry.silent_at is None:
            self._timers.cancel(entry)
        else:
            self._timers.arm(entry, entry.silent_at.monotonic_ns)

    def over(self, wait: Awaited, due: Moment, blocked_ns: int, now: Moment) -> Moment | None:
        """Returns when a wait was over. None where it goes on: once, for as long as the runtime stood still during it.

        The same block may have held up the awaited report, or the report waits behind the timer that rang. It may do so behind
        one that rang late by less than a block, too; a wait that was over before this process began is not late.
        """
        was_due = self._prolonged.pop(wait, None)
        late_ns = now.since(due)
        longer_ns = blocked_ns or (late_ns if late_ns < LAG_NOTED_NS else 0)
        if was_due is not None or not longer_ns:
            return was_due or due
        self._prolonged[wait] = due
        self._timers.arm(wait, now.monotonic_ns + longer_ns)
        return None

    def end(self, entry: Scheduled) -> None:
        """Expects nothing more of a target."""
        self._unchecked.forget(entry.id)
        waits: list[Awaited] = [NoEvidence(entry.id, rule) for rule, _ in entry.silences]
        for wait in (entry, RunDeadline(entry.id), *waits):
            self._drop(wait)

    def _drop(self, wait: Awaited) -> None:
        self._timers.cancel(wait)
        self._prolonged.pop(wait, None)

    def forget(self, target: str) -> None:
        """Drops a target that is tracked no longer from the record."""
        self._heard.pop(target, None)
        self._sink.tell(RecordHeard((LastHeard(target, None),)))

    def reported(self, entry: Scheduled, at: Moment) -> None:
        """Notes a report of a heartbeat, for a supervisor that follows this one."""
        self._prolonged.pop(entry, None)
        self._keep(entry, at)

    def _keep(self, entry: Scheduled, at: Moment | None) -> LastHeard:
        """Keeps what is known of a heartbeat that was last heard at `at`, for a supervisor that follows this one."""
        kept = LastHeard(entry.id, at, entry.missed_at, reports=True, run=entry.run or UNSET)
        self._heard[entry.id] = kept
        return kept

    def missed(self, entry: Scheduled, now: Moment) -> None:
        """Notes that a missed heartbeat is counted: moments up to now are not counted again."""
        entry.missed_at = now
        self._keep(entry, entry.last_beat)

    def began(self, entry: Scheduled, run: OpenRun, now: Moment) -> None:
        """Notes that a run of a job has begun; it takes the place of the run before."""
        entry.run = run
        entry.last_beat = entry.last_beat or now
        self.state(entry, now)
        self.await_end(entry, entry.missed_at, now)

    def await_end(self, entry: Scheduled, missed_at: Moment | None, now: Moment) -> None:
        """Waits for the end of a run, unless a missed one is counted already."""
        wait, due = RunDeadline(entry.id), entry.run_due()
        self._prolonged.pop(wait, None)
        if due is None or (missed_at is not None and due.monotonic_ns <= missed_at.monotonic_ns):
            self._timers.cancel(wait)
        else:
            self._timers.arm(wait, due.monotonic_ns)

    def age_run(self, entry: Scheduled, slept_ns: int, now: Moment) -> None:
        """Counts the sleep of the machine for the length of a run: its job may have gone on, and ended where nothing could hear it."""
        if slept_ns and entry.run is not None:
            entry.run = entry.run.aged(slept_ns)
            self.state(entry, now)
            self.await_end(entry, entry.missed_at, now)

    def run_over(self, entry: Scheduled, now: Moment) -> None:
        """Expects no end of a run any more; the record forgets it with the report that ended it."""
        entry.run = None
        self._tell_run(entry, now)
        self._drop(RunDeadline(entry.id))

    def state(self, entry: Scheduled, now: Moment) -> None:
        """Has the record know of a heartbeat what is known here."""
        self._note([self._keep(entry, entry.last_beat)])
        self._tell_run(entry, now)

    def _tell_run(self, entry: Scheduled, now: Moment) -> None:
        began_at_ns = None if entry.run is None else now.wall_ns - now.since(entry.run.at)
        self._recorder.tell(RunSeen(entry.id, began_at_ns))

    def begin_anew(self, entries: Iterable[Scheduled], now: Moment) -> None:
        """Notes that the silence of targets counts from now on, so that a restart counts nothing before."""
        noted = []
        for entry in entries:
            entry.heard_here = True
            entry.quiet_since_ns = now.monotonic_ns
            self._unchecked.forget(entry.id)
            if entry.is_run_overdue(now):
                # Its end may have been reported where nothing could hear it.
                self.run_over(entry, now)
            noted.append(LastHeard(entry.id, now, reports=entry.is_heartbeat, run=entry.run or UNSET))
            if entry.is_heartbeat:
                self.reported(entry, now)
                self._recorder.tell(HeardResumed(entry.id, None, now.wall_ns))
        self._note(noted)

    def leave_out(self, entries: Iterable[Scheduled], gap_ns: int, now: Moment) -> None:
        """Lets the waits of checked targets go on without the time of a gap, at least until the next check has ended."""
        noted = []
        for entry in entries:
            if entry.quiet_since_ns is None:
                entry.heard_here, entry.quiet_since_ns = True, now.monotonic_ns
            entry.quiet_since_ns = since_ns = min(entry.quiet_since_ns + gap_ns, now.monotonic_ns)
            checked_ns = entry.next_due_ns(now) + entry.timeout_ns + self._slack_ns
            entry.quiet_least_ns = min([checked_ns, *(now.monotonic_ns + wait for _, wait in entry.silences)])
            self._unchecked.leave_out(entry.id, gap_ns, now)
            noted.append(LastHeard(entry.id, now.shifted(since_ns - now.monotonic_ns)))
            self._await_evidence(entry, since_ns)
        self._note(noted)

    def resume(self, heard: tuple[LastHeard, ...], entries: Iterable[Scheduled], now: Moment) -> None:
        """Takes over what the record knows of every target, and lets the waits of these targets go on from there."""
        self._before = {each.target: each for each in heard}
        self._note([self._resume(entry, self._before, now) for entry in entries])

    def scheduled(self, entry: Scheduled, now: Moment) -> None:
        """Lets the wait of a new target go on; before the sink has answered, `resume` does it."""
        if self._before is not None:
            self._note([self._resume(entry, self._before, now)])

    def review(self, now: Moment) -> None:
        """Drops every target that nothing has scheduled from the record: one of that name begins anew.

        Reports to the health which targets cannot be checked.
        """
        problem = self._unchecked.problem(now)
        if problem or problem != self._problem:
            # Repeated for a recorder that was restarted meanwhile.
            self._recorder.tell(HealthReported(UNCHECKED, problem))
        self._problem = problem
        others, self._before = self._before, self._before and {}
        self._note([LastHeard(name, None) for name in others or ()])

    def _note(self, noted: Iterable[LastHeard | None]) -> None:
        new = tuple(each for each in noted if each is not None)
        if new:
            self._sink.tell(RecordHeard(new))

    def _resume(self, entry: Scheduled, known: dict[str, LastHeard], now: Moment) -> LastHeard | None:
        """Returns what the record is to note: the first moment of a new target, or whether a stop counted."""
        names = (entry.id, *entry.target.former_names)
        found = next((known[name] for name in names if name in known), None)
        before = found and replace(found, target=entry.id)
        # The entry of a former name stays, and is dropped with those of the other targets.
        known.pop(entry.id, None)
        if entry.is_heartbeat:
            before = self._heard.get(entry.id, before)
        if before is None or entry.heard_here:
            began = entry.last_beat or now
            if before is None and entry.is_heartbeat:
                self._recorder.tell(HeardResumed(entry.id, began.wall_ns, began.wall_ns))
            return LastHeard(entry.id, began, reports=entry.is_heartbeat, run=entry.run or UNSET)
        heard_ns = before.heard_ns
        before = _taken_over(entry, before, now)
        if entry.is_heartbeat and heard_ns is not None:
            # Of a paused one, too: it is shown when its report was expected.
            since_ns = _awaited_since_ns(entry, before, heard_ns)
            self._recorder.tell(HeardResumed(entry.id, heard_ns, since_ns))
        if not self._is_left_alone(entry):
            self._continue(entry, before, now)
        return before if entry.is_heartbeat else None

    def _continue(self, entry: Scheduled, before: LastHeard, now: Moment) -> None:
        since, least_ns = before.at or now, now.monotonic_ns
        if entry.is_heartbeat:
            entry.last_beat, entry.missed_at, entry.run = since, before.missed_at, before.run or None
            self.await_end(entry, before.missed_at, now)
            self._tell_run(entry, now)
            self.await_report(entry, before.missed_at or since, now)
        else:
            # A checked target is not called silent before the first check of this process has ended.
            least_ns = entry.grid().first_after(now.monotonic_ns, len(self._targets))
            least_ns += entry.timeout_ns + self._slack_ns
        entry.quiet_since_ns, entry.quiet_least_ns = since.monotonic_ns, least_ns
        self._await_evidence(entry, since.monotonic_ns)


def _awaited_since_ns(entry: Scheduled, taken: LastHeard, heard_ns: int) -> int:
    """Returns the wall time from which the next report is expected: a miss stands at the end of the grace of its moment."""
    known = [] if taken.at is None else [taken.at.wall_ns]
    if taken.missed_at is not None:
        known.append(taken.missed_at.wall_ns - entry.target.grace_ns)
    return max(known, default=heard_ns)


def _taken_over(entry: Scheduled, before: LastHeard, now: Moment) -> LastHeard:
    """Returns what the record of an earlier process comes to.

    After a stop of more than `OUTAGE_TOLERANCE_NS` a report that was due by now may be lost: a schedule goes on from now, and
    a run that should have ended is forgotten.
    """
    settled = before.settled(reports=entry.is_heartbeat)
    if before.stopped_ns <= OUTAGE_TOLERANCE_NS:
        return settled
    at, run, run_max_ns = settled.at, settled.run, entry.run_max_ns
    if entry.occurrences is not None and at is not None:
        at = before.at and before.at.shifted(-before.stopped_ns)
        expected_ns = None if at is None else entry.occurrences.next_after(at.wall_ns)
        at = now if expected_ns is not None and expected_ns <= now.wall_ns else at
    if run is not UNSET and run_max_ns is not None and now.since(run.at) >= run_max_ns:
        run = UNSET
    return replace(settled, at=at, run=run)
