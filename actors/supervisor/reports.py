"""Reports: what heartbeats say, the silence of one, and a run that does not end."""

from collections.abc import Callable, Iterable
from operator import attrgetter

from msgspec import UNSET
from msgspec.structs import replace

from ...domain.observation.outcome import Outcome, Reason
from ...domain.observation.sample import Sample, sample_without_answer
from ...domain.supervision.blindness import BlindnessDetector
from ...domain.supervision.doubt import doubted
from ...domain.supervision.runs import OpenRun, RunReported, ended_by
from ...domain.supervision.schedule import PendingAttempt, Scheduled
from ...domain.time.duration import format_duration
from ...domain.time.moment import Moment
from ...protocol.supervisor import Beat
from .network_watch import NETWORK_GONE, NetworkWatch
from .periodic_timers import RunDeadline, SupervisorContext
from .waits import Waits

Conclude = Callable[[Scheduled, PendingAttempt, Moment, Sample], None]


class Reports:
    """Makes the samples of targets that report by themselves, and of their silence. Owned by the attempts."""

    def __init__(
        self,
        context: SupervisorContext,
        waits: Waits,
        network: NetworkWatch,
        blindness: BlindnessDetector,
        conclude: Conclude,
    ) -> None:
        self._timers, self._waits, self._network = context.timers, waits, network
        self._blindness, self._conclude = blindness, conclude

    def take(self, entry: Scheduled, beat: Beat, now: Moment) -> None:
        """Takes a report; one that was given twice counts once."""
        heard = (beat.at, beat.outcome, beat.is_start is True, beat.run or "")
        if entry.heard == heard:
            return
        entry.heard = heard
        if beat.is_start is True:
            self._waits.began(entry, OpenRun(beat.run or "", beat.at), now)
            return
        # A report that was queued during a gap is older than `last_beat`, which `blind` moved to the end of the gap.
        entry.last_beat = max(beat.at, entry.last_beat or beat.at, key=attrgetter("monotonic_ns"))
        pending = entry.enqueue(beat.at, now)
        pending.begin(beat.at)
        run = entry.run if ended_by(entry.run, beat.run or "", beat.outcome) else None
        took_ns = beat.at.since(run.at) if run is not None and run.id == (beat.run or "") else None
        said = RunReported(took_ns, None if beat.exit_status is UNSET else beat.exit_status)
        sample = entry.judge(pending.attempt, beat.at, beat.outcome, beat.detail, said)
        if run is not None:
            sample = replace(sample, ended_run=run.id)
            self._waits.run_over(entry, now)
        elif entry.is_run_overdue(now) and sample.outcome is Outcome.UP:
            text = f"{entry.run_text(now)} has not ended"
            sample = replace(sample, outcome=Outcome.DOWN, reason=Reason.REPORTED, detail=text)
        self._waits.reported(entry, entry.last_beat)
        self._conclude(entry, pending, now, sample)
        self._waits.await_report(entry, entry.last_beat, now)

    def waited(self, entry: Scheduled, due: Moment, now: Moment) -> None:
        """Reports the silence of a heartbeat at the end of its wait, or waits on."""
        if entry.occurrences is not None and entry.silent_at is not None:
            # The wall clock may have been slewed while the wait ran.
            due = now.shifted(entry.silent_at.wall_ns - now.wall_ns)
            if due.monotonic_ns > now.monotonic_ns:
                self._timers.arm(entry, due.monotonic_ns)
                return
        began_ns = due.monotonic_ns - entry.longest_wait_ns
        was_due = self._waits.over(entry, due, self._blindness.blocked_ns(began_ns), now)
        if was_due is not None:
            self._silent(entry, was_due, now)

    def _silent(self, entry: Scheduled, due: Moment, now: Moment) -> None:
        """Makes a sample of a missed heartbeat, at the moment when the beat was due, however late it is noticed."""
        self._missed(entry, due, Reason.HEARTBEAT_MISSED, entry.silence_text(due), now)
        if entry.occurrences is None:
            entry.missed += now.since(due) // entry.cadence.every_ns
        self._waits.await_report(entry, now, now)

    def run_overdue(self, entry: Scheduled, due: Moment, now: Moment) -> None:
        """Makes a sample of a run that has not ended in time, at the moment when its end was due."""
        run_max_ns = entry.run_max_ns or 0
        blocked_ns = self._blindness.blocked_ns(due.monotonic_ns - run_max_ns)
        was_due = self._waits.over(RunDeadline(entry.id), due, blocked_ns, now)
        if was_due is not None:
            text = f"{entry.run_text(now)} has not ended within {format_duration(run_max_ns)}"
            self._missed(entry, was_due, Reason.RUN_OVERDUE, text, now)

    def _missed(self, entry: Scheduled, due: Moment, reason: Reason, text: str, now: Moment) -> None:
        pending = entry.enqueue(due, now)
        pending.begin(due)
        sample = sample_without_answer(pending.attempt, due, Outcome.DOWN, reason, text)
        if self._network.lost:
            # The report may have been on its way, and a restart knows nothing of that: the silence counts from here on.
            sample = doubted(sample, Reason.BLIND, NETWORK_GONE)
            self._waits.begin_anew([entry], due)
        else:
            self._waits.missed(entry, now)
        self._conclude(entry, pending, now, sample)

    def blind(self, entries: Iterable[Scheduled], now: Moment) -> None:
        """Gives heartbeats that are due by the end of a gap their whole time from now on: a report may be lost with it."""
        reporting, slept_ns = [], self._blindness.take_slept_ns()
        for entry in entries:
            self._waits.age_run(entry, slept_ns, now)
            if not entry.is_before_due(now):
                reporting.append(entry)
            elif entry.is_run_overdue(now):
                self._waits.run_over(entry, now)
                self._waits.state(entry, now)
        self._waits.begin_anew(reporting, now)
        for entry in reporting:
            entry.last_beat = now
            self._waits.await_report(entry, now, now)
            self._waits.expect_evidence(entry, now)

    def follow_clock(self, entries: Iterable[Scheduled], now: Moment) -> None:
        """Waits for reports by a schedule anew, by a wall clock that was set or ran on while the machine was suspended."""
        for entry in entries:
            if entry.is_heartbeat and entry.occurrences is not None:
                self._waits.await_report(entry, entry.missed_at or entry.last_beat or now, now)
