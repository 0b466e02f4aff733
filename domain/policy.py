"""Named policies for mailbox overflow, cancellation and caches."""

from enum import Enum

from . import limits
from .public_value import PublicValue


class OverflowPolicy(Enum):
    """Decides how a message to a full mailbox is handled."""

    REJECT = "reject"
    """The new message is dropped."""
    DROP_OLDEST = "drop_oldest"
    """The oldest waiting message of this policy is dropped to make room."""
    NEVER_DROP = "never_drop"
    """The message is accepted beyond the bound; used for control messages and transitions."""


class MailboxOverflow(PublicValue, frozen=True, kw_only=True):
    """The mailbox bound of one kind of actor, and the messages that are dropped beyond it."""

    name: str
    messages_max: int
    """How many messages may wait; the reason for each stands in the table of bounds."""
    dropped: tuple[str, ...]
    """The messages that may be dropped, oldest first and counted; any other is accepted beyond the bound."""
    policy: OverflowPolicy
    """The way in which a message to the full mailbox is handled."""


class CancellationPolicy(PublicValue, frozen=True, kw_only=True):
    """An attempt is cancelled at its deadline, when its target is paused or removed, and in the middle of a drain."""

    name: str = "attempts"
    slack_ns: int = limits.DEADLINE_SLACK_NS
    """How long after a deadline its timeout result may still arrive before the attempt is cancelled."""
    drain_share: float = 0.5
    """The share of the drain time during which a running attempt is not cancelled; the other half is left to deliver."""


class CachePolicy(PublicValue, frozen=True, kw_only=True):
    """The key, owner, age and size of a cache; every cache publishes its own."""

    name: str
    key: str
    """Two requests with an equal key share one entry."""
    owner: str
    """The one object that fills it and may empty it."""
    fresh_for_ns: int
    """How old an answer may be, counted from the moment its load began."""
    entries_max: int
    """Beyond it the least recently requested entry is removed."""
    invalidation: str = "by age alone"
    """The causes that empty it besides age and size."""
