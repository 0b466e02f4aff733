"""An address: the name under which messages reach an actor, whichever incarnation lives."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from pykka import Timeout
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
"""Told once per incarnation, on its dispatcher's thread: address, epoch, reason, and the error if there was one."""


class Address(Mailbox):
    """The mail of a name. It outlives its actors: what waits when one crashes goes to the next in order.

    While no incarnation lives, messages wait within the same bound and policy. After `close` they are dead letters.
    """

    __slots__ = ("_dead_letters", "_epoch", "_on_exit", "name")

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
        self._epoch = 0
        self._on_exit: OnExit | None = None
        self._dead_letters = dead_letters

    @property
    def epoch(self) -> int:
        """The incarnation, counted from 1; 0 before the first."""
        return self._epoch

    @property
    def alive(self) -> bool:
        """True while an incarnation lives."""
        return self._actor is not None

    @property
    def closed(self) -> bool:
        """True when whatever is sent becomes a dead letter."""
        return self._closed

    def tell(self, message: object) -> None:
        """Send a message. Never blocks and never raises, from whatever thread."""
        # The plain case of `put` stands here again because every hop between actors passes through it.
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
        """Send a question and block until it is answered. For the host's own threads only.

        Raises Timeout, ActorDeadError, MailboxFull, WouldDeadlock on a dispatcher's thread, or what the actor raised.
        """
        return self._question(message).get(timeout=timeout_s)

    async def ask_async(self, message: object, timeout_s: float) -> Any:
        """Send a question and await the answer on any event loop. Raises as `ask` does."""
        future = self._question(message)
        arrival = future.arrival()
        await asyncio.wait((arrival,), timeout=timeout_s)
        if not future.done():
            arrival.cancel()
            raise Timeout(f"{timeout_s} seconds")
        return future.get()

    def _question(self, message: object) -> DispatchedFuture[Any]:
        future: DispatchedFuture[Any] = DispatchedFuture()
        self.put(Envelope(message, reply_to=future))
        return future

    def stop(self) -> None:
        """Ask the living incarnation to stop after the work that waits."""
        self.put(Envelope(_ActorStop()))

    def dismiss(self) -> None:
        """End for good: a living incarnation stops before the work that waits, and its exit is told to nobody.

        What waits by then, and what comes later, is a dead letter.
        """
        self._on_exit = None
        if self._actor is None:
            self.close()
            return
        self._halted = True
        if self._idle:
            self._wake()

    def close(self) -> None:
        """Take in nothing more: what comes, and what no incarnation is left to handle, is a dead letter."""
        if not self._closed:
            self._shut()

    def __repr__(self) -> str:
        return f"<Address {self.name} epoch {self._epoch}: {len(self)} queued>"

    def settle(self, actor: Incarnation, dispatcher: Dispatcher, on_exit: OnExit | None) -> None:
        """Let a new incarnation live here."""
        self._epoch += 1
        self._on_exit = on_exit
        self.bind(actor, dispatcher)

    def empty(self) -> bool:
        """What pykka's teardown asks: nothing is left for an incarnation that has gone, the mail is the next one's."""
        return True

    def get(self) -> Envelope[Any]:
        """The next envelope for pykka's loop, which an address never runs."""
        raise AssertionError("a spawned actor is not run by pykka's loop")

    def handle_batch(self, actor: Incarnation) -> bool:
        """Give the actor its mail until it is spent, or the turn's messages or time are. False once it has stopped."""
        if self._halted:
            return actor._answer(Envelope(_ActorStop()))  # noqa: SLF001  # the mailbox runs its own actor
        receive, work, guard, dispatcher = actor.on_receive, self._work, self._guard, self._dispatcher
        clock = dispatcher.monotonic_ns
        # A turn of one message, as most are, reads no clock: two readings would be an eighth of it.
        ends_ns = 0 if clock is None or len(work) < 2 else clock() + TURN_NS_MAX
        left = dispatcher.turn_messages
        # Mail that is there stays there: only this thread takes from the front, and no bound is below 1.
        while left and work:
            left -= 1
            if guard is not None:
                with guard:
                    item = take_first(work)
            else:
                # `take_first`, without its call: every hop between actors passes through here.
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
        """Let go of the incarnation; its mail stays."""
        self._detach()

    def finish(self, reason: ExitReason, error: BaseException | None) -> None:
        """Tell the one that looks after the actor, which may give the address a new incarnation at once.

        Without one there will be no other incarnation, so the address closes.
        """
        if self._closed:
            self._shut()
        if self._on_exit is None:
            self.close()
            return
        try:
            self._on_exit(self, self._epoch, reason, error)
        except BaseException:
            logger.exception("What is told of exits failed as %s ended (%s)", self.name, reason.value)

    def _count_dead(self, message: object) -> None:
        if self._dead_letters is not None:
            self._dead_letters.record(self.name, message)
