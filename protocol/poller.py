"""What a poller hears."""

from ..domain.observation.attempt import AttemptId, ProbeRequest
from ..domain.specification.target import Target
from .message import Message


class StartAttempt(Message, frozen=True):
    """Run the probe once, within the request's deadline."""

    request: ProbeRequest


class CancelAttempt(Message, frozen=True):
    """Stop that attempt, if it still runs."""

    attempt: AttemptId


class Reconfigure(Message, frozen=True):
    """The target's specification changed; the attempt that runs goes on under the old one."""

    target: Target


PollerMessage = StartAttempt | CancelAttempt | Reconfigure
