"""What the recorder, the read model, hears."""

from typing import ClassVar

from ..domain.incidents.incident import Incident, Transition
from ..domain.incidents.notice import Delivery, Notice
from ..domain.incidents.record import BlindInterval, Silence
from ..domain.observation.attempt import AttemptRecord
from ..domain.observation.sample import Sample
from ..domain.rules.aggregate import Status
from .message import Message


class TargetTracked(Message, frozen=True):
    """A target is watched (or watched anew); `paused` says whether it is looked at."""

    target: str
    kind: str
    paused: bool
    stale_after_ns: int
    """How old its newest sample may be until nothing is known of it."""


class TargetUntracked(Message, frozen=True):
    """A target is no longer watched."""

    target: str


class SampleJudged(Message, frozen=True):
    """A sample with the attempt it came from and what it means."""

    sample: Sample
    record: AttemptRecord
    raw: Status
    confirmed: Status


class IncidentsResumed(Message, frozen=True):
    """The incidents that were open when the store was opened."""

    incidents: tuple[Incident, ...]
    silences: tuple[Silence, ...]


class SilencesChanged(Message, frozen=True):
    """The silences in force."""

    silences: tuple[Silence, ...]


class Committed(Message, frozen=True):
    """These transitions are durable now."""

    transitions: tuple[Transition, ...]


class NoticeSettled(Message, frozen=True):
    """A notice was delivered or became a dead letter, and that is durable."""

    notice: Notice
    delivery: Delivery


class BlindnessSeen(Message, frozen=True):
    """We could not see for a while."""

    interval: BlindInterval


class HealthReported(Message, frozen=True):
    """A part of the runtime is in trouble, or out of it again (empty detail)."""

    wire_name: ClassVar[str] = "HealthChanged"

    part: str
    detail: str


class CounterIncreased(Message, frozen=True):
    """A counter grew."""

    wire_name: ClassVar[str] = "Counted"

    counter: str
    by: int


class Abandoned(Message, frozen=True):
    """Something was left undone when the runtime stopped."""

    what: str
    names: tuple[str, ...]


class GetStatus(Message, frozen=True):
    """How everything stands; the answer is a RuntimeStatus."""


class GetIncidents(Message, frozen=True):
    """The incidents known: open ones, and those that ended lately unless `open_only`."""

    open_only: bool


class GetAttempts(Message, frozen=True):
    """The newest attempts of a target."""

    target: str


class GetAbandoned(Message, frozen=True):
    """What was left undone so far."""


RecorderMessage = (
    TargetTracked
    | TargetUntracked
    | SampleJudged
    | IncidentsResumed
    | SilencesChanged
    | Committed
    | NoticeSettled
    | BlindnessSeen
    | HealthReported
    | CounterIncreased
    | Abandoned
    | GetStatus
    | GetIncidents
    | GetAttempts
    | GetAbandoned
)
