"""The auditor: sees everything that happens in a run, and says which invariant it breaks."""

from collections import Counter
from collections.abc import Callable

from ...domain.attempt import ProbeRequest
from ...domain.moment import Moment
from ...domain.notice import Notice
from ...domain.outcome import Outcome
from ...domain.record import Batch, Restored
from ...domain.target import Target
from ...protocol.owner import SampleTaken
from ...protocol.sink import Commit, Mute, Record, RecordBlindness
from ...protocol.supervisor import Track, Untrack
from .durable import Durable
from .invariants_attempts import AttemptRules
from .invariants_delivery import DeliveryRules
from .invariants_evidence import EvidenceRules
from .invariants_record import RecordRules
from .receiver import Receiver
from .trace import Trace
from .violation import Complain, Violation


class Auditor:
    """Fits every observer's shape of the simulator. It outlives the processes of a run."""

    def __init__(
        self, targets: list[Target], receivers: dict[str, Receiver], read: Callable[[], Moment]
    ) -> None:
        self._read = read
        self.trace = Trace(lambda: read().monotonic_ns)
        self.durable = Durable()
        self.receivers = receivers
        self.violations: list[Violation] = []
        self.sometimes: Counter[str] = Counter()
        complain: Complain = self.complain
        self.record = RecordRules(self.durable, receivers, complain, self.happened)
        self.delivery = DeliveryRules(self.durable, receivers, complain, self.happened)
        self.attempts = AttemptRules(complain, self.happened)
        self.evidence = EvidenceRules(targets, complain, self.happened)
        self.blind: list[str] = []
        self.crashes: list[tuple[int, str]] = []

    def complain(self, invariant: str, says: str) -> None:
        """An invariant does not hold."""
        self.violations.append(Violation(invariant, says, self._read().monotonic_ns))

    def happened(self, what: str) -> None:
        """A named situation occurred."""
        self.sometimes[what] += 1
        if what.startswith("crash"):
            self.crashes.append((self._read().monotonic_ns, what.removeprefix("crash of ")))

    # Messages.

    def handling(self, name: str, epoch: int, message: object) -> None:
        self.trace.note(name, epoch, message)
        match message:
            case Record():
                self.evidence.recording(message)
            case Mute(silence):
                self.record.muted(silence)
            case Commit():
                self.record.time_passed(self._read())
            case SampleTaken(sample, record):
                self.attempts.taken(sample, record)
            case Track(target):
                self.attempts.tracked(target.id)
                self.evidence.tracked(target)
            case Untrack(target):
                self.attempts.untracked(target)
            case RecordBlindness(interval):
                self.blind.append(interval.cause)
                self.happened(f"blind: {interval.cause}")
            case _:
                pass

    def handled(self, name: str, epoch: int, message: object) -> None:
        """What is checked is checked when its effects show: at commits, sends and answers."""

    def resuming(self, generation: int) -> None:
        if self.evidence.resuming(generation):
            self.record.sink_began(self._read())

    # Processes.

    def process_began(self) -> None:
        """Another process: nothing of the last one is under way any more."""
        self.attempts.process_began()
        self.delivery.process_began()
        self.record.process_began()

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
