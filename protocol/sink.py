"""What the incident sink hears."""

from typing import ClassVar

from ..domain.incidents.incident import Transition
from ..domain.incidents.notice import Answer
from ..domain.incidents.record import BlindInterval, Checkpoint, Silence
from ..domain.observation.sample import Sample
from .message import Message


class Record(Message, frozen=True):
    """Write down what was judged. `generation` is that of the ResumeFrom it was judged after; a stale one is refused."""

    generation: int
    samples: tuple[Sample, ...]
    transitions: tuple[Transition, ...]
    checkpoints: tuple[Checkpoint, ...]


class RecordBlindness(Message, frozen=True):
    """Write down a span in which we could not see."""

    interval: BlindInterval


class Commit(Message, frozen=True):
    """Make durable what has gathered."""


class DeliveryAnswered(Message, frozen=True):
    """A courier's answer for one attempt to deliver."""

    key: str
    attempt: int
    answer: Answer


class CourierStarted(Message, frozen=True):
    """A courier is there with empty hands; what an earlier one had is to be handed out again."""

    channel: str


class RetryDelivery(Message, frozen=True):
    """The supervisor's answer: try again now."""

    key: str


class GiveUpDelivery(Message, frozen=True):
    """The supervisor's answer: it is a dead letter."""

    key: str


class Redrive(Message, frozen=True):
    """An operator wants a dead letter sent again, under its own key."""

    key: str


class Mute(Message, frozen=True):
    """Begin, change or end an operator's silence."""

    silence: Silence


class ExpireSilences(Message, frozen=True):
    """Let silences that are over end: what waited for them is told."""

    wire_name: ClassVar[str] = "EndSilences"


class GetResumed(Message, frozen=True):
    """Tell the aggregate owner where it stands: a new incarnation knows nothing."""


class ResumeRetries(Message, frozen=True):
    """A new supervisor knows of no retry and of no failed store: what waits for one of its timers may go on."""


class ReopenStore(Message, frozen=True):
    """Try the record again."""


class RunMaintenance(Message, frozen=True):
    """Do one slice of sealing, rolling up and dropping."""

    wire_name: ClassVar[str] = "KeepHouse"


class DrainSink(Message, frozen=True):
    """Hand out nothing more, commit, and stop when no courier has anything in hand."""


class EndSink(Message, frozen=True):
    """Commit and stop now, whatever couriers still have in hand."""


SinkMessage = (
    Record
    | RecordBlindness
    | Commit
    | DeliveryAnswered
    | CourierStarted
    | RetryDelivery
    | GiveUpDelivery
    | Redrive
    | Mute
    | ExpireSilences
    | GetResumed
    | ResumeRetries
    | ReopenStore
    | RunMaintenance
    | DrainSink
    | EndSink
)
