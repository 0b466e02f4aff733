"""The supervisor: owns the clock's consequences. It alone decides what is due, what is late, what is tried again."""

from collections.abc import Callable
from typing import Any, assert_never

import msgspec

from ..domain import limits
from ..domain.blindness import CLOCK_STEPPED, BlindnessDetector, Reading
from ..domain.moment import Moment
from ..domain.patience import Patience
from ..domain.record import BlindInterval
from ..domain.sample import Sample
from ..domain.schedule import Flight, Scheduled
from ..domain.supervision import SupervisorPolicies
from ..domain.target import Target
from ..protocol.courier import AbandonDelivery
from ..protocol.owner import Adopt, EndOrphans, HandIn, Release
from ..protocol.recorder import (
    Abandoned,
    BlindnessSeen,
    Counted,
    HealthChanged,
    TargetTracked,
    TargetUntracked,
)
from ..protocol.sink import (
    Commit,
    EndSilences,
    GiveUpDelivery,
    KeepHouse,
    RecordBlindness,
    ReopenStore,
    ResumeRetries,
    RetryDelivery,
)
from ..protocol.supervisor import (
    AttemptCancelled,
    AttemptFinished,
    Beat,
    ChannelCarried,
    ChildExited,
    DeliveryBegan,
    DeliverySettled,
    Drain,
    GetHeard,
    LookAsked,
    Pause,
    Resume,
    RetryAsked,
    StoreFailed,
    StoreRecovered,
    SupervisorMessage,
    Track,
    Untrack,
    Woke,
)
from .attempts import BAD, Attempts
from .behaviour import SHED_OLDEST, Behaviour, policy_of
from .children import Child, Children
from .clockwork import Clockwork, SetAlarm, TimerKey
from .neighbours import SupervisorNeighbours
from .nursery import POLLER, Nursery
from .ports import Clock
from .timetable import COMMIT, HOUSE, HOUSE_EVERY_NS, PULSE, PULSE_EVERY_NS, begin, look_at_silences

ATTEMPT_NUMBER_BITS = 40
"""Every incarnation numbers its attempts above those of the one before."""

RECORDER = "recorder"


