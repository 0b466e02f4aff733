"""What the supervisor hears."""

from typing import ClassVar

from ..domain.observation.attempt import AttemptId, CancelOutcome
from ..domain.observation.outcome import Outcome
from ..domain.observation.sample import Sample
from ..domain.specification.target import Target
from ..domain.time.moment import Moment
from .message import Message


class Track(Message, frozen=True):
    """Watch a target; a target of the same id is replaced, its incidents and clocks stay."""

    target: Target


class Untrack(Message, frozen=True):
    """Watch it no longer; what is open for it is closed, once and explicitly."""

    target: str


class Pause(Message, frozen=True):
    """Start no attempts until it is resumed; the one that runs is cancelled."""

    target: str


class Resume(Message, frozen=True):
    """Go on with a paused target."""

    target: str


class AttemptFinished(Message, frozen=True):
    """A poller's answer."""

    attempt: AttemptId
    sample: Sample


class AttemptCancelled(Message, frozen=True):
    """A poller's answer to a cancel."""

    attempt: AttemptId
    outcome: CancelOutcome


class Beat(Message, frozen=True):
    """A heartbeat that the host reported."""

    target: str
    outcome: Outcome
    detail: str
    at: Moment


class ChildExited(Message, frozen=True):
    """An actor ended. `reason` is one of normal, crashed, start_failed, stop_failed."""

    child: str
    epoch: int
    reason: str
    detail: str


class DeliveryBegan(Message, frozen=True):
    """A notice was handed to its courier: it must be answered within `timeout_ns`."""

    channel: str
    key: str
    attempt: int
    timeout_ns: int


class DeliverySettled(Message, frozen=True):
    """No answer is awaited any more."""

    channel: str
    key: str


class ChannelRecovered(Message, frozen=True):
    """A receiver took a notice: what waits for the same channel need not wait out its backoff."""

    wire_name: ClassVar[str] = "ChannelCarried"

    channel: str


class RetryAsked(Message, frozen=True):
    """An attempt to deliver failed in a way that may pass: may it be tried again, and when?"""

    channel: str
    key: str
    attempts: int
    retry_after_ns: int | None


class SilenceCheckRequested(Message, frozen=True):
    """The sink has silences, the first of which ends at this wall time: it is to be told by then to look."""

    wire_name: ClassVar[str] = "LookAsked"

    until_ns: int


class StoreFailed(Message, frozen=True):
    """The record cannot be written; the sink keeps what it has and waits to be told to reopen."""

    detail: str


class StoreRecovered(Message, frozen=True):
    """The record is written again."""


class Woke(Message, frozen=True):
    """The alarm went off."""

    planned_ns: int


class Barrier(Message, frozen=True):
    """Answered when everything told before it has been heard and passed on: what a host commands, it can read."""

    wire_name: ClassVar[str] = "GetHeard"


class Drain(Message, frozen=True):
    """Start nothing more, let what runs end until half of what is left has passed, cancel the rest, then stop."""

    within_ns: int


SupervisorMessage = (
    Track
    | Untrack
    | Pause
    | Resume
    | AttemptFinished
    | AttemptCancelled
    | Beat
    | ChildExited
    | DeliveryBegan
    | DeliverySettled
    | ChannelRecovered
    | RetryAsked
    | SilenceCheckRequested
    | StoreFailed
    | StoreRecovered
    | Woke
    | Barrier
    | Drain
)
