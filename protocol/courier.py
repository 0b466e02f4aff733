"""The messages that a courier accepts."""

from ..domain.incidents.notice import Notice
from .message import Message


class Deliver(Message, frozen=True, omit_defaults=True):
    """Deliver a notice to the channel. The notice and this attempt are durable already."""

    notice: Notice
    attempt: int
    timeout_ns: int
    not_after_ns: int | None = None
    """The end of the sender's lease of the store (monotonic): later another process may send the notice."""
    memory: str = ""
    """The words that the channel kept with the last notice that it took of the same incident or group."""


class AbandonDelivery(Message, frozen=True):
    """The deadline of a delivery has passed: cancel it and answer that it failed."""

    key: str


class PassBack(Message, frozen=True):
    """Pass the round of a dead-man's ping back to the sink."""

    round: int


CourierMessage = Deliver | AbandonDelivery | PassBack
