"""What our actors have in common: a typed mailbox, and one reading of the clock per message."""

from typing import Any, ClassVar, Generic, TypeVar

from ..domain.limits import IN_PROCESS_BYTES_MAX
from ..domain.policy import OverflowPolicy
from ..domain.time.moment import Moment
from ..protocol.codec import decode, encode
from ..protocol.message import Message
from .dispatch import DispatchedActor, MailboxPolicy
from .ports import Clock

M = TypeVar("M")


def shedding(*kinds: type[Message]) -> MailboxPolicy:
    """A mailbox policy: where there is no room the oldest message of these kinds goes; all others are kept."""

    def overflow(message: object) -> OverflowPolicy:
        return OverflowPolicy.DROP_OLDEST if type(message) in kinds else OverflowPolicy.NEVER_DROP

    return overflow


class Behaviour(DispatchedActor, Generic[M]):
    """An actor whose `handle` is told the moment. It never blocks, never asks, never sleeps."""

    mailbox_policy: ClassVar[MailboxPolicy | None] = shedding()
    sheds: ClassVar[tuple[type[Message], ...]] = ()
    """What `mailbox_policy` lets be dropped where there is no room."""

    def __init__(self, clock: Clock, *, through_bytes: bool = False) -> None:
        super().__init__()
        self._clock = clock
        # The debug switch: every message goes through its bytes, so that nothing unserializable can creep in.
        self._through_bytes = through_bytes

    def on_start(self) -> None:
        self.started(self._clock.read())

    def on_receive(self, message: Any) -> Any:
        if self._through_bytes:
            message = decode(encode(message, IN_PROCESS_BYTES_MAX), IN_PROCESS_BYTES_MAX)
        return self.handle(message, self._clock.read())

    def started(self, now: Moment) -> None:
        """The first thing an incarnation does."""

    def handle(self, message: M, now: Moment) -> Any:
        """React to one message. Only a Get... is answered by what this returns."""
        raise TypeError(f"{type(self).__name__} handles no {type(message).__name__}")
