"""The messages that wait for one actor, and what is done when there is no room for more."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from ....domain.errors import WatchkeeperError
from ....domain.limits import MAILBOX_LIGHT_MESSAGES_MAX, MAILBOX_SEARCHED_MAX
from ....domain.policy import OverflowPolicy
from .tally import Tally

logger = logging.getLogger(__name__)

Waiting: TypeAlias = list[Any] | deque[Any]
MailboxPolicy: TypeAlias = Callable[[object], OverflowPolicy]
"""Says what becomes of a message for which there is no room. It runs in the sender's thread: it must be quick and pure."""


class MailboxFull(WatchkeeperError):  # a state of the mailbox, not of the code
    """A question was dropped by the mailbox of the actor that was asked."""


class MessageQueue:
    """Holds the messages for one actor. Putting is safe from any thread, signal handler or finalizer: nothing blocks.

    An entry is the message itself, or an envelope when an answer is expected. Senders that race may overshoot the bound
    by one message each.
    """

    __slots__ = ("_capacity", "_dropped", "_guard", "_policy", "_work")

    _work: Waiting

    def __init__(self, capacity: int, policy: MailboxPolicy | None) -> None:
        # An empty list costs 56 bytes, an empty deque 760, but taking from the front of a long list is slow.
        self._work = [] if capacity <= MAILBOX_LIGHT_MESSAGES_MAX else deque()
        self._capacity = capacity
        self._policy = policy
        self._dropped = Tally()
        # Only a mailbox with a policy ever loses mail from its middle, which must not happen under a reader's hand.
        self._guard = None if policy is None else threading.Lock()

    def __len__(self) -> int:
        return len(self._work)

    @property
    def dropped(self) -> int:
        """How many messages were dropped because there was no room."""
        return self._dropped.read()

    def _deliver(self, item: object, message: object) -> None:
        """Take in the item, whose content is the message, or drop and count a message."""
        if len(self._work) < self._capacity:
            self._work.append(item)
            return
        overflow = self._overflow_of(message)
        if overflow is OverflowPolicy.REJECT:
            self._drop(item)
            return
        self._work.append(item)
        if overflow is OverflowPolicy.DROP_OLDEST:
            self._trim()

    def _overflow_of(self, message: object) -> OverflowPolicy:
        if type(message) is _ActorStop:
            return OverflowPolicy.NEVER_DROP
        if self._policy is None:
            return OverflowPolicy.REJECT
        try:
            return self._policy(message)
        except Exception:
            logger.exception("The mailbox policy failed for a %s", type(message).__name__)
            return OverflowPolicy.REJECT

    def _trim(self) -> None:
        """Drop the oldest that may be dropped until the bound holds.

        When the guard is taken, another thread (or the code that a signal handler interrupted) reads or trims; the
        next to come trims for both.
        """
        if self._guard is None or not self._guard.acquire(blocking=False):
            return
        evicted = []
        try:
            while len(self._work) > self._capacity:
                index = self._oldest_droppable()
                if index is None:
                    break
                evicted.append(self._work[index])
                del self._work[index]
        finally:
            self._guard.release()
        for item in evicted:
            self._drop(item)

    def _oldest_droppable(self) -> int | None:
        """Where it is, or None. Behind a long row that must be kept, the newest goes instead: a sender cannot search."""
        count = len(self._work)
        front = range(min(count, MAILBOX_SEARCHED_MAX))
        back = range(count - 1, max(count - 1 - MAILBOX_SEARCHED_MAX, -1), -1)
        return next((index for index in (*front, *back) if self._droppable(self._work[index])), None)

    def _droppable(self, item: object) -> bool:
        return self._overflow_of(content(item)) is OverflowPolicy.DROP_OLDEST

    def _drop(self, item: object) -> None:
        self._dropped.add()
        if isinstance(item, Envelope) and item.reply_to is not None:
            error = MailboxFull(f"the mailbox is full: {self._capacity} messages wait")
            item.reply_to.set_exception((MailboxFull, error, None))


def take_first(queue: Waiting) -> Any:
    """Take from the front. Raises IndexError when nothing is there."""
    return queue.popleft() if isinstance(queue, deque) else queue.pop(0)


def content(item: object) -> object:
    """The message of an item that may be an envelope."""
    return item.message if isinstance(item, Envelope) else item
