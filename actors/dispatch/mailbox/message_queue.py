"""The queue of one actor's messages, and its overflow when it is full."""

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
"""Returns the overflow policy for one message. Runs in the sender's thread: must be fast and without side effects."""


class MailboxFull(WatchkeeperError):  # a state of the mailbox, not of the code
    """A full mailbox dropped a question."""


class MessageQueue:
    """The queued messages of one actor. Any thread, signal handler or finalizer may add one: adding never blocks.

    An entry is the bare message, or an envelope where an answer is expected. Senders that race may exceed the capacity
    by one message each.
    """

    __slots__ = ("_capacity", "_dropped", "_guard", "_policy", "_work")

    _work: Waiting

    def __init__(self, capacity: int, policy: MailboxPolicy | None) -> None:
        # An empty list takes 56 bytes and an empty deque 760, but taking from the front of a long list is slow.
        self._work = [] if capacity <= MAILBOX_LIGHT_MESSAGES_MAX else deque()
        self._capacity = capacity
        self._policy = policy
        self._dropped = Tally()
        # Only a mailbox with a policy drops from its middle, and never while the reader takes the first message.
        self._guard = None if policy is None else threading.Lock()

    def __len__(self) -> int:
        return len(self._work)

    @property
    def dropped(self) -> int:
        """The number of messages that were dropped because the mailbox was full."""
        return self._dropped.read()

    def _deliver(self, item: object, message: object) -> None:
        """Appends the item, whose content is the message; where the queue is full, drops a message and counts it."""
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
        """Drops the oldest droppable messages until the capacity holds.

        Never waits for the guard: its holder may be the very code that a signal handler interrupted here. The holder
        reads or trims, and the next sender trims for both.
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
        # After the release: answering a dropped question runs callbacks, which may send messages here.
        for item in evicted:
            self._drop(item)

    def _oldest_droppable(self) -> int | None:
        """Returns the index of the message to drop, or None.

        The search is bounded, as it runs in the sender: behind a long run of messages that must stay, the newest
        droppable message goes instead.
        """
        places = range(len(self._work))
        front, back = places[:MAILBOX_SEARCHED_MAX], places[::-1][:MAILBOX_SEARCHED_MAX]
        return next((index for index in (*front, *back) if self._droppable(self._work[index])), None)

    def _droppable(self, item: object) -> bool:
        return self._overflow_of(content(item)) is OverflowPolicy.DROP_OLDEST

    def _drop(self, item: object) -> None:
        self._dropped.add()
        if isinstance(item, Envelope) and item.reply_to is not None:
            error = MailboxFull(f"the mailbox is full: {self._capacity} messages are queued; ask again later")
            item.reply_to.set_exception((MailboxFull, error, None))


def take_first(queue: Waiting) -> Any:
    """Removes and returns the first item.

    Raises: IndexError where the queue is empty.
    """
    return queue.popleft() if isinstance(queue, deque) else queue.pop(0)


def content(item: object) -> object:
    """Returns the message of an item, which may be an envelope."""
    return item.message if isinstance(item, Envelope) else item
