"""What the aggregate owner hears."""

from typing import ClassVar

from ..domain.incidents.incident import Incident
from ..domain.incidents.record import Checkpoint
from ..domain.observation.attempt import AttemptRecord
from ..domain.observation.sample import Sample
from ..domain.specification.target import Target
from ..domain.time.moment import Moment
from .message import Message


class Adopt(Message, frozen=True):
    """Judge a target from now on, or judge it by a new specification."""

    target: Target


class Release(Message, frozen=True):
    """Judge it no longer, and close what is open for it."""

    target: str


class SampleTaken(Message, frozen=True):
    """The supervisor accepted an answer."""

    sample: Sample
    record: AttemptRecord


class SamplesMissing(Message, frozen=True):
    """No evidence for longer than a no_data rule allows, since the given moment."""

    target: str
    rule: str
    since: Moment


class Acknowledge(Message, frozen=True):
    """Somebody has seen an incident."""

    incident: str
    by: str


class ResumeFrom(Message, frozen=True):
    """What the record remembers: the sink says it whenever it has opened the store, and when asked."""

    generation: int
    incidents: tuple[Incident, ...]
    checkpoints: tuple[Checkpoint, ...]


class EndOrphans(Message, frozen=True):
    """Close the incidents of targets that nobody tracks."""


class FlushSamples(Message, frozen=True):
    """Give the sink the samples that are held, and have it commit them."""

    wire_name: ClassVar[str] = "HandIn"


OwnerMessage = (
    Adopt | Release | SampleTaken | SamplesMissing | Acknowledge | ResumeFrom | EndOrphans | FlushSamples
)
