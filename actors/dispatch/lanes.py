"""The two lanes of a mailbox, and what is done when there is no room."""

import logging
import threading
from collections import deque
from typing import Any, TypeAlias

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from ...domain.errors import WatchkeeperError
from ...domain.limits import MAILBOX_LIGHT_MESSAGES_MAX, MAILBOX_SEARCHED_MAX
from ...domain.policy import OverflowPolicy
from .coalesced import Marker
from .delivery import PLAIN, Delivery, Lane, MailboxPolicy, OnlyWhenFull
from .losses import Losses

logger = logging.getLogger(__name__)

Waiting: TypeAlias = list[Any] | deque[Any]
# Looked up for every message, so without the detour through the enumeration.
_CONTROL = Lane.CONTROL
_NEVER_DROP = OverflowPolicy.NEVER_DROP
_COALESCE_LATEST = OverflowPolicy.COALESCE_LATEST
_STOP = Delivery(overflow=OverflowPolicy.NEVER_DROP)


class MailboxFull(WatchkeeperError):  # a state of the mailbox, not of the code
    """A question was dropped by the mailbox of the actor that was asked."""


class Lanes:
    """Mail waiting for one actor. Putting is safe from any thread, signal handler or finalizer: nothing blocks.

    What waits is the message itself, or an envelope when somebody waits for its answer, or a marker when newer
    messages may take its place. Senders that race may overshoot the bound by one message each.
    """

    __slots__ = ("_capacity", "_control", "_guard", "_losses", "_policy", "_simple", "_work")

    _work: Waiting
    _control: Waiting

    def __init__(self, capacity: int, policy: MailboxPolicy | None) -> None:
        # An empty list costs 56 bytes, an empty deque 760, but taking from the front of a long list is slow.
        made: type[Waiting] = list if capacity <= MAILBOX_LIGHT_MESSAGES_MAX else deque
        self._work = made()
        self._control = made()
        self._capacity = capacity
        self._policy = policy
        # True where a message is simply appended as long as there is room.
        self._simple = policy is None or isinstance(policy, OnlyWhenFull)
        self._losses: dict[None, Losses] = {}
        # Only a mailbox with a policy ever loses mail from its middle, which must not happen under a reader's hand.
        self._guard = None if policy is None else threading.Lock()

    def __len__(self) -> int:
        return len(self._control) + len(self._work)

    def _deliver(self, item: object, message: object) -> None:
        """Take in the item, whose content is the message, as its policy says, or drop and count something."""
        delivery = self._delivery_of(message)
        overflow = delivery.overflow
        if delivery.lane is _CONTROL:
            self._control.append(item)
        elif overflow is _COALESCE_LATEST and item is message:
            self._coalesce(message, delivery)
        elif overflow is _NEVER_DROP or len(self._work) < self._capacity:
            self._work.append(item)
        elif overflow is OverflowPolicy.DROP_OLDEST:
            self._work.append(item)
            self._trim()
        else:
            self._drop(item, message, overflow)

    def _delivery_of(self, message: object) -> Delivery:
        if self._policy is None or type(message) is _ActorStop:
            return _STOP if type(message) is _ActorStop else PLAIN
        try:
            return self._policy(message)
        except Exception:
            logger.exception("The mailbox policy failed for a %s", type(message).__name__)
            return PLAIN

    def _coalesce(self, message: object, delivery: Delivery) -> None:
        coalesced = self._lost().coalesced
        key = (type(message), delivery.key)
        if len(self._work) >= self._capacity and not coalesced.holds(key):
            self._drop(message, message, OverflowPolicy.COALESCE_LATEST)
            return
        marker = coalesced.store(key, message)
        if marker is not None:
            self._work.append(marker)

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
            self._drop(item, content(item), OverflowPolicy.DROP_OLDEST)

    def _oldest_droppable(self) -> int | None:
        """Where it is, or None. Behind a long row that must be kept, the newest goes instead: a sender cannot search."""
        count = len(self._work)
        front = range(min(count, MAILBOX_SEARCHED_MAX))
        back = range(count - 1, max(count - 1 - MAILBOX_SEARCHED_MAX, -1), -1)
        return next((index for index in (*front, *back) if self._droppable(self._work[index])), None)

    def _droppable(self, item: object) -> bool:
        if type(item) is Marker:
            return False
        return self._delivery_of(content(item)).overflow is OverflowPolicy.DROP_OLDEST

    def _drop(self, item: object, message: object, overflow: OverflowPolicy) -> None:
        self._lost().count(message, overflow)
        if isinstance(item, Envelope) and item.reply_to is not None:
            error = MailboxFull(f"the mailbox is full: {self._capacity} messages wait")
            item.reply_to.set_exception((MailboxFull, error, None))

    def _take(self) -> Any:
        """The next item, control first. Raises IndexError when nothing waits."""
        if self._guard is None:
            return take_first(self._control or self._work)
        with self._guard:
            return take_first(self._control or self._work)

    def _lost(self) -> Losses:
        """The losses, made by whoever needs them first: `setdefault` is one step, so there is only ever one."""
        return self._losses.get(None) or self._losses.setdefault(None, Losses())

    def _dropped(self) -> dict[tuple[str, OverflowPolicy], int]:
        losses = self._losses.get(None)
        return {} if losses is None else losses.read()


def take_first(queue: Waiting) -> Any:
    """Take from the front. Raises IndexError when nothing is there."""
    return queue.popleft() if isinstance(queue, deque) else queue.pop(0)


def content(item: object) -> object:
    """The message of an item that may be an envelope."""
    return item.message if isinstance(item, Envelope) else item
