"""The address: a named mailbox that outlives the incarnations of its actor."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from ....domain.limits import MAILBOX_MESSAGES_MAX, TURN_NS_MAX
from ..run.dispatcher import Dispatcher
from ..run.future import DispatchedFuture
from .dead_letters import DeadLetters
from .mailbox import ExitReason, Incarnation, Mailbox
from .message_queue import MailboxPolicy, take_first

logger = logging.getLogger(__name__)

OnExit: TypeAlias = Callable[["Address", int, ExitReason, BaseException | None], None]
"""Called once per incarnation, on its dispatcher's thread, with address, epoch, reason, and the error or None."""


class Address(Mailbox):
    """The mailbox of a name. It outlives its actors: messages queued at a crash go to the next incarnation in order.

    Without a living incarnation messages queue by the same capacity and policy; after `close` they are dead letters.
    """

    __slots__ = ("_dead_letters", "_on_exit", "epoch", "name")

    def __init__(
        self,
        name: str,
        *,
        capacity: int = MAILBOX_MESSAGES_MAX,
        policy: MailboxPolicy | None = None,
        dead_letters: DeadLetters | None = None,
    ) -> None:
        super().__init__(capacity, policy)
        self.name = name
        self.epoch = 0
        """The number of the incarnation, counted from 1; 0 before the first."""
        self._on_exit: OnExit | None = None
        self._dead_letters = dead_letters

    @property
    def alive(self) -> bool:
        """True while an incarnation lives."""
        return self._actor is not None

    @property
    def closed(self) -> bool:
        """True where every message that is sent becomes a dead letter."""
        return self._closed

    def tell(self, message: object) -> None:
        """Sends a message from any thread. Never blocks and never raises."""
        # The plain case of `put` is repeated here because every hop between actors passes through it.
        if self._closed:
            self._bury(message)
            return
        if len(self._work) < self._capacity:
            self._work.append(message)
        else:
            self._deliver(message, message)
        if self._idle:
            self._wake()

    def ask(self, message: object, timeout_s: float) -> Any:
        """Sends a question and blocks for its answer, at most `timeout_s` seconds. For the host's own threads only.

        Raises: Timeout where no answer came in time; ActorDeadError where the actor ended first; MailboxFull where the
        question was dropped; WouldDeadlock on a dispatcher's thread; and the error of the handler.
        """
        return self.question(message).get(timeout=timeout_s)

    def question(self, message: object) -> DispatchedFuture[Any]:
        """Sends a question and returns the future of its answer. Never blocks; the future raises what `ask` raises."""
        future: DispatchedFuture[Any] = DispatchedFuture()
        self.put(Envelope(message, reply_to=future))
        return future

    def stop(self) -> None:
        """Asks the living incarnation to stop after the messages that are queued."""
        self.put(Envelope(_ActorStop()))

    def dismiss(self) -> None:
        """Ends the address for good: a living incarnation stops before the queued messages, without an exit callback.

        Queued messages and later ones become dead letters.
        """
        self._on_exit = None
        if self._actor is None:
            self.close()
            return
        self._halted = True
        if self._idle:
            self._wake()

    def close(self) -> None:
        """Accepts no more messages: later ones, and those left without an incarnation, become dead letters."""
        if not self._closed:
            self._shut()

    def __repr__(self) -> str:
        return f"<Address {self.name} epoch {self.epoch}: {len(self)} queued>"

    def settle(self, actor: Incarnation, dispatcher: Dispatcher, on_exit: OnExit | None) -> None:
        """Binds a new incarnation to this address and schedules its first turn."""
        self.epoch += 1
        self._on_exit = on_exit
        self.bind(actor, dispatcher)

    def empty(self) -> bool:
        """Returns True: pykka's teardown must drain nothing, as queued messages belong to the next incarnation."""
        return True

    def get(self) -> Envelope[Any]:
        """Refuses: pykka's loop never runs a spawned actor."""
        raise AssertionError("a spawned actor is not run by pykka's loop")

    def handle_batch(self, actor: Incarnation) -> bool:
        """Gives the actor its messages until none is left, or the turn's count or time is used up.

        Returns False once the actor has stopped.
        """
        if self._halted:
            return actor._answer(Envelope(_ActorStop()))  # noqa: SLF001  # the mailbox runs its own actor
        receive, work, guard, dispatcher = actor.on_receive, self._work, self._guard, self._dispatcher
        clock = dispatcher.monotonic_ns
        # A turn of one message, the usual case, reads no clock: two readings would be an eighth of its time.
        ends_ns = 0 if clock is None or len(work) < 2 else clock() + TURN_NS_MAX
        left = dispatcher.turn_messages
        # `work` that is not empty stays so until the take below: only this thread takes from the front, and `_trim` by
        # a sender stops at the capacity, which is at least 1.
        while left and work:
            left -= 1
            if guard is not None:
                with guard:
                    item = take_first(work)
            else:
                # `take_first` without the function call: every hop between actors passes through here.
                item = work.popleft() if isinstance(work, deque) else work.pop(0)
            if type(item) is not Envelope:
                receive(item)
            elif not actor._answer(item):  # noqa: SLF001  # the mailbox runs its own actor
                return False
            if clock is None or not work:
                continue
            if not ends_ns:
                ends_ns = clock() + TURN_NS_MAX
            elif clock() > ends_ns:
                break
        return True

    def retire(self) -> None:
        """Detaches the incarnation; its queued messages stay."""
        self._detach()

    def finish(self, reason: ExitReason, error: BaseException | None) -> None:
        """Calls the exit callback, which may bind the next incarnation at once.

        Without a callback no incarnation follows, so the address closes.
        """
        # Closed while the incarnation lived: the messages that it left are drained now.
        if self._closed:
            self._shut()
        if self._on_exit is None:
            self.close()
            return
        try:
            self._on_exit(self, self.epoch, reason, error)
        except BaseException:
            logger.exception("The exit callback failed after %s ended (%s)", self.name, reason.value)

    def _count_dead(self, message: object) -> None:
        if self._dead_letters is not None:
            self._dead_letters.record(self.name, message)
