"""A mailbox: the messages of an actor, and the bit that says whether the actor is scheduled."""

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
    """Why an incarnation is no more."""

    NORMAL = "normal"
    """It was asked to stop, and did."""
    CRASHED = "crashed"
    """A handler raised."""
    START_FAILED = "start_failed"
    """`on_start` raised; no message was handled."""
    STOP_FAILED = "stop_failed"
    """It was asked to stop, and `on_stop` raised."""


class Incarnation(Protocol):
    """What a mailbox needs of the actor that it runs; see `DispatchedActor`."""

    def on_receive(self, message: Any, /) -> Any: ...

    def _take_turn(self, mailbox: Any, /) -> bool: ...

    def _answer(self, envelope: Envelope[Any], /) -> bool: ...

    def _actor_loop_running(self) -> None: ...


class Mailbox(MessageQueue):
    """Mail for an actor that is idle, scheduled, running, or not there.

    `_flag` is held whenever the actor must not be scheduled: it is already, or there is none. `_idle` says so to
    senders without touching the lock. A turn ends by freeing both and then looking for mail once more, a sender
    appends and then looks at `_idle`: whichever comes second sees the other, so no message is left lying.
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
        """True when the next turn is to stop the actor, whatever waits."""
        self.fresh = True
        """True until the first turn of an incarnation."""

    @abstractmethod
    def handle_batch(self, actor: Incarnation) -> bool:
        """Let the actor handle what waits, as far as one turn goes. True says that it surely goes on."""

    @abstractmethod
    def retire(self) -> None:
        """The incarnation has stopped; its turn is not over yet."""

    @abstractmethod
    def finish(self, reason: ExitReason, error: BaseException | None) -> None:
        """The incarnation is over; the last thing that its last turn does."""

    def bind(self, actor: Incarnation, dispatcher: Dispatcher) -> None:
        """Give the mail to a new incarnation, and run it."""
        self._actor = actor
        self._dispatcher = dispatcher
        self._context = copy_context()
        self.fresh = True
        dispatcher.adopt(self)
        dispatcher.schedule(self)

    def run_turn(self) -> None:
        """Run one turn of the actor in its own context; then go to the back of the queue if there is mail, else wait for some."""
        actor, context = self._actor, self._context
        # The mailbox runs its own actor. It rests only after the context was left: from then on another thread may run
        # the next turn, and a context that is still entered cannot be entered again.
        if actor is None or context is None or not context.run(actor._take_turn, self):  # noqa: SLF001  # see above
            return
        if self._work or self._halted:
            self._dispatcher.schedule(self)
            return
        self._idle = True
        self._flag.release()
        if self._work or self._halted:
            self._wake()

    def put(self, envelope: Envelope[object]) -> None:
        """Take in what was sent through an actor reference."""
        if isinstance(envelope.reply_to, DispatchedFuture):
            envelope.reply_to.driver = self._dispatcher
        if self._closed:
            self._bury(envelope)
            return
        self._deliver(envelope, envelope.message)
        if self._idle:
            self._wake()

    def _wake(self) -> None:
        if self._flag.acquire(False):  # by its name it costs half as much again
            self._idle = False
            self._dispatcher.schedule(self)
        elif self._closed and self._actor is None:
            self._drain()

    def _detach(self) -> None:
        self._dispatcher.release(self)
        self._actor = None
        self._context = None

    def _shut(self) -> None:
        """Take in nothing more. Without an actor, what waits is buried now, else when the actor ends."""
        self._closed = True
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
        """Answer the question that nobody will handle, and count it."""
        if isinstance(item, Envelope) and item.reply_to is not None:
            answer_for_the_dead(item.message, item.reply_to)
        self._count_dead(content(item))

    def _count_dead(self, message: object) -> None:
        """Count a message that nobody will handle."""


def answer_for_the_dead(message: object, reply: Future[object]) -> None:
    """Answer that the actor is gone; a request to stop has been met."""
    if isinstance(message, _ActorStop):
        reply.set(None)
    else:
        error = ActorDeadError("the actor stopped before handling the message")
        reply.set_exception((ActorDeadError, error, None))
