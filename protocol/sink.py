"""The messages that the incident sink accepts."""

from ..domain.incidents.announcement import Announcement
from ..domain.incidents.incident import Transition
from ..domain.incidents.notice import Answer
from ..domain.incidents.record import BlindInterval, Checkpoint, LatestFinding, PauseMark, Renamed, Silence
from ..domain.observation.evidence import Evidence
from ..domain.observation.sample import Sample
from ..domain.specification.metadata import TargetMetadata
from ..domain.specification.target import Target
from ..domain.supervision.last_heard import LastHeard
from .message import Message


class RecordSamples(Message, frozen=True, omit_defaults=True):
    """Record samples and their judgement. Transitions and checkpoints judged after an older ResumeFrom are refused."""

    generation: int
    samples: tuple[Sample, ...]
    transitions: tuple[Transition, ...]
    checkpoints: tuple[Checkpoint, ...]
    latest: tuple[LatestFinding, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class RecordBlindness(Message, frozen=True):
    """Record an interval in which the runtime could not observe its targets."""

    interval: BlindInterval


class RecordHeard(Message, frozen=True):
    """Note when targets were last heard, or their wait began; None forgets a target that is tracked no longer."""

    heard: tuple[LastHeard, ...]


class RecordRenamed(Message, frozen=True):
    """Give history, silences and marks of former names to the target that continues them."""

    renamed: Renamed


class Commit(Message, frozen=True):
    """Commit everything that was gathered since the last commit."""


class DeliveryAnswered(Message, frozen=True):
    """A courier answered for one delivery attempt."""

    key: str
    attempt: int
    answer: Answer


class CourierStarted(Message, frozen=True):
    """A new incarnation of a courier has started: the notices of the earlier one are sent to it again."""

    channel: str


class RetryDelivery(Message, frozen=True):
    """Try a delivery again now: the supervisor's answer to RetryAsked."""

    key: str


class GiveUpDelivery(Message, frozen=True):
    """Make a notice a dead letter: the supervisor's answer to RetryAsked where the policy allows no other attempt."""

    key: str


class Redrive(Message, frozen=True):
    """Send a dead letter again under its own key, at an operator's request. Answered with False where there is none."""

    key: str


UNWRITTEN = "unwritten"
"""The answer to a test, or to the question for one that has not ended, while nothing can be recorded."""


class SendTest(Message, frozen=True):
    """Send a test to a channel, once. Answered with its key, or UNWRITTEN; empty where the channel is unknown or none can begin now."""

    channel: str
    by: str


class GetTest(Message, frozen=True):
    """Answered with the try of the last test of a channel, by its key; None or UNWRITTEN where it has not ended."""

    key: str


class Mute(Message, frozen=True):
    """Start, change or end an operator's silence."""

    silence: Silence


class Unmute(Message, frozen=True):
    """End an operator's silence now; one of this id that is not in force changes nothing."""

    id: str
    by: str


class DescribeTarget(Message, frozen=True, omit_defaults=True):
    """Judge the notices of a target by what is said of it from now on; None where it is watched no longer."""

    target: str
    metadata: TargetMetadata | None
    specification: Target | None = None
    """With what it depends on, and by what it flaps."""


class RecordPause(Message, frozen=True):
    """Record a commanded pause, or its end. A second command of a pause changes nothing."""

    mark: PauseMark


class GetPauses(Message, frozen=True):
    """Answered with the marks of the commanded pauses."""


class Announce(Message, frozen=True):
    """Begin an operator's announcement, or change the one of its id that stands."""

    announcement: Announcement


class EndAnnouncement(Message, frozen=True):
    """End an operator's announcement now; one of this id that does not stand changes nothing."""

    id: str
    by: str


class ReviewNotices(Message, frozen=True):
    """Review the notices that wait: the supervisor's answer to NoticeCheckRequested, and the next slice of a long review."""


class GetResumed(Message, frozen=True):
    """Send ResumeFrom to the aggregate owner and IncidentsResumed to the recorder: a new incarnation has no state."""


class ResumeRetries(Message, frozen=True):
    """Retry now everything that waits for a timer of the supervisor: a new incarnation has none of those timers."""


class ReopenStore(Message, frozen=True):
    """Open the store again after a failed commit, and write that commit again."""


class RenewTenure(Message, frozen=True):
    """Show that this process, which owns the store, lives: the supervisor's answer to RenewalRequested."""


class RunMaintenance(Message, frozen=True):
    """Begin a round of maintenance: look whether the store's file is in place, and do one bounded slice of sealing,
    rolling up and dropping. Answered by NextSliceRequested where work is left.
    """


class ContinueMaintenance(Message, frozen=True):
    """Do the next slice of a round: the supervisor's answer to NextSliceRequested, after a pause."""


class PassCommitted(Message, frozen=True):
    """Pass the round of a dead-man's ping on to the couriers, once all that came before it is durable."""

    round: int


class CourierMoved(Message, frozen=True):
    """A courier has passed on the round of a dead-man's ping."""

    channel: str
    round: int


class DrainSink(Message, frozen=True):
    """Commit, start no further delivery, and stop once no courier holds a notice."""


class EndSink(Message, frozen=True):
    """Commit and stop now; notices that couriers hold stay in the outbox."""


_OfRecord = RecordSamples | RecordBlindness | RecordHeard | RecordRenamed | Commit | GetResumed
OfDeliveries = (
    ReviewNotices
    | DeliveryAnswered
    | CourierStarted
    | RetryDelivery
    | GiveUpDelivery
    | ResumeRetries
    | Redrive
)
_OfChannels = SendTest | GetTest
_OfAnnouncements = Announce | EndAnnouncement
OfOperators = Mute | Unmute | DescribeTarget | RecordPause | GetPauses | _OfAnnouncements
_OfRounds = PassCommitted | CourierMoved
_OfStore = ReopenStore | RenewTenure | RunMaintenance | ContinueMaintenance | DrainSink | EndSink
SinkMessage = _OfRecord | _OfRounds | OfDeliveries | _OfChannels | OfOperators | _OfStore
