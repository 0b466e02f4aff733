"""What a courier hears."""

from ..domain.incidents.notice import Notice
from .message import Message


class Deliver(Message, frozen=True):
    """Take a notice to the channel. It and this attempt are in the record already."""

    notice: Notice
    attempt: int
    timeout_ns: int


class AbandonDelivery(Message, frozen=True):
    """Its deadline has passed: stop, and say so."""

    key: str


CourierMessage = Deliver | AbandonDelivery
