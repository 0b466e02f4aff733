"""The messages that the aggregate owner accepts."""

from ..domain.incidents.incident import Incident
from ..domain.incidents.own_problems import OwnProblem
from ..domain.incidents.record import Checkpoint
from ..domain.incidents.trials.drill import Drill
from ..domain.observation.attempt import AttemptRecord
from ..domain.observation.sample import Sample
from ..domain.specification.rule import Severity
from ..domain.specification.target import Target
from ..domain.time.moment import Moment
from .message import Message


class Adopt(Message, frozen=True):
    """Judge a target, or go on to judge it by a new specification."""

    target: Target


class Release(Message, frozen=True):
    """Stop judging a target and close its open incidents."""

    target: str


class SampleTaken(Message, frozen=True):
    """The supervisor accepted the sample of an attempt."""

    sample: Sample
    record: AttemptRecord


class SamplesMissing(Message, frozen=True):
    """A target has had no evidence for longer than its no_data rule allows; `since` is when that time ran out."""

    target: str
    rule: str
    since: Moment


class Acknowledge(Message, frozen=True, omit_defaults=True):
    """Acknowledge an incident in the name of `by`, who may leave a note; `until_ns` (wall) ends it, and a higher severity.

    None leaves it open whether a higher severity ends it: as it was, or at first not.
    """

    incident: str
    by: str
    note: str = ""
    until_ns: int | None = None
    until_worse: bool | None = None


class Unacknowledge(Message, frozen=True):
    """Withdraw the acknowledgement of an incident in the name of `by`."""

    incident: str
    by: str


class BeginDrill(Message, frozen=True):
    """Open the incident of a drill under this id."""

    incident: str
    severity: Severity
    drill: Drill


class EndDrill(Message, frozen=True):
    """End a drill before its time, in the name of `by`; one that is not open changes nothing."""

    incident: str
    by: str


class ExpireAcknowledgements(Message, frozen=True):
    """End the acknowledgements whose time is over: the supervisor's answer to AcknowledgementCheckRequested."""


class ResumeFrom(Message, frozen=True):
    """Resume from the state of the record: the sink sends it whenever it has opened the store, and on GetResumed."""

    generation: int
    incidents: tuple[Incident, ...]
    checkpoints: tuple[Checkpoint, ...]


class ProblemsReported(Message, frozen=True):
    """Every problem that the runtime itself has now."""

    problems: tuple[OwnProblem, ...]


class EndOrphans(Message, frozen=True):
    """Close the open incidents of targets that are not tracked."""


class FlushSamples(Message, frozen=True):
    """Send the held samples to the sink and have it commit them."""


class PassRound(Message, frozen=True):
    """Pass the round of a dead-man's ping on to the sink, behind what waits for it."""

    round: int


_OfSamples = SampleTaken | SamplesMissing | FlushSamples | PassRound
_OfIncidents = ResumeFrom | EndOrphans | ProblemsReported
_OfPeople = Acknowledge | Unacknowledge | ExpireAcknowledgements
OfDrills = BeginDrill | EndDrill
OwnerMessage = Adopt | Release | OfDrills | _OfSamples | _OfIncidents | _OfPeople
