"""An address: the name under which messages reach an actor, whichever incarnation lives."""

import asyncio
import logging
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Any

from pykka import Timeout
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from ...domain.limits import MAILBOX_MESSAGES_MAX, TURN_NS_MAX
from .coalesced import Marker
from .dead_letters import DeadLetters
from .delivery import Lane, MailboxPolicy
from .dispatcher import Dispatcher
from .exit import ExitReason, OnExit
from .future import DispatchedFuture
from .lanes import take_first
from .mailbox import Mailbox
from .statistics import Dropped, MailboxStatistics
from .tally import Tally

if TYPE_CHECKING:
    from .actor import DispatchedActor

logger = logging.getLogger(__name__)


class Address(Mailbox):
    """The mail of a name. It outlives its actors: what waits when one crashes goes to the next in order.

    While no incarnation lives, messages wait within the same bound and policy. After `close` they are dead letters.
    """

    __slots__ = ("_dead", "_dead_letters", "_epoch", "_on_exit", "name")

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
        self._dead: Tally | None = None

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
        # The plain case stands here twice over (see `_take_in`) because every hop between actors passes through it.
        if self._closed:
            self._bury(message)
            return
        if self._simple and len(self._work) < self._capacity:
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

    def stop(self, lane: Lane = Lane.WORK) -> None:
        """Ask the living incarnation to stop: after the work that waits, or before it in the control lane."""
        pill: Envelope[object] = Envelope(_ActorStop())
        if lane is Lane.WORK or self._closed:
            self._take_in(pill, pill.message)
            return
        self._control.append(pill)
        if self._idle:
            self._wake()

    def close(self) -> None:
        """Take in nothing more: what comes, and what no incarnation is left to handle, is a dead letter."""
        if self._dead is None:
            self._dead = Tally()
            self._shut()

    def statistics(self) -> MailboxStatistics:
        """Where every accepted message is."""
        dropped = tuple(Dropped(name, overflow, count) for (name, overflow), count in self._dropped().items())
        return MailboxStatistics(
            queued=len(self),
            handled=self._handled,
            dropped=dropped,
            dead=0 if self._dead is None else self._dead.read(),
            epoch=self._epoch,
            restarts=max(self._epoch - 1, 0),
        )

    def __repr__(self) -> str:
        return f"<Address {self.name} epoch {self._epoch}: {len(self)} queued, {self._handled} handled>"

    def settle(self, actor: "DispatchedActor", dispatcher: Dispatcher, on_exit: OnExit | None) -> None:
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

    def handle_batch(self, actor: "DispatchedActor") -> bool:
        """Give the actor its mail until it is spent, or the turn's messages or time are. False once it has stopped."""
        if self._guard is not None:
            return self._handle_policed(actor, self._guard)
        receive, work, control, dispatcher = actor.on_receive, self._work, self._control, self._dispatcher
        clock = dispatcher.monotonic_ns
        # A turn of one message, as most are, reads no clock: two readings would be an eighth of it.
        ends_ns = 0 if clock is None or len(work) < 2 else clock() + TURN_NS_MAX
        left = messages = dispatcher.turn_messages
        try:
            while left and (queue := control or work):
                left -= 1
                # `take_first`, without its call: every hop between actors passes through here.
                item = queue.popleft() if isinstance(queue, deque) else queue.pop(0)
                if type(item) is not Envelope:
                    receive(item)
                elif not actor._answer(item):  # noqa: SLF001  # the mailbox runs its own actor
                    return False
                if clock is None or not (work or control):
                    continue
                if not ends_ns:
                    ends_ns = clock() + TURN_NS_MAX
                elif clock() > ends_ns:
                    break
        finally:
            self._handled += messages - left
        return True

    def _handle_policed(self, actor: "DispatchedActor", guard: Lock) -> bool:
        receive, work, control = actor.on_receive, self._work, self._control
        clock = self._dispatcher.monotonic_ns
        ends_ns = 0 if clock is None else clock() + TURN_NS_MAX
        for _ in range(self._dispatcher.turn_messages):
            with guard:
                queue = control or work
                if not queue:
                    break
                item = take_first(queue)
            if type(item) is Marker:
                try:
                    item = item.open()
                except KeyError:
                    continue
            self._handled += 1
            if type(item) is not Envelope:
                receive(item)
            elif not actor._answer(item):  # noqa: SLF001  # the mailbox runs its own actor
                return False
            if clock is not None and clock() > ends_ns:
                break
        return True

    def retire(self) -> None:
        """Let go of the incarnation; its mail stays."""
        self._detach()

    def finish(self, reason: ExitReason, error: BaseException | None) -> None:
        """Tell whoever looks after the actor, who may give the address a new incarnation at once.

        Where nobody does there will be no other incarnation, so the address closes.
        """
        if self._closed:
            self._shut()
        if self._on_exit is None:
            self.close()
            return
        try:
            self._on_exit(self, self._epoch, reason, error)
        except BaseException:
            logger.exception("Whoever was told that %s ended (%s) failed", self.name, reason.value)

    def _count_dead(self, message: object) -> None:
        if self._dead is not None:
            self._dead.add()
        if self._dead_letters is not None:
            self._dead_letters.record(self.name, message)
