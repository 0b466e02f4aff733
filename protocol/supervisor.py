"""The messages that the supervisor accepts."""

from msgspec import UNSET, UnsetType

from ..domain.observation.attempt import AttemptId, CancelOutcome
from ..domain.observation.outcome import Outcome
from ..domain.observation.sample import Sample
from ..domain.specification.target import Target
from ..domain.supervision.last_heard import LastHeard
from ..domain.supervision.progress import MovingPart
from ..domain.time.moment import Moment
from .message import Message


class Track(Message, frozen=True):
    """Watch a target. It replaces a target of the same id, whose incidents and rule clocks stay."""

    target: Target


class Untrack(Message, frozen=True):
    """Stop watching a target; each of its open incidents is closed once, by a transition of its own."""

    target: str


class Pause(Message, frozen=True, omit_defaults=True):
    """Start no attempt for a target until Resume, in later processes, too; a running attempt is cancelled."""

    target: str
    by: str = ""


class Resume(Message, frozen=True):
    """Start attempts for a paused target again."""

    target: str


class CheckNow(Message, frozen=True):
    """Start an attempt of a target beside its grid, unless one is pending, which answers in its place.

    Answered with False where no attempt will answer: for a heartbeat, and for a target that is paused or unknown.
    """

    target: str


class AttemptFinished(Message, frozen=True):
    """A poller finished an attempt with a sample."""

    attempt: AttemptId
    sample: Sample


class AttemptCancelled(Message, frozen=True):
    """A poller answered CancelAttempt."""

    attempt: AttemptId
    outcome: CancelOutcome


class Beat(Message, frozen=True):
    """The host reported a heartbeat. Answered with False where no active heartbeat target has this id."""

    target: str
    outcome: Outcome
    detail: str
    at: Moment
    is_start: bool | UnsetType = UNSET
    """Whether a run has begun, which changes no status; UNSET, and left out of the bytes, for its end."""
    run: str | UnsetType = UNSET
    """The id of the run."""
    exit_status: int | UnsetType = UNSET
    """The exit status of the job."""


class ChildExited(Message, frozen=True):
    """An actor ended. `reason` is normal, crashed, start_failed or stop_failed; `detail` is the error, or empty."""

    child: str
    epoch: int
    reason: str
    detail: str


class DeliveryBegan(Message, frozen=True):
    """A courier was given a notice and must answer within `timeout_ns`."""

    channel: str
    key: str
    attempt: int
    timeout_ns: int


class DeliverySettled(Message, frozen=True):
    """A notice was delivered or became a dead letter: its deadline and its backoff are over."""

    channel: str
    key: str


class ChannelRecovered(Message, frozen=True):
    """A channel accepted a notice: other notices for it are retried now, without waiting out their backoff."""

    channel: str


class RetryAsked(Message, frozen=True):
    """A delivery attempt failed with a retryable error. Answered by RetryDelivery after the backoff, or GiveUpDelivery.

    `attempts` counts those so far; `retry_after_ns` is the wait that the receiver asked for, or None.
    """

    channel: str
    key: str
    attempts: int
    retry_after_ns: int | None


class NoticeCheckRequested(Message, frozen=True):
    """Notices may leave or wait from this wall time on, as where a silence ends: the supervisor sends ReviewNotices by then."""

    until_ns: int


class AcknowledgementCheckRequested(Message, frozen=True):
    """The owner's first acknowledgement ends at this wall time: the supervisor sends ExpireAcknowledgements by then."""

    until_ns: int


class StoreFailed(Message, frozen=True):
    """The store refused a commit; the sink keeps the batch and waits for ReopenStore."""

    detail: str


class StoreRecovered(Message, frozen=True):
    """The store was reopened and the failed commit is durable."""


class StoreAsked(Message, frozen=True):
    """The sink begins a call to the store, which blocks it until StoreAnswered."""


class StoreAnswered(Message, frozen=True):
    """The store has answered the call that StoreAsked announced, with a result or an error."""


class RenewalRequested(Message, frozen=True):
    """The store has a lease that other processes look at: the supervisor sends RenewTenure once this was asked for last a beat ago."""


class NextSliceRequested(Message, frozen=True):
    """A slice of maintenance ended and work is left: the supervisor sends ContinueMaintenance after a pause."""


class LastHeardResumed(Message, frozen=True):
    """When each target was last heard, by the record: the sink's answer to a supervisor that starts."""

    heard: tuple[LastHeard, ...]


class PartMoved(Message, frozen=True, omit_defaults=True):
    """A part has passed on the round of a dead-man's ping; `channel` is that of a courier."""

    part: MovingPart
    round: int
    channel: str = ""


class PingEnded(Message, frozen=True):
    """The dead-man's ping has ended; `detail` says why it failed, empty where it arrived."""

    detail: str


class Woke(Message, frozen=True):
    """The supervisor's alarm rang; it was set for `planned_ns` (monotonic)."""

    planned_ns: int


class Barrier(Message, frozen=True):
    """Answered with True once every earlier message is handled and passed on, so that a host reads its own changes."""


class Drain(Message, frozen=True):
    """Start no further attempt, let running ones end for the first half of `within_ns`, cancel the rest, then stop."""

    within_ns: int


TIMING = (
    Woke,
    NoticeCheckRequested,
    AcknowledgementCheckRequested,
    DeliveryBegan,
    DeliverySettled,
    ChannelRecovered,
    RetryAsked,
    NextSliceRequested,
    RenewalRequested,
    LastHeardResumed,
    StoreAsked,
    StoreAnswered,
)
"""Messages that only set or clear timers."""

_OfTargets = Track | Untrack | Pause | Resume | CheckNow | Beat
_OfAttempts = AttemptFinished | AttemptCancelled
OfNotices = DeliveryBegan | DeliverySettled | ChannelRecovered | RetryAsked
OfChecks = NoticeCheckRequested | AcknowledgementCheckRequested
_OfStore = StoreFailed | StoreRecovered | StoreAsked | StoreAnswered
OfRecord = _OfStore | RenewalRequested | NextSliceRequested | OfChecks
OfPing = PartMoved | PingEnded
_OfRuntime = ChildExited | LastHeardResumed | Woke | Barrier | Drain
SupervisorMessage = _OfTargets | _OfAttempts | OfNotices | OfRecord | OfPing | _OfRuntime
