"""The auditor: sees everything that happens in a run, and says which invariant it breaks."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ...domain.attempt import ProbeRequest
from ...domain.moment import Moment
from ...domain.notice import Notice
from ...domain.outcome import Outcome
from ...domain.record import Batch, Restored
from ...domain.target import Target
from ...protocol.owner import Release, SampleTaken
from ...protocol.recorder import IncidentsResumed, SilencesChanged
from ...protocol.sink import Commit, EndSilences, Mute, Record, RecordBlindness, ResumeRetries
from ...protocol.supervisor import Track, Woke
from .durable import Durable
from .hub import Halt
from .invariants_attempts import AttemptRules
from .invariants_delivery import DeliveryRules
from .invariants_evidence import EvidenceRules
from .invariants_record import RecordRules
from .invariants_silences import SilenceRules
from .receiver import Receiver
from .trace import Trace
from .violation import Complain, Violation


class Auditor:
    """Fits every observer's shape of the simulator. It outlives the processes of a run."""

    def __init__(
        self,
        roster: Mapping[str, Target],
        receivers: dict[str, Receiver],
        read: Callable[[], Moment],
        halt: Halt,
    ) -> None:
        self._read = read
        self._halt = halt
        self.trace = Trace(lambda: read().monotonic_ns)
        self.durable = Durable()
        self.receivers = receivers
        self.violations: list[Violation] = []
        self.sometimes: Counter[str] = Counter()
        complain: Complain = self.complain
        self.record = RecordRules(self.durable, receivers, complain, self.happened)
        self.delivery = DeliveryRules(self.durable, receivers, complain, self.happened)
        self.attempts = AttemptRules(roster, complain, self.happened)
        self.evidence = EvidenceRules(list(roster.values()), complain, self.happened)
        self.silences = SilenceRules(complain, self.happened)
        self._checks: dict[type, Callable[[Any], None]] = {
            Record: self.evidence.recording,
            Mute: lambda message: self.record.muted(message.silence),
            Commit: lambda _: self.record.time_passed(self._read()),
            EndSilences: lambda _: self.record.time_passed(self._read()),
            Woke: lambda message: self.silences.woke(message.planned_ns, self._read()),
            SilencesChanged: lambda message: self.silences.shown(message.silences),
            IncidentsResumed: lambda message: self.silences.shown(message.silences),
            ResumeRetries: lambda _: self.silences.began("supervisor", self._read()),
            SampleTaken: self._judging,
            Track: self._tracking,
            Release: lambda message: self.attempts.released(message.target),
            RecordBlindness: self._going_blind,
        }
        self.blind: list[str] = []
        self.crashes: list[tuple[int, str]] = []

    def complain(self, invariant: str, says: str) -> None:
        """An invariant does not hold."""
        self._halt.now = True
        self.violations.append(Violation(invariant, says, self._read().monotonic_ns))

    def happened(self, what: str) -> None:
        """A named situation occurred."""
        self.sometimes[what] += 1
        if what.startswith("crash"):
            self.crashes.append((self._read().monotonic_ns, what.removeprefix("crash of ")))
            self.silences.crashed(what.removeprefix("crash of "))

    # Messages.

    def handling(self, name: str, epoch: int, message: object) -> None:
        self.trace.note(name, epoch, message)
        check = self._checks.get(type(message))
        if check is not None:
            check(message)

    def _judging(self, message: SampleTaken) -> None:
        self.attempts.taken(message.sample, message.record)

    def _tracking(self, message: Track) -> None:
        self.attempts.tracked(message.target.id)
        self.evidence.tracked(message.target)

    def _going_blind(self, message: RecordBlindness) -> None:
        self.blind.append(message.interval.cause)
        self.happened(f"blind: {message.interval.cause}")

    def resuming(self, generation: int) -> None:
        if self.evidence.resuming(generation):
            self.record.sink_began(self._read())
            self.silences.began("sink", self._read())
            self.happened("store opened by a new sink")

    # Processes.

    def process_began(self) -> None:
        """Another process: nothing of the last one is under way any more."""
        if self.delivery.in_flight:
            self.happened("death with a notice in flight")
        self.attempts.process_began()
        self.delivery.process_began()
        self.record.process_began()
        self.silences.process_began()

    # The record.

    def opened(self, restored: Restored, now: Moment) -> None:
        self.record.opened(restored, now)

    def committing(self, batch: Batch) -> None:
        self.record.committing()

    def committed(self, batch: Batch) -> None:
        self.record.committed(batch)
        self.evidence.committed(batch)

    def commit_failed(self, batch: Batch, *, certain: bool) -> None:
        self.record.failed()

    def closed(self) -> None:
        self.record.closed()

    # The edge.

    def probing(self, request: ProbeRequest, truth: Outcome | None) -> None:
        self.attempts.probing(request, truth, self._read().monotonic_ns)

    def probed(self, request: ProbeRequest) -> None:
        self.attempts.probed(request)

    def sending(self, channel: str, notice: Notice, attempt: int) -> None:
        self.delivery.sending(channel, notice, attempt)

    def sent(self, channel: str, notice: Notice, attempt: int) -> None:
        self.delivery.sent(channel, notice.key)

    def applied(self, channel: str, notice: Notice, *, first: bool) -> None:
        self.delivery.applied(channel, notice, first=first)
