"""What our actors have in common: a typed mailbox, and one reading of the clock per message."""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from ..domain.limits import IN_PROCESS_BYTES_MAX
from ..domain.moment import Moment
from ..domain.policy import OverflowPolicy
from ..protocol.codec import decode, encode
from ..protocol.message import Message
from .dispatch import Delivery as Way
from .dispatch import DispatchedActor, Lane, OnlyWhenFull
from .ports import Clock

M = TypeVar("M")
Heard_contra = TypeVar("Heard_contra", contravariant=True)

CONTROL = Way(lane=Lane.CONTROL, overflow=OverflowPolicy.NEVER_DROP)
KEPT = Way(overflow=OverflowPolicy.NEVER_DROP)
SHED_OLDEST = Way(overflow=OverflowPolicy.DROP_OLDEST)


class Listener(Protocol[Heard_contra]):
    """Where messages of one kind are told: an address, or a test's list."""

    def tell(self, message: Heard_contra, /) -> None: ...


def policy_of(ways: dict[type[Message], Way], otherwise: Way = KEPT) -> Callable[[object], Way]:
    """A mailbox policy from a table of message types."""

    def way(message: object) -> Way:
        return ways.get(type(message), otherwise)  # type: ignore[arg-type]  # any object may be asked about

    in_one_lane = all(one.is_plain_when_there_is_room for one in (*ways.values(), otherwise))
    return OnlyWhenFull(way) if in_one_lane else way


class Behaviour(DispatchedActor, Generic[M]):
    """An actor whose `handle` is told the moment. It never blocks, never asks, never sleeps."""

    mailbox_policy: ClassVar[Callable[[object], Way] | None] = policy_of({})
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
