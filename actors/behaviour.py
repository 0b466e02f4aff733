"""The base class of our actors: a typed handler, an overflow policy, and one reading of the clock per message."""

from typing import Any, ClassVar, Generic, TypeVar

from ..domain.limits import IN_PROCESS_BYTES_MAX
from ..domain.policy import OverflowPolicy
from ..domain.time.moment import Moment
from ..protocol.codec import decode, encode
from ..protocol.message import Message
from .dispatch.actor import DispatchedActor
from .dispatch.mailbox.message_queue import MailboxPolicy
from .ports import Clock

M = TypeVar("M")


def shedding(*kinds: type[Message]) -> MailboxPolicy:
    """Returns a mailbox policy that drops the oldest message of these kinds where the mailbox is full, and no other."""

    def overflow(message: object) -> OverflowPolicy:
        return OverflowPolicy.DROP_OLDEST if type(message) in kinds else OverflowPolicy.NEVER_DROP

    return overflow


class Behaviour(DispatchedActor, Generic[M]):
    """An actor whose `handle` is given the current moment. A handler never blocks, never asks and never sleeps."""

    mailbox_policy: ClassVar[MailboxPolicy | None] = shedding()
    sheds: ClassVar[tuple[type[Message], ...]] = ()
    """The messages that `mailbox_policy` drops where the mailbox is full."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def on_start(self) -> None:
        self.started(self._clock.read())

    def on_receive(self, message: Any) -> Any:
        return self.handle(message, self._clock.read())

    def _now(self) -> Moment:
        """Returns the current moment, for a hook that runs without a message."""
        return self._clock.read()

    def started(self, now: Moment) -> None:
        """Hook that runs first in every incarnation."""

    def handle(self, message: M, now: Moment) -> Any:
        """Handles one message. The return value answers a question; other messages ignore it.

        Raises: TypeError in a subclass that does not override it.
        """
        raise TypeError(f"{type(self).__name__} handles no {type(message).__name__}")


class ThroughBytes(Behaviour[Any]):
    """Encodes and decodes every message before it is handled, which finds a value that cannot be serialized."""

    def on_receive(self, message: Any) -> Any:
        return super().on_receive(decode(encode(message, IN_PROCESS_BYTES_MAX), IN_PROCESS_BYTES_MAX))


def through_bytes(actor_class: type[Behaviour[Any]]) -> type[Behaviour[Any]]:
    """Returns the class for debug mode, whose messages pass through their bytes."""
    return type(actor_class.__name__, (ThroughBytes, actor_class), {})
