"""The messages that a poller accepts."""

from ..domain.observation.attempt import AttemptId, ProbeRequest
from ..domain.specification.target import Target
from .message import Message


class StartAttempt(Message, frozen=True):
    """Run the probe once, within the request's deadline."""

    request: ProbeRequest


class CancelAttempt(Message, frozen=True):
    """Cancel this attempt where it still runs, and answer with AttemptCancelled."""

    attempt: AttemptId


class Reconfigure(Message, frozen=True):
    """Judge by a new specification of the target; a running attempt is still judged by the old one."""

    target: Target


PollerMessage = StartAttempt | CancelAttempt | Reconfigure
