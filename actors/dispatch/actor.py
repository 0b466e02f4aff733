"""The actor class that every execution model runs."""

import logging
import sys
from functools import cached_property
from types import TracebackType
from typing import Any, ClassVar, cast

from pykka import Actor, ActorDeadError, ActorRef, ActorRegistry, Future
from pykka._actor import ActorInbox
from pykka._envelope import Envelope

from ...domain.errors import StoreBusy, StoreFenced, UsageError, WatchkeeperError
from ...domain.limits import MAILBOX_MESSAGES_MAX
from .mailbox.address import Address
from .mailbox.mailbox import ExitReason, Mailbox
from .mailbox.message_queue import MailboxPolicy
from .pykka_compat.inbox import Inbox
from .pykka_compat.reference import DispatchedRef
from .pykka_compat.stopped_flag import StoppedFlag
from .run.dispatcher import Dispatcher
from .run.future import DispatchedFuture

logger = logging.getLogger(__name__)


class _Urn:
    """The URN of a spawned actor, computed when it is read; a stock actor stores its own in the instance."""

    def __get__(self, actor: "DispatchedActor | None", owner: type[object]) -> str:
        if actor is None:
            raise AttributeError("actor_urn")
        return f"urn:watchkeeper:{actor.address.name}:{actor.address.epoch}"


class DispatchedActor(Actor):
    """A pykka actor that shares its thread with other actors.

    `spawn` runs it on a given dispatcher under an address; an exception in a handler, for `tell` and `ask` alike, ends
    that incarnation and nothing else. `start` keeps pykka's contract of `Actor.start`, on a default dispatcher.
    Handlers are synchronous and never block.
    """

    mailbox_policy: ClassVar[MailboxPolicy | None] = None
    """Decides about a message that arrives at a full mailbox; None rejects it."""
    mailbox_capacity: ClassVar[int] = MAILBOX_MESSAGES_MAX

    actor_urn = cast("str", _Urn())
    actor_inbox: ActorInbox
    _exit_error: BaseException | None = None
    _exit_reason: ExitReason = ExitReason.CRASHED

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if isinstance(getattr(self, "actor_inbox", None), Address):
            # Spawned: the address is the mailbox; the other parts that pykka makes here are made on first use.
            self.actor_stopped = cast("Any", StoppedFlag())
        else:
            super().__init__(*args, **kwargs)
            self._actor_ref = DispatchedRef(self)

    @cached_property
    def _actor_ref(self) -> ActorRef[Any]:  # type: ignore[override]  # a plain attribute in pykka, made early
        return DispatchedRef(self)

    @property
    def address(self) -> Address:
        """The address of this actor.

        Raises: UsageError for an actor that was not spawned.
        """
        if not isinstance(self.actor_inbox, Address):
            raise UsageError(f"{type(self).__name__} was started without an address: use spawn()")
        return self.actor_inbox

    @classmethod
    def default_dispatcher(cls) -> Dispatcher:
        """Returns the dispatcher for actors that are started without one; a subclass makes it on first use.

        Raises: UsageError where the class names no execution model.
        """
        raise UsageError(f"{cls.__name__} names no execution model: spawn it on a dispatcher")

    @staticmethod
    def _create_actor_inbox() -> ActorInbox:
        return Inbox()

    @staticmethod
    def _create_future() -> Future[Any]:
        return DispatchedFuture()

    def _start_actor_loop(self) -> None:
        cast("Mailbox", self.actor_inbox).bind(self, self.default_dispatcher())

    def _take_turn(self, mailbox: Mailbox) -> bool:
        """Runs one turn. Returns True while the actor lives; no exception leaves this method."""
        try:
            if (not mailbox.fresh or self._set_up(mailbox)) and mailbox.handle_batch(self):
                return True
        except BaseException as error:  # noqa: BLE001  # any exception ends this actor only
            self._crash(error)
        # A stock actor's batch always returns False (pykka's loop was unwound), so the flag decides.
        if not self.actor_stopped.is_set():
            return True
        self._end(mailbox)
        return False

    def _set_up(self, mailbox: Mailbox) -> bool:
        """Runs `on_start`. Returns True where the actor goes on."""
        mailbox.fresh = False
        try:
            self._actor_loop_setup()
        except BaseException as error:  # noqa: BLE001  # any exception ends this actor only
            self._handle_failure(type(error), error, error.__traceback__)
        if self._exit_error is not None:
            self._exit_reason = ExitReason.START_FAILED
        return not self.actor_stopped.is_set()

    def _answer(self, envelope: Envelope[Any]) -> bool:
        """Handles an envelope of a spawned actor and answers its question. Returns True while the actor goes on."""
        reply = envelope.reply_to
        try:
            response = self._handle_receive(envelope.message)
        except BaseException as error:
            if reply is not None:
                reply.set_exception(_as_answer(self, error))
            raise
        if reply is not None:
            reply.set(response)
        return not self.actor_stopped.is_set()

    def _crash(self, error: BaseException) -> None:
        self._handle_failure(type(error), error, error.__traceback__)
        try:
            self.on_failure(type(error), error, error.__traceback__)
        except BaseException:  # noqa: BLE001  # any exception ends this actor only
            self._handle_failure(*sys.exc_info())

    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._exit_error is None:
            self._exit_error = exception_value
        if not isinstance(exception_value, WatchkeeperError):
            super()._handle_failure(exception_type, exception_value, traceback)
            return
        # An error of our own classes explains itself in its message; a traceback would hide that in the log.
        if not isinstance(exception_value, StoreBusy | StoreFenced):
            # A store that another process runs is no fault: the runtime says so, or stands by.
            logger.error("%s ended with an error: %s", type(self).__name__, exception_value)
        ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()

    def _stop(self) -> None:
        super()._stop()
        self._exit_reason = ExitReason.NORMAL if self._exit_error is None else ExitReason.STOP_FAILED

    def on_end(self) -> None:
        """Hook that runs last in every incarnation, also after a failed `on_start`, where pykka calls no hook."""

    def _end(self, mailbox: Mailbox) -> None:
        # `retire` comes before the hooks and `finish` after them: the exit callback may start the next incarnation.
        mailbox.retire()
        try:
            self._actor_loop_teardown()
            self.on_end()
        except BaseException as error:  # noqa: BLE001  # any exception ends this actor only
            self._handle_failure(type(error), error, error.__traceback__)
        mailbox.finish(self._exit_reason, self._exit_error)


def _as_answer(
    actor: DispatchedActor, error: BaseException
) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """Returns the exception for the asker. SystemExit and its like become ActorDeadError: they end this actor only."""
    if isinstance(error, Exception):
        return type(error), error, error.__traceback__
    dead = ActorDeadError(f"{actor} crashed: {error!r}")
    dead.__cause__ = error
    return ActorDeadError, dead, None
