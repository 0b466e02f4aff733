"""The auditor: observes every event of a run, and reports each violated invariant."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.auditing.invariants_delivery import DeliveryRules
from watchkeeper.domain.auditing.invariants_record import RecordRules
from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.incidents.notice import DeliveryState, Notice
from watchkeeper.domain.incidents.record import Batch, Restored
from watchkeeper.domain.observation.attempt import AttemptRecord, ProbeRequest
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.matcher import Selection, parsed
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S, Moment
from watchkeeper.protocol.owner import Release, SamplesMissing, SampleTaken
from watchkeeper.protocol.recorder import HealthReported, IncidentsResumed, SilencesChanged
from watchkeeper.protocol.sink import (
    Commit,
    Mute,
    RecordBlindness,
    RecordSamples,
    ResumeRetries,
    ReviewNotices,
)
from watchkeeper.protocol.supervisor import (
    AttemptFinished,
    ChannelRecovered,
    ChildExited,
    LastHeardResumed,
    Pause,
    Resume,
    RetryAsked,
    Track,
    Untrack,
    Woke,
)
from watchkeeper.testing.clock import ManualClock

from ..cases.case import Case
from ..suppression.naive_holds import NaiveHolds
from ..suppression.naive_routes import NaiveRoutes
from ..suppression.telling import TellingRules, delayed
from ..surroundings.hub import Halt
from ..surroundings.receiver import Receiver
from .attempts import BAD, AttemptRules
from .blindness import BlindnessRules
from .configuration import ConfigurationRules
from .drills import DrillRules
from .evidence import EvidenceRules
from .isolation import IsolationRules
from .jobs import JobRules
from .pinging import PingRules
from .receiving import ReceivingRules
from .silences import SilenceRules
from .situations import Situations
from .trace import Trace
from .violation import Violation

AT_ONCE_MAX = 20_000
"""Messages at one instant: actors that have more to say to each other never come to rest."""


class Auditor:
    """Implements every observer protocol of the simulator. It outlives the processes of a run."""

    def __init__(
        self,
        roster: Mapping[str, Target],
        receivers: dict[str, Receiver],
        clock: ManualClock,
        halt: Halt,
        case: Case,
    ) -> None:
        self._roster = roster
        self._clock = clock
        self._read = clock.read
        self._halt = halt
        self.trace = Trace(lambda: clock.now.monotonic_ns)
        self.durable = Durable()
        self.receivers = receivers
        self.violations: list[Violation] = []
        self.sometimes: Counter[str] = Counter()
        complain: Complain = self.complain
        self.record = RecordRules(self.durable, receivers, complain)
        self.delivery = DeliveryRules(self.durable, receivers, complain)
        self.receiving = ReceivingRules(self.durable, complain, self.happened)
        self._told_by(case)
        self._situations = Situations(self.durable, self.happened)
        self._in_flight: set[tuple[str, str]] = set()
        """Requests without an answer: their channels and keys."""
        self.attempts = AttemptRules(roster, complain, self.happened)
        self.attempts.must_fail = frozenset(
            each.target.id for each in case.targets if each.target.upside_down is True
        )
        self.evidence = EvidenceRules(list(roster.values()), complain, self.happened)
        self.silences = SilenceRules(complain, self.happened)
        self.blindness = BlindnessRules(complain, self.happened)
        self.isolation = IsolationRules(roster, complain, self.happened)
        self.configuration = ConfigurationRules(complain, self.happened)
        self.jobs = JobRules(complain, self.happened)
        self.drills = DrillRules(self.durable, complain, self.happened)
        self.pinging = PingRules(
            case.options.ping_every_s * NS_PER_S,
            tuple(receivers),
            lambda: clock.lived_ns,
            complain,
            self.happened,
        )
        self.taken: dict[str, list[tuple[Sample, AttemptRecord]]] = {}
        """Per target, all samples that the owner was given, with the times of their attempts."""
        self.upon_probe: dict[str, Callable[[], object]] = {}
        """Per target, the callback of the start of its next probe."""
        self.committed_ns: dict[str, int] = {}
        """The time at which each notice became durable, by the world's own clock."""
        self._checks: dict[type, Callable[[Any], None]] = {
            RecordSamples: self._recording,
            Mute: lambda message: self.record.muted(message.silence),
            Commit: lambda _: self.record.time_passed(self._read()),
            ReviewNotices: lambda _: self.record.time_passed(self._read()),
            Woke: lambda message: self.silences.woke(message.planned_ns, self._read()),
            SilencesChanged: lambda message: self.silences.shown(message.silences),
            IncidentsResumed: lambda message: self.silences.shown(message.silences),
            ResumeRetries: lambda _: self._supervisor_began(),
            SampleTaken: self._judging,
            Track: self._tracking,
            Untrack: lambda message: self._untracking(message.target),
            Pause: lambda message: self._pausing(message.target),
            Resume: lambda message: self._resuming(message.target),
            SamplesMissing: self.configuration.missing,
            Release: lambda message: self.attempts.released(message.target),
            RecordBlindness: lambda message: self.blindness.recording(message.interval),
            ChildExited: self.isolation.exited,
            HealthReported: self._health,
            RetryAsked: lambda message: self.pinging.refused(message.channel),
            ChannelRecovered: lambda message: self.pinging.accepted(message.channel),
        }

    def _told_by(self, case: Case) -> None:
        """Makes the naive judge of who is told and when."""
        channels = tuple(reached.channel for reached in case.channels)
        self.routes = NaiveRoutes(case.policy, channels, self._roster)
        self.holds = NaiveHolds(case.policy, self.routes, self._roster, self._clock, self.durable)
        self._telling = TellingRules(self.durable, self.holds, self.routes, self.complain, self.happened)
        self.record.waits.delayed = delayed(channels)
        self.record.waits.maintenance = tuple(
            Selection(parsed(work.match)) for work in case.policy.maintenance
        )

    def complain(self, invariant: str, says: str) -> None:
        """Records the violation of an invariant, and stops the run."""
        self._halt.now = True
        self.violations.append(Violation(invariant, says, self._clock.lived_ns))

    def happened(self, what: str) -> None:
        """Counts a named situation."""
        self.sometimes[what] += 1
        if what.startswith("crash"):
            self.silences.crashed(what.removeprefix("crash of "))
        if what == "crash of supervisor":
            # Its next incarnation may ping before the sink has heard of it.
            self.pinging.began()

    # Messages.

    def handling(self, name: str, epoch: int, message: object) -> None:
        self.trace.note(name, epoch, message)
        if self.trace.at_once == AT_ONCE_MAX:
            self.complain(
                "BOUND", f"{AT_ONCE_MAX} messages are handled at one instant, and no end is in sight"
            )
        kind = type(message)
        if kind in {Woke, LastHeardResumed} or (
            isinstance(message, AttemptFinished)
            and (message.sample.outcome in BAD or self.blindness.has_stalled)
        ):
            # The supervisor compares its clocks at each wake-up, before it accepts a bad sample, and before any sample while
            # a timer is overdue: one is during a stall, as the supervisor looks every 50 ms while an attempt runs.
            self.blindness.looking(epoch, self._read())
            self.isolation.passing(self._read().monotonic_ns)
        if self.pinging.every_ns:
            self.pinging.handled(name, is_writable=not self.record.is_failed)
            if kind is AttemptFinished:
                self.pinging.answered()
        check = self._checks.get(kind)
        if check is not None:
            check(message)

    def _recording(self, message: RecordSamples) -> None:
        self.evidence.recording(message)
        if not self.evidence.is_stale(message):
            self.holds.taken(message.samples)

    def _health(self, message: HealthReported) -> None:
        self.isolation.health(message)
        self.pinging.health(message)

    def _judging(self, message: SampleTaken) -> None:
        self.attempts.taken(message.sample, message.record)
        self.taken.setdefault(message.sample.target, []).append((message.sample, message.record))
        self.blindness.judging(message.sample, message.record)
        self.configuration.judging(message.sample)
        self.jobs.taken(message.sample)

    def _tracking(self, message: Track) -> None:
        self.record.described([message.target])
        self.attempts.tracked(message.target.id)
        self.evidence.tracked(message.target)
        self.isolation.reconfigured(message.target.id)
        self.configuration.tracked(message.target, self._read())
        self.holds.described([message.target])
        self.holds.reconfigured()

    def _untracking(self, target: str) -> None:
        self.isolation.reconfigured(target)
        self.configuration.untracked(target)
        self.holds.reconfigured()

    def _pausing(self, target: str) -> None:
        self.isolation.reconfigured(target)
        self.configuration.paused(target, self._read())
        self.holds.reconfigured()

    def _resuming(self, target: str) -> None:
        self.configuration.resumed(target)
        self.holds.reconfigured()

    def _supervisor_began(self) -> None:
        self.silences.began("supervisor", self._read())
        self.configuration.supervisor_began()
        self.pinging.began()

    # Clocks.

    def suspended(self, length_ns: int) -> None:
        """Called before the machine is suspended."""
        self.holds.is_clock_set = True
        self.blindness.suspended(self._read(), length_ns)
        self.jobs.suspended(length_ns)
        self.isolation.disturbed()
        self.pinging.disturbed(length_ns)

    def stalled(self, length_ns: int) -> None:
        """Called before the process stands still for a while."""
        self.blindness.stalled(self._read(), length_ns)
        self.isolation.disturbed()
        self.pinging.disturbed(length_ns)

    def resuming(self, generation: int) -> None:
        if self.evidence.resuming(generation):
            self.record.sink_began(self._read())
            self.silences.began("sink", self._read())
            self.holds.began()
            self.happened("store opened by a new sink")

    # Processes.

    def process_began(self) -> None:
        """Called at the start of a process: nothing of the previous one is under way."""
        if self._in_flight:
            self.happened("death with a notice in flight")
        self._in_flight.clear()
        now = self._read()
        self.attempts.process_began(now)
        self.evidence.process_began()
        self.jobs.process_began()
        self.blindness.process_began()
        self.isolation.disturbed()
        self.configuration.process_began(self._roster.values(), now)
        for target in self._roster.values():
            self.evidence.tracked(target)
        self.delivery.process_began()
        self.record.process_began()
        self.record.described(self._roster.values())
        self.silences.process_began()
        self.pinging.began()
        self.holds.began()
        self.holds.described(self._roster.values())

    def stopping(self) -> None:
        """Called before an orderly stop: nothing starts any more."""
        self.isolation.disturbed()

    def rebooted(self) -> None:
        """The machine has rebooted."""
        self.attempts.rebooted()
        durable = self.durable
        if durable.open:
            self.happened("reboot while an incident is open")
        if any(mark.state for mark in durable.checkpoints.values()):
            self.happened("reboot with a rule's clock running")
        if durable.pending:
            self.happened("reboot with a notice in the outbox")

    # The record.

    def opened(self, restored: Restored, now: Moment) -> None:
        self.record.opened(restored, now)
        self._situations.opened(restored)
        self._telling.opened(restored)

    def committing(self, batch: Batch) -> None:
        self.record.committing()

    def committed(self, batch: Batch) -> None:
        self._telling.committing(batch)
        self.record.committed(batch)
        self.holds.committed(batch.transitions)
        self._telling.committed(batch)
        self.receiving.committed(batch)
        self._situations.committed(batch)
        self.drills.committed(batch)
        self.evidence.committed(batch)
        self.configuration.committed(batch.transitions)
        for delivery in batch.deliveries:
            self.isolation.delivered(delivery)
        for notice in batch.notices:
            self.committed_ns.setdefault(notice.key, self._clock.lived_ns)

    def commit_failed(self, batch: Batch, *, certain: bool) -> None:
        self.record.failed()

    def closed(self) -> None:
        self.record.closed()

    # The edge.

    def probing(self, request: ProbeRequest, truth: Outcome | None) -> None:
        self.attempts.probing(request, truth, self._read().monotonic_ns)
        self.isolation.probing(request.attempt.target)
        self.configuration.probing(request)
        if truth is None:
            self.pinging.probing(request, request.deadline.remaining_ns(self._read()))
        self.upon_probe.pop(request.attempt.target, lambda: None)()

    def probed(self, request: ProbeRequest) -> None:
        self.attempts.probed(request)
        self.pinging.probed(request)

    def pinged(self) -> None:
        self.pinging.pinged()

    def poisoned(self, target: str) -> None:
        self.isolation.poisoned(target, self._read())

    def unrenderable(self, key: str) -> None:
        self.isolation.unrenderable(key)

    def sending(self, channel: str, notice: Notice, attempt: int) -> None:
        self._in_flight.add((channel, notice.key))
        self._situations.sending(self.receivers[channel], notice)
        self.delivery.sending(channel, notice, attempt)

    def sent(self, channel: str, notice: Notice, attempt: int) -> None:
        self._in_flight.discard((channel, notice.key))
        self.delivery.sent(channel, notice.key)

    def applied(self, channel: str, notice: Notice, *, first: bool) -> None:
        self.receiving.applied(channel, notice, first=first)

    def dead_letters(self) -> list[Notice]:
        """The notices that are given up, by the record."""
        deliveries, notices = self.durable.deliveries, self.durable.notices
        return [notices[key] for key, delivery in deliveries.items() if delivery.state is DeliveryState.DEAD]
