"""The supervisor: owns time, and is the only actor that decides what is due, what is late and what is retried."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, assert_never

import msgspec
from msgspec import UNSET

from ...domain import limits
from ...domain.incidents.own_problems import NETWORK, POLLER, UNCHECKED
from ...domain.incidents.record import BlindInterval, PauseMark, Renamed
from ...domain.observation.sample import Sample
from ...domain.specification.target import Target
from ...domain.supervision.blindness import CLOCK_STEPPED, Reading, waited_ns
from ...domain.supervision.restart import SupervisorPolicies
from ...domain.supervision.schedule import PendingAttempt, Scheduled
from ...domain.time.moment import Moment
from ...domain.time.timers import CallAt
from ...protocol import supervisor as heard
from ...protocol.courier import AbandonDelivery
from ...protocol.owner import Adopt, ExpireAcknowledgements, Release
from ...protocol.recorder import (
    Abandoned,
    BlindnessSeen,
    HealthReported,
    LoadSeen,
    TargetTracked,
    TargetUntracked,
)
from ...protocol.sink import (
    DescribeTarget,
    RecordBlindness,
    RecordPause,
    RecordRenamed,
    ResumeRetries,
    RetryDelivery,
)
from ..behaviour import Behaviour, shedding
from ..ports import Clock, Neighbours, Pinger
from .attempts import Attempts
from .dead_mans_ping import DeadMansPing
from .periodic_timers import (
    ChildRestart,
    Chore,
    DeliveryDeadline,
    DeliveryRetry,
    DrainStep,
    NoEvidence,
    PeriodicTimers,
    RunDeadline,
    SupervisorContext,
    TimerKey,
)
from .poller_registry import RosterHandover
from .restart_tracker import Child, RestartTracker
from .retries import Retries
from .timer_driver import TimerDriver

ATTEMPT_NUMBER_BITS = 40
"""An incarnation numbers its attempts and its rounds of the ping from its epoch shifted by this, above those of the one before."""

RECORDER = "recorder"


class Supervisor(Behaviour[heard.SupervisorMessage]):
    """Owns time: timers, deadlines, cadence, and the restart, retry and cancellation policy. It judges no sample."""

    sheds = (heard.Beat, heard.CheckNow)
    mailbox_policy = shedding(*sheds)
    mailbox_capacity = limits.SUPERVISOR_MAILBOX_MAX

    def __init__(
        self,
        clock: Clock,
        *,
        handover: RosterHandover,
        policies: SupervisorPolicies,
        neighbours: Neighbours,
        children: Iterable[Child],
        call_at: CallAt,
        dice: Callable[[], float],
        discreet: Callable[[str], str] = str,
        is_whole: bool = False,
        is_outdated: Callable[[], bool] = bool,
        pinger: Pinger | None = None,
    ) -> None:
        super().__init__(clock)
        self._is_whole, self._is_outdated, self._pinger = is_whole, is_outdated, pinger
        self._policies = policies
        self._to = neighbours
        self._dice = dice
        self._discreet = discreet
        self._timer_driver = TimerDriver(
            call_at, lambda planned_ns: self.address.tell(heard.Woke(planned_ns))
        )
        self._timers = self._timer_driver.timers
        self._draining = False
        self._permanent = tuple(children)
        self._handover = handover
        # Owned from here to `on_end`. The last line: an error after it would lose the roster, as no `on_end` follows.
        self._roster = handover.take()

    def started(self, now: Moment) -> None:
        self._targets, self._blindness = self._roster.targets, self._roster.blindness
        told = (self._timers, self._to, self._policies, self._dice, self._roster, self._discreet)
        context = SupervisorContext(*told, self._is_outdated)
        numbered_from = self.address.epoch << ATTEMPT_NUMBER_BITS
        self._retries = Retries(context)
        self._children = RestartTracker(context, self._permanent)
        self._attempts = Attempts(context, self._blindness, self._blind, numbered_from)
        self._periodic_timers = PeriodicTimers(context, self._newly_counted, self._take_load)
        self._ping = DeadMansPing(
            context, self._pinger, self._attempts.counters, self.address.tell, numbered_from
        )
        for target in self._targets.values():
            self._introduce(target)
            self._continue_former(target)
            self._attempts.track(target, now)
            if self.address.epoch > 1:
                # The incarnation before may have crashed between tracking the target and telling the owner.
                self._to.owner.tell(Adopt(target))
        if self.address.epoch > 1:
            # The knowledge of the network and of unchecked targets ended with the earlier incarnation.
            for part in (NETWORK, UNCHECKED):
                self._to.recorder.tell(HealthReported(part, ""))
        gap = self._blindness.woke(Reading(now, self._clock.boot_ns()), None)
        if gap is not None:
            # No supervisor lived meanwhile. The waits, which the sink has yet to give back, leave it out then.
            self._tell_blind(gap)
        self._make_whole(now)
        self._periodic_timers.begin(now)
        self._ping.begin(now)
        self._timer_driver.rearm()

    def _newly_counted(self) -> Counter[str]:
        return self._attempts.newly_counted() + self._ping.newly_counted()

    def _take_load(self) -> LoadSeen:
        """Returns the load since this was last asked for."""
        return LoadSeen(self._blindness.take_lag_ns(), self._attempts.in_flight)

    def _make_whole(self, now: Moment) -> None:
        """Replaces the timers that ended with the earlier incarnation: of restarts, retries, the store and acknowledgements."""
        for child in self._children.missing():
            self._timers.arm(ChildRestart(child), now.monotonic_ns)
        self._to.sink.tell(ResumeRetries())
        if self.address.epoch > 1:
            self._to.owner.tell(ExpireAcknowledgements())

    def handle(self, message: heard.SupervisorMessage, now: Moment) -> Any:
        answer = self._react(message, now)
        # While an attempt runs, wake-ups are frequent: a block of the loop shows by the lateness of one.
        look_ns = now.monotonic_ns + limits.LAG_LOOK_NS if self._attempts.in_flight else None
        self._timer_driver.rearm(look_ns)
        if look_ns is None and type(message) is heard.AttemptFinished:
            # The last one: with many shards in a process the look at the loop would be a wake-up of its own after each tick.
            self._timer_driver.relax()
        return answer

    def _react(self, message: heard.SupervisorMessage, now: Moment) -> Any:
        if isinstance(message, heard.OfNotices):
            self._ping.watch(message)
            self._retries.take(message, now)
            return None
        if isinstance(message, heard.OfPing):
            self._ping.take(message, now)
            return None
        match message:
            case heard.AttemptFinished(attempt, sample):
                self._look_twice(sample, now)
                if self._attempts.finished(attempt, sample, now):
                    self._periodic_timers.commit_in_time(now)
                    self._children.poller_answered(attempt.target)
                    self._ping.answered += 1
                    self._leave_when_drained()
            case heard.Woke(planned_ns):
                self._woke(planned_ns, now)
            case heard.AttemptCancelled(attempt, outcome):
                self._attempts.cancelled(attempt, outcome, now)
                self._leave_when_drained()
            case heard.Beat():
                self._periodic_timers.commit_in_time(now)
                return self._attempts.beat(message, now)
            case heard.Track(target):
                self._track(target, now)
            case heard.Untrack(target):
                return self._untrack(target, now)
            case heard.Pause() | heard.Resume():
                return self._pause(message, now)
            case heard.CheckNow(target):
                return self._attempts.check_now(target, now)
            case heard.ChildExited(child, _, reason, detail):
                self._child_exited(child, reason, detail, now)
            case (
                heard.NoticeCheckRequested()
                | heard.AcknowledgementCheckRequested()
                | heard.StoreFailed()
                | heard.StoreRecovered()
                | heard.StoreAsked()
                | heard.StoreAnswered()
                | heard.RenewalRequested()
                | heard.NextSliceRequested()
            ):
                self._periodic_timers.asked(message, now)
            case heard.LastHeardResumed(before):
                # A wait that was over before this process began makes no later wake-up late.
                self._look(self._timer_driver.overdue_ns(now.monotonic_ns), now)
                self._attempts.heard_before(before, now)
                if self._blindness.has_slept:
                    self._attempts.blind(0, now)
                if self._is_whole:
                    self._periodic_timers.end_orphans(now)
            case heard.Barrier():
                return True
            case heard.Drain(within_ns):
                self._drain(within_ns, now)
            case _:
                assert_never(message)
        return None

    # Targets.

    def _track(self, target: Target, now: Moment) -> None:
        if not target.paused and target.id in self._targets and self._targets[target.id].paused:
            self._to.sink.tell(RecordPause(PauseMark(target.id, None)))
        # Before the owner judges by the new specification: what follows from it is muted by the new texts.
        self._to.sink.tell(DescribeTarget(target.id, target.metadata, target))
        self._targets[target.id] = target
        self._to.owner.tell(Adopt(target))
        self._introduce(target)
        self._continue_former(target)
        self._attempts.track(target, now)
        if not target.is_probed:
            self._children.forget_poller(target.id)

    def _introduce(self, target: Target, mark: PauseMark | None = None) -> None:
        metadata = target.metadata or UNSET
        paused_at_ns = UNSET if mark is None or mark.at_ns is None else mark.at_ns
        self._to.recorder.tell(
            TargetTracked(
                target.id, target.kind, target.paused, target.stale_after_ns, metadata, paused_at_ns
            )
        )

    def _continue_former(self, target: Target) -> None:
        """Lets the record give a target what it had under former names, before any sample of its present one."""
        if target.former_names:
            self._to.sink.tell(RecordRenamed(Renamed(target.id, target.former_names)))

    def _untrack(self, target: str, now: Moment) -> bool:
        if target not in self._targets:
            return False
        self._attempts.untrack(target, now)
        self._children.forget_poller(target)
        self._to.owner.tell(Release(target))
        if self._targets[target].paused:
            self._to.sink.tell(RecordPause(PauseMark(target, None)))
        self._to.sink.tell(DescribeTarget(target, None))
        self._to.recorder.tell(TargetUntracked(target))
        # Last: after a crash before this line the next incarnation still has the target, and Untrack is sent again.
        del self._targets[target]
        return True

    def _pause(self, command: heard.Pause | heard.Resume, now: Moment) -> bool:
        target, mark = command.target, PauseMark(command.target, None)
        if isinstance(command, heard.Pause):
            mark = PauseMark(target, now.wall_ns, command.by)
        paused = mark.at_ns is not None
        if not self._attempts.set_paused(target, paused, now):
            return False
        self._to.sink.tell(RecordPause(mark))
        self._targets[target] = msgspec.structs.replace(self._targets[target], paused=paused)
        self._introduce(self._targets[target], mark)
        return True

    # Timers.

    def _woke(self, planned_ns: int, now: Moment) -> None:
        self._look(planned_ns, now)
        self._periodic_timers.follow_clock(now)
        for key, due_ns in self._timer_driver.due(now.monotonic_ns):
            self._due(key, due_ns, now)

    def _look(self, planned_ns: int | None, now: Moment) -> None:
        """Compares the clocks and handles an interval in which the runtime could not observe its targets."""
        interval = self._blindness.woke(Reading(now, self._clock.boot_ns()), planned_ns)
        if interval is not None:
            self._blind(interval, now)

    def _look_twice(self, sample: Sample, now: Moment) -> None:
        """Compares the clocks before a sample counts: after a gap it may precede the wake-up that shows the gap."""
        overdue_ns = self._timer_driver.overdue_ns(now.monotonic_ns)
        if sample.outcome.is_bad or overdue_ns is not None:
            self._look(overdue_ns, now)

    def _blind(self, interval: BlindInterval, now: Moment) -> None:
        # First: after a crash while this is told, the next incarnation would count the interval as silence.
        self._attempts.blind(None if interval.cause == CLOCK_STEPPED else waited_ns(interval), now)
        self._tell_blind(interval)

    def _tell_blind(self, interval: BlindInterval) -> None:
        self._to.sink.tell(RecordBlindness(interval))
        self._to.recorder.tell(BlindnessSeen(interval))

    def _due(self, key: TimerKey, due_ns: int, now: Moment) -> None:
        match key:
            case Scheduled():
                self._attempts.tick(key, due_ns, now)
                if key.is_heartbeat:
                    self._periodic_timers.commit_in_time(now)
            case PendingAttempt():
                self._attempts.overdue(key, now)
                self._periodic_timers.commit_in_time(now)
                self._leave_when_drained()
            case NoEvidence(target, rule):
                self._attempts.stale(target, rule, due_ns, now)
            case RunDeadline(target):
                self._attempts.run_overdue(target, due_ns, now)
                self._periodic_timers.commit_in_time(now)
            case DeliveryDeadline(channel, delivery):
                self._to.couriers[channel].tell(AbandonDelivery(delivery))
            case DeliveryRetry(delivery):
                self._to.sink.tell(RetryDelivery(delivery))
            case ChildRestart(child):
                self._restart(child, now)
            case Chore():
                if key is Chore.ORPHANS:
                    self._attempts.review(now)
                if key is Chore.PING:
                    self._ping.next(now)
                self._periodic_timers.do(key, now)
            case DrainStep.CANCEL:
                self._attempts.cancel_all()
            case DrainStep.LEAVE:
                self._leave()
            case _:
                assert_never(key)

    # Children.

    def _child_exited(self, child: str, reason: str, detail: str, now: Moment) -> None:
        if self._draining or not self._children.is_gone(child):
            return
        if child.startswith(POLLER):
            self._attempts.lost(child.removeprefix(POLLER), detail, now)
        self._children.arm_restart(child, reason, detail, now)

    def _restart(self, child: str, now: Moment) -> None:
        try:
            if self._children.restart(child):
                if child == RECORDER:
                    # Its read model is empty.
                    for target in self._targets.values():
                        self._introduce(target)
                self._to.recorder.tell(HealthReported(child, ""))
        except Exception as error:  # noqa: BLE001  # an error of the constructor is a failed start like any other
            self._child_exited(child, "start_failed", repr(error), now)

    # Drain and stop.

    def _drain(self, within_ns: int, now: Moment) -> None:
        self._draining = True
        self._attempts.drain(now)
        left_alone_ns = int(within_ns * self._policies.cancellation.drain_share)
        self._timers.arm(DrainStep.CANCEL, now.monotonic_ns + left_alone_ns)
        self._timers.arm(DrainStep.LEAVE, now.monotonic_ns + within_ns)
        self._leave_when_drained()

    def _leave_when_drained(self) -> None:
        if self._draining and not self._attempts.under_way:
            self._leave()

    def _leave(self) -> None:
        if self._attempts.under_way:
            self._to.recorder.tell(Abandoned("attempts still running", self._attempts.under_way))
        self._roster.pollers.stop_all()
        self.address.stop()

    def on_stop(self) -> None:
        self._timer_driver.stop()
        self._ping.stop()

    def on_failure(self, *_: object) -> None:
        """Cancels every attempt: its answer would reach an incarnation that does not know its number.

        Nor does that one know of a gap that ended with the crash, and would count it as silence: every wait begins anew.
        """
        self._attempts.cancel_all()
        self._ping.stop()
        now = self._now()
        overdue_ns = self._timer_driver.overdue_ns(now.monotonic_ns)
        self._timer_driver.stop()
        gap = self._blindness.woke(Reading(now, self._clock.boot_ns()), overdue_ns)
        if gap is not None and gap.cause != CLOCK_STEPPED:
            self._attempts.blind(waited_ns(gap), now)

    def on_end(self) -> None:
        self._handover.give_back(self._roster)