class Supervisor(Behaviour[SupervisorMessage]):
    """Owns time: timers, deadlines, cadence, and the restart, retry and cancellation policy. It judges no sample."""

    sheds = (Beat,)
    mailbox_policy = policy_of(dict.fromkeys(sheds, SHED_OLDEST))
    mailbox_capacity = limits.SUPERVISOR_MAILBOX_MAX

    def __init__(
        self,
        clock: Clock,
        *,
        roster: dict[str, Target],
        policies: SupervisorPolicies,
        neighbours: SupervisorNeighbours,
        nursery: Nursery,
        children: tuple[Child, ...],
        set_alarm: SetAlarm,
        dice: Callable[[], float],
        through_bytes: bool = False,
    ) -> None:
        super().__init__(clock, through_bytes=through_bytes)
        self._roster = roster
        self._policies = policies
        self._to = neighbours
        self._nursery = nursery
        self._children = Children(children)
        self._dice = dice
        self._set_alarm = set_alarm
        self._blindness = BlindnessDetector()
        self._patience = Patience(policies.retries)
        self._reopenings = 0
        self._draining = False

    def started(self, now: Moment) -> None:
        self._clockwork = Clockwork(self._set_alarm, lambda planned_ns: self.address.tell(Woke(planned_ns)))
        self._timers = self._clockwork.timers
        self._attempts = Attempts(
            timers=self._timers,
            nursery=self._nursery,
            owner=self._to.owner,
            admission=self._policies.admission,
            cancellation=self._policies.cancellation,
            blindness=self._blindness,
            numbers_from=self.address.epoch << ATTEMPT_NUMBER_BITS,
            roster=self._roster,
        )
        for target in self._roster.values():
            self._introduce(target)
            self._attempts.track(target, now)
            if self.address.epoch > 1:
                # The one before may have crashed between hearing of it and saying so.
                self._to.owner.tell(Adopt(target))
        self._make_whole(now)
        begin(self._timers, now)
        self._clockwork.wind()

    def _make_whole(self, now: Moment) -> None:
        """What an earlier incarnation had in hand: timers of restarts, of retries and of the store died with it."""
        for child in (*self._children.missing(), *self._nursery.missing()):
            self._timers.arm(("restart", child), now.monotonic_ns)
        self._to.sink.tell(ResumeRetries())

    def handle(self, message: SupervisorMessage, now: Moment) -> Any:
        answer = self._react(message, now)
        self._clockwork.wind()
        return answer

    def _react(self, message: SupervisorMessage, now: Moment) -> Any:
        match message:
            case AttemptFinished(attempt, sample):
                self._look_twice(sample, now)
                if self._attempts.finished(attempt, sample, now):
                    self._answered(attempt.target, now)
            case Woke(planned_ns):
                self._woke(planned_ns, now)
            case AttemptCancelled(attempt, outcome):
                self._attempts.cancelled(attempt, outcome, now)
                self._leave_when_drained()
            case Beat(target, outcome, detail, at):
                self._commit_in_time(now)
                return self._attempts.beat(target, outcome, detail, at, now)
            case Track(target):
                self._track(target, now)
            case Untrack(target):
                return self._untrack(target, now)
            case Pause(target):
                return self._pause(target, True, now)
            case Resume(target):
                return self._pause(target, False, now)
            case ChildExited(child, _, reason, detail):
                self._child_exited(child, reason, detail, now)
            case DeliveryBegan(channel, key, _, timeout_ns):
                ends_ns = now.monotonic_ns + timeout_ns + limits.DEADLINE_SLACK_NS
                self._timers.arm(("delivery", channel, key), ends_ns)
            case DeliverySettled(channel, key):
                self._timers.cancel(("delivery", channel, key))
                self._patience.settled(channel, key)
            case ChannelCarried(channel):
                self._hurry(channel, now)
            case RetryAsked(channel, key, attempts, retry_after_ns):
                self._retry(channel, key, attempts, retry_after_ns, now)
            case LookAsked(until_ns):
                look_at_silences(self._timers, until_ns, now)
            case StoreFailed(detail):
                self._store_failed(detail, now)
            case StoreRecovered():
                self._reopenings = 0
                self._health("store", "")
            case GetHeard():
                return True
            case Drain(within_ns):
                self._drain(within_ns, now)
            case _:
                assert_never(message)
        return None

    # Targets.

    def _track(self, target: Target, now: Moment) -> None:
        self._roster[target.id] = target
        self._to.owner.tell(Adopt(target))
        self._introduce(target)
        self._attempts.track(target, now)
        if target.heartbeat is not None:
            self._children.forget(POLLER + target.id)
            self._health(POLLER + target.id, "")

    def _introduce(self, target: Target) -> None:
        self._to.recorder.tell(TargetTracked(target.id, target.kind, target.paused, target.stale_after_ns))

    def _untrack(self, target: str, now: Moment) -> bool:
        if target not in self._roster:
            return False
        self._attempts.untrack(target, now)
        self._children.forget(POLLER + target)
        self._health(POLLER + target, "")
        self._to.owner.tell(Release(target))
        self._to.recorder.tell(TargetUntracked(target))
        # Last: whoever comes after a crash in between finds it here, and is asked once more to let it go.
        del self._roster[target]
        return True

    def _pause(self, target: str, paused: bool, now: Moment) -> bool:
        known = self._attempts.pause(target, now) if paused else self._attempts.resume(target, now)
        if known:
            self._roster[target] = msgspec.structs.replace(self._roster[target], paused=paused)
            self._introduce(self._roster[target])
        return known

    def _answered(self, target: str, now: Moment) -> None:
        self._commit_in_time(now)
        if self._children.proved_healthy(POLLER + target):
            self._health(POLLER + target, "")
        self._leave_when_drained()

    # Timers.

    def _woke(self, planned_ns: int, now: Moment) -> None:
        self._look(planned_ns, now)
        for key, due_ns in self._clockwork.due(now.monotonic_ns):
            self._due(key, due_ns, now)

    def _look(self, planned_ns: int | None, now: Moment) -> None:
        """Compare the clocks: could we see all the time?"""
        interval = self._blindness.woke(Reading(now, self._clock.boot_ns()), planned_ns)
        if interval is not None:
            self._blind(interval, now)

    def _look_twice(self, sample: Sample, now: Moment) -> None:
        """After a gap an answer may come before the wake-up that would show the gap: bad ones are not believed unseen."""
        if sample.outcome in BAD:
            self._look(self._clockwork.overdue_ns(now.monotonic_ns), now)

    def _blind(self, interval: BlindInterval, now: Moment) -> None:
        self._to.sink.tell(RecordBlindness(interval))
        self._to.recorder.tell(BlindnessSeen(interval))
        if interval.cause != CLOCK_STEPPED:
            self._attempts.blind(now)

    def _due(self, key: TimerKey, due_ns: int, now: Moment) -> None:
        match key:
            case Scheduled():
                self._attempts.tick(key, due_ns, now)
                if key.is_heartbeat:
                    self._commit_in_time(now)
            case Flight():
                self._attempts.overdue(key, now)
                self._commit_in_time(now)
                self._leave_when_drained()
            case ("stale", target, rule):
                self._attempts.stale(target, rule, due_ns, now)
            case ("commit",):
                self._to.owner.tell(HandIn())
            case ("delivery", channel, delivery):
                self._to.couriers[channel].tell(AbandonDelivery(delivery))
            case ("retry", delivery):
                self._to.sink.tell(RetryDelivery(delivery))
            case ("restart", child):
                self._restart(child, now)
            case ("silences",):
                self._to.sink.tell(EndSilences())
            case ("reopen",):
                self._to.sink.tell(ReopenStore())
            case ("house",):
                self._timers.arm(HOUSE, now.monotonic_ns + HOUSE_EVERY_NS)
                self._to.sink.tell(KeepHouse())
            case ("pulse",):
                self._pulse(now)
            case ("orphans",):
                self._to.owner.tell(EndOrphans())
            case ("drain", "cancel"):
                self._attempts.cancel_all()
            case ("drain", "end"):
                self._leave()
            case _:
                raise ValueError(f"a timer of unknown kind: {key!r}")

    def _commit_in_time(self, now: Moment) -> None:
        """Samples are durable within a quarter of a second of being taken; nothing is committed where nothing is."""
        if COMMIT not in self._timers:
            self._timers.arm(COMMIT, now.monotonic_ns + limits.COMMIT_SAMPLES_NS)

    def _pulse(self, now: Moment) -> None:
        """Now and then: let what has gathered without haste be written, and tell the read model what was counted."""
        self._timers.arm(PULSE, now.monotonic_ns + PULSE_EVERY_NS)
        self._to.sink.tell(Commit())
        for name, by in self._attempts.newly_counted().items():
            self._to.recorder.tell(Counted(name, by))

    # Children.

    def _child_exited(self, child: str, reason: str, detail: str, now: Moment) -> None:
        target = child.removeprefix(POLLER) if child.startswith(POLLER) else None
        if self._draining or (target is not None and target not in self._nursery):
            return  # of a target that has gone, or is a heartbeat by now
        if self._alive(child):
            return  # an earlier one of this name, whose successor is there already
        if target is not None:
            self._attempts.lost(target, detail, now)
        restart = self._children.decide(
            child, now.monotonic_ns, self._dice(), in_good_order=reason == "normal"
        )
        if restart is None:
            return
        parked = ", quarantined" if restart.quarantined else ""
        self._health(child, f"{reason}{parked}: {detail}")
        self._timers.arm(("restart", child), now.monotonic_ns + restart.after_ns)

    def _alive(self, child: str) -> bool:
        if child.startswith(POLLER):
            return self._nursery.alive(child.removeprefix(POLLER))
        return self._children.alive(child)

    def _restart(self, child: str, now: Moment) -> None:
        if self._alive(child):
            return
        target = self._roster.get(child.removeprefix(POLLER)) if child.startswith(POLLER) else None
        try:
            if target is not None and target.heartbeat is None:
                self._nursery.start(target)
            elif child in self._children:
                self._children.start(child)
                self._introduce_targets(child)
                self._health(child, "")
        except Exception as error:  # noqa: BLE001  # a child that cannot even be built is a failed start like any other
            self._child_exited(child, "start_failed", repr(error), now)

    def _introduce_targets(self, child: str) -> None:
        """A new recorder has an empty read model."""
        if child == RECORDER:
            for target in self._roster.values():
                self._introduce(target)

    # Deliveries and the store.

    def _retry(self, channel: str, key: str, attempts: int, retry_after_ns: int | None, now: Moment) -> None:
        self._timers.cancel(("delivery", channel, key))
        at_ns = self._patience.next_try_ns(
            channel, key, attempts, now.monotonic_ns, self._dice(), retry_after_ns
        )
        if at_ns is None:
            self._to.sink.tell(GiveUpDelivery(key))
        else:
            self._timers.arm(("retry", key), at_ns)

    def _hurry(self, channel: str, now: Moment) -> None:
        for key in self._patience.carried(channel):
            if ("retry", key) in self._timers:
                self._timers.arm(("retry", key), now.monotonic_ns)

    def _store_failed(self, detail: str, now: Moment) -> None:
        self._reopenings += 1
        self._health("store", detail)
        wait_ns = self._policies.reopen.wait_ns(self._reopenings, self._dice(), None)
        self._timers.arm(("reopen",), now.monotonic_ns + wait_ns)

    def _health(self, part: str, detail: str) -> None:
        self._to.recorder.tell(HealthChanged(part, detail))

    # The end.

    def _drain(self, within_ns: int, now: Moment) -> None:
        self._draining = True
        self._attempts.drain(now)
        left_alone_ns = int(within_ns * self._policies.cancellation.drain_share)
        self._timers.arm(("drain", "cancel"), now.monotonic_ns + left_alone_ns)
        self._timers.arm(("drain", "end"), now.monotonic_ns + within_ns)
        self._leave_when_drained()

    def _leave_when_drained(self) -> None:
        if self._draining and not self._attempts.under_way:
            self._leave()

    def _leave(self) -> None:
        if self._attempts.under_way:
            self._to.recorder.tell(Abandoned("attempts still running", self._attempts.under_way))
        self._nursery.stop_all()
        self.address.stop()

    def on_stop(self) -> None:
        self._clockwork.stop()

    def on_failure(self, *_: object) -> None:
        """What runs answers to nobody from now on, and the next incarnation counts anew: it is stopped."""
        self._clockwork.stop()
        self._attempts.cancel_all()
