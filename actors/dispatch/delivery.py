"""How a message travels: its lane, and what happens when its mailbox is full."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from ...domain.policy import OverflowPolicy


class Lane(Enum):
    """The priority of a message within a mailbox."""

    CONTROL = "control"
    """Before all waiting work; never dropped."""
    WORK = "work"
    """First in, first out."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a message's class decides about its way through a mailbox."""

    lane: Lane = Lane.WORK
    overflow: OverflowPolicy = OverflowPolicy.REJECT
    key: Hashable = None
    """Which waiting message COALESCE_LATEST replaces: the one of the same class with the same key."""

    @property
    def is_plain_when_there_is_room(self) -> bool:
        """Whether a mailbox with room just takes such a message in behind the others."""
        return self.lane is Lane.WORK and self.overflow is not OverflowPolicy.COALESCE_LATEST


MailboxPolicy: TypeAlias = Callable[[object], Delivery]
"""Says how a message is delivered. It is called in the sender's thread, so it must be quick and pure."""

PLAIN = Delivery()


class OnlyWhenFull:
    """A policy that uses the work lane alone and replaces nothing, so that it need not be asked while there is room."""

    __slots__ = ("_policy",)

    def __init__(self, policy: MailboxPolicy) -> None:
        self._policy = policy

    def __call__(self, message: object) -> Delivery:
        return self._policy(message)
