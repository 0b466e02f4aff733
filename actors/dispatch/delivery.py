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


MailboxPolicy: TypeAlias = Callable[[object], Delivery]
"""Says how a message is delivered. It is called in the sender's thread, so it must be quick and pure."""

PLAIN = Delivery()
