"""The messages that the recorder accepts, which keeps the read model."""

from msgspec import UNSET, UnsetType

from ..domain.incidents.announcement import Announcement
from ..domain.incidents.delivery_plan import IncidentWait
from ..domain.incidents.delivery_try import TryResult
from ..domain.incidents.incident import Incident, Transition
from ..domain.incidents.notice import Delivery, Notice
from ..domain.incidents.record import BlindInterval, LatestFinding, PauseMark, Silence
from ..domain.incidents.told import ChannelBacklog
from ..domain.observation.attempt import AttemptRecord
from ..domain.observation.sample import Sample
from ..domain.rules.aggregate import Status
from ..domain.specification.metadata import TargetMetadata
from .message import Message


class TargetTracked(Message, frozen=True):
    """A target is watched, or watched under a changed specification; a paused one is not probed."""

    target: str
    kind: str
    paused: bool
    stale_after_ns: int
    """The age at which its newest sample no longer says anything about its status."""
    metadata: TargetMetadata | UnsetType = UNSET
    """Its texts for people; UNSET, and not in the bytes, where it has none."""
    paused_at_ns: int | UnsetType = UNSET
    """Wall time of the command that pauses it now, as the record has it; UNSET where none does."""


class RunSeen(Message, frozen=True):
    """A run of a job has begun, or it has ended."""

    target: str
    began_at_ns: int | None
    """Wall time at which it began; None where no run is open."""


class TargetUntracked(Message, frozen=True):
    """A target is no longer watched."""

    target: str


class SampleJudged(Message, frozen=True, omit_defaults=True):
    """A sample was judged: the sample, its attempt, and after it the target's raw and confirmed status, and what was found
    last for each open incident.
    """

    sample: Sample
    record: AttemptRecord
    raw: Status
    confirmed: Status
    latest: tuple[LatestFinding, ...] = ()


class IncidentsResumed(Message, frozen=True, omit_defaults=True):
    """The sink resumed: the open incidents and the silences of the record replace those of the read model."""

    incidents: tuple[Incident, ...]
    silences: tuple[Silence, ...]
    pauses: tuple[PauseMark, ...] = ()
    """The commanded pauses of the record, which date those of the read model."""
    backlogs: tuple[ChannelBacklog, ...] = ()
    """The notices that each channel has not taken."""
    announcements: tuple[Announcement, ...] = ()
    """Those that stand."""
    waits: tuple[IncidentWait, ...] = ()
    """The channels that wait to be told of an incident."""


class UpResumed(Message, frozen=True):
    """A target was up when the last process ended: since when, if its first sample finds it so again."""

    target: str
    since_ns: int


class HeardResumed(Message, frozen=True):
    """A target that reports by itself was heard by a former run, or waited for, as the record says; or its wait has begun anew."""

    target: str
    heard_ns: int | None
    """Wall time of its last report, or of the one that it missed last; where it was never heard, of the beginning of its wait. None where
    its wait alone has begun anew."""
    awaited_since_ns: int
    """Wall time from which its next report is expected. A long stop, in which nothing could be heard, makes it later than `heard_ns`."""


class WaitsChanged(Message, frozen=True):
    """The channels that wait to be told of these incidents changed: `waits` are all of theirs now."""

    incidents: tuple[str, ...]
    waits: tuple[IncidentWait, ...]


class SilencesChanged(Message, frozen=True):
    """The silences changed: these are in force now."""

    silences: tuple[Silence, ...]


class AnnouncementsChanged(Message, frozen=True):
    """The announcements changed: these stand now."""

    announcements: tuple[Announcement, ...]


class Committed(Message, frozen=True):
    """These transitions are durable."""

    transitions: tuple[Transition, ...]


class NoticeSettled(Message, frozen=True):
    """A notice was delivered or became a dead letter, and this result is durable."""

    notice: Notice
    delivery: Delivery


class CommitFinished(Message, frozen=True):
    """A commit is durable: how long it took, the tries to deliver that it ended, and what channels have not taken now."""

    took_ns: int
    tries: tuple[tuple[str, TryResult], ...]
    """By channel."""
    backlogs: tuple[ChannelBacklog, ...]
    """Of every channel; empty where the commit changed none."""


class LoadSeen(Message, frozen=True):
    """The load of the supervisor: the greatest delay of a wake-up since this was last told, and the attempts that run."""

    lag_ns: int
    in_flight: int


class BlindnessSeen(Message, frozen=True):
    """The runtime could not observe its targets during an interval, or the wall clock was set."""

    interval: BlindInterval


class HealthReported(Message, frozen=True):
    """A part of the runtime has a problem; an empty detail ends it."""

    part: str
    detail: str


class HandOverProblems(Message, frozen=True):
    """Tell the owner of incidents every present problem."""


class CounterIncreased(Message, frozen=True):
    """A counter increased by `by`."""

    counter: str
    by: int


class Abandoned(Message, frozen=True):
    """Work of one kind was left undone when the runtime stopped."""

    what: str
    names: tuple[str, ...]


class GetStatus(Message, frozen=True):
    """Answered with the RuntimeStatus."""


class GetMetrics(Message, frozen=True):
    """Answered with the RuntimeMetrics; without `targets` its figures of single targets are left out."""

    targets: bool = True


class GetIncidents(Message, frozen=True):
    """Answered with the open incidents, and those that ended lately unless `open_only`."""

    open_only: bool


class GetAttempts(Message, frozen=True):
    """Answered with the newest attempts of a target, oldest first."""

    target: str


class GetAbandoned(Message, frozen=True):
    """Answered with the Abandoned messages received so far."""


_OfTargets = TargetTracked | RunSeen | TargetUntracked | UpResumed | HeardResumed | SampleJudged
_OfRecord = (
    IncidentsResumed
    | WaitsChanged
    | SilencesChanged
    | AnnouncementsChanged
    | Committed
    | NoticeSettled
    | CommitFinished
)
_OfRuntime = BlindnessSeen | HealthReported | HandOverProblems | CounterIncreased | LoadSeen | Abandoned
RecorderQuestion = GetStatus | GetMetrics | GetIncidents | GetAttempts | GetAbandoned
RecorderMessage = _OfTargets | _OfRecord | _OfRuntime | RecorderQuestion
