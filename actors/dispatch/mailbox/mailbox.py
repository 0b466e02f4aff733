"""The mailbox: an actor's queue, and the flag that says whether the actor is scheduled."""

import threading
from abc import abstractmethod
from contextvars import Context, copy_context
from enum import Enum
from typing import Any, Protocol

from pykka import ActorDeadError, Future
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from ..run.dispatcher import NOWHERE, Dispatcher
from ..run.future import DispatchedFuture
from .message_queue import MailboxPolicy, MessageQueue, content, take_first


class ExitReason(Enum):
    """The reason why an incarnation ended."""

    NORMAL = "normal"
    """It stopped on request."""
    CRASHED = "crashed"
    """A handler raised."""
    START_FAILED = "start_failed"
    """`on_start` raised; no message was handled."""
    STOP_FAILED = "stop_failed"
    """It stopped on request, and `on_stop` raised."""


class Incarnation(Protocol):
    """The part of an actor that its mailbox uses; `DispatchedActor` implements it."""

    def on_receive(self, message: Any, /) -> Any: ...

    def _take_turn(self, mailbox: Any, /) -> bool: ...

    def _answer(self, envelope: Envelope[Any], /) -> bool: ...

    def _actor_loop_running(self) -> None: ...


class Mailbox(MessageQueue):
    """The queue of an actor that is idle, scheduled, running or absent, with its scheduling flag.

    Invariant: `_flag` is held whenever the actor must not be scheduled, because it already is or because there is none.
    `_idle` mirrors the free flag for senders, which read it without touching the lock. A turn ends by freeing both and
    then checks the queue again; a sender appends and then checks `_idle`. The later of the two sees the other's write,
    so every message gets its wake-up.
    """

    __slots__ = ("_actor", "_closed", "_context", "_dispatcher", "_flag", "_halted", "_idle", "fresh")

    def __init__(self, capacity: int, policy: MailboxPolicy | None) -> None:
        super().__init__(capacity, policy)
        self._actor: Incarnation | None = None
        self._dispatcher: Dispatcher = NOWHERE
        self._context: Context | None = None
        self._flag = threading.Lock()
        self._flag.acquire()
        self._idle = False
        self._closed = False
        self._halted = False
        """True where the next turn stops the actor, before any queued message."""
        self.fresh = True
        """True until the first turn of an incarnation."""

    @abstractmethod
    def handle_batch(self, actor: Incarnation) -> bool:
        """Lets the actor handle queued messages for one turn. Returns True where it certainly goes on."""

    @abstractmethod
    def retire(self) -> None:
        """Called when the incarnation has stopped, before its teardown."""

    @abstractmethod
    def finish(self, reason: ExitReason, error: BaseException | None) -> None:
        """Called as the last step of the incarnation's last turn."""

    def bind(self, actor: Incarnation, dispatcher: Dispatcher) -> None:
        """Binds a new incarnation to the queue and schedules its first turn."""
        # `_flag` stays held until that turn ends: messages that arrive before `on_start` only queue.
        self._actor = actor
        self._dispatcher = dispatcher
        self._context = copy_context()
        self.fresh = True
        dispatcher.adopt(self)
        dispatcher.schedule(self)

    def run_turn(self) -> None:
        """Runs one turn of the actor in its own context; schedules it again where messages wait, else makes it idle."""
        actor, context = self._actor, self._context
        # The mailbox runs its own actor. The flag is freed only after the context was left: from then on another thread
        # may run the next turn, and a context that is still entered cannot be entered again.
        if actor is None or context is None or not context.run(actor._take_turn, self):  # noqa: SLF001  # see above
            return
        # A sender that sees `_idle` before the release finds the flag held and does nothing: the last check finds its
        # message.
        self._idle = True
        self._flag.release()
        if self._work or self._halted:
            self._wake()

    def put(self, envelope: Envelope[object]) -> None:
        """Queues an envelope, with or without a reply future. Never blocks."""
        if isinstance(envelope.reply_to, DispatchedFuture):
            envelope.reply_to.driver = self._dispatcher
        if self._closed:
            self._bury(envelope)
            return
        self._deliver(envelope, envelope.message)
        if self._idle:
            self._wake()

    def _wake(self) -> None:
        if self._flag.acquire(False):  # `blocking=False` by keyword costs half as much again
            self._idle = False
            self._dispatcher.schedule(self)
        elif self._closed and self._actor is None:
            self._drain()

    def _detach(self) -> None:
        self._dispatcher.release(self)
        self._actor = None
        self._context = None

    def _shut(self) -> None:
        """Accepts no more messages. Queued ones become dead letters: now without an actor, else when the actor ends."""
        self._closed = True
        # True although the flag may be held: it sends a sender that raced with the closing to `_wake`, which drains.
        self._idle = True
        if self._actor is None:
            self._drain()

    def _drain(self) -> None:
        try:
            while True:
                self._bury(take_first(self._work))
        except IndexError:
            return

    def _bury(self, item: object) -> None:
        """Counts a message that no actor will handle, and answers it where it is a question."""
        if isinstance(item, Envelope) and item.reply_to is not None:
            answer_for_the_dead(item.message, item.reply_to)
        self._count_dead(content(item))

    def _count_dead(self, message: object) -> None:
        """Hook that counts a message that no actor will handle."""


def answer_for_the_dead(message: object, reply: Future[object]) -> None:
    """Answers a question with ActorDeadError; a request to stop succeeds, as the actor has stopped."""
    if isinstance(message, _ActorStop):
        reply.set(None)
    else:
        error = ActorDeadError("the actor stopped before handling the message")
        reply.set_exception((ActorDeadError, error, None))
