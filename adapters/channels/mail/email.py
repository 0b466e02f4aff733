"""The `email` channel: one mail for each notice, to several recipients, over SMTP."""

import asyncio
import socket
from collections.abc import Callable
from typing import assert_never

from ....domain.incidents.notice import Answer, Notice
from ....domain.limits import CHANNEL_THREADS_MAX
from ....domain.line import one_line
from ....domain.messages.notice_text import notice_text
from ....domain.observation.attempt import CancelOutcome
from ....domain.observation.outcome import Reason
from ....domain.specification.mail_channel import Email
from ....domain.time.moment import Deadline
from ....domain.time.timers import CallAt, Timer
from ....domain.units import NS_PER_S
from ...activity import Activity
from ...callables.calling import PendingCall
from ...callables.calls import Calls
from ...callables.results import Cancelled, Ended, Overloaded, Raised, Returned, TimedOut
from ...callables.threads import CallThreads
from ...clock import MomentClock
from ...net.names import LookedUp, ResolvedAddress, literal_address, public_only
from ...net.race import Race, dial
from ...net.resolver import Resolver
from ...net.sockets import Sockets
from ...net.system_errors import SystemErrorMeaning
from ..partly_taken import PartlyTaken
from .conversation import Conversation, Conversed, Stage
from .message import mail_of, sent_address

_LEAST_S = 0.001
"""A time of zero would make the connection one that never waits."""


class EmailMessenger:
    """Sends mail. Names are looked up and connections made on the loop, the rest is said on a bounded thread.

    A repeat has the same `Message-ID`, and leaves out the recipients for whom the server has taken the mail already.
    """

    def __init__(
        self,
        channel: str,
        spec: Email,
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        call_at: CallAt,
        resolver: Resolver,
        *,
        deny_private_addresses: bool = False,
        address: str = "",
    ) -> None:
        self.spec, self.server = spec, spec.server
        self.loop, self.clock, self.call_at, self.resolver = loop, clock, call_at, resolver
        self.deny_private_addresses = deny_private_addresses
        self.sockets = Sockets(loop)
        threads = CallThreads(loop, threads_max=CHANNEL_THREADS_MAX, name=f"watchkeeper-channel-{channel}")
        self.calls = Calls(threads, call_at, clock)
        self.sender = sent_address(spec.from_)
        self.recipients = tuple(map(sent_address, spec.to))
        self.under_way: set[MailAttempt] = set()
        self._address = address
        self._taken = PartlyTaken()

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> "MailAttempt":
        """Begins one attempt. Raises: ValueError for a notice that cannot be written down."""
        mail = mail_of(notice, notice_text(notice, self._address), self.spec)
        taken = self._taken.by(notice.key, self.clock.read())
        left = tuple(recipient for recipient in self.recipients if recipient not in taken)

        def ended(conversed: Conversed) -> None:
            all_taken = self._taken.note(notice.key, conversed.taken, self.clock.read())
            done(answer_of(conversed, len(all_taken), len(self.recipients), is_test=notice.is_test))

        begun = MailAttempt(self, left, mail, deadline, ended)
        self.under_way.add(begun)
        begun.begin()
        return begun

    def close(self) -> None:
        """Breaks off what is under way, and waits a bounded time for its threads."""
        for attempt in list(self.under_way):
            attempt.cancel()
        self.calls.close()
        self.sockets.close_all()

    def abandoned(self) -> tuple[str, ...]:
        """Returns the conversations that still run though nobody waits for them."""
        return self.calls.abandoned()

    def __repr__(self) -> str:
        return f"EmailMessenger(host={self.server.host}, under_way={len(self.under_way)})"


class MailAttempt(Activity):
    """One attempt under way: the name, the connection, and the conversation, inside one deadline."""

    _messenger: EmailMessenger
    _recipients: tuple[str, ...]
    _mail: bytes
    _deadline: Deadline
    _done: Callable[[Conversed], None]
    _outcome: CancelOutcome | None = None
    _timer: Timer | None = None
    _race: Race | None = None
    _conversation: Conversation | None = None
    _call: PendingCall | None = None

    def begin(self) -> None:
        """Looks for an address; what fails at once is told in the next round of the loop."""
        messenger = self._messenger
        self._timer = messenger.call_at(self._deadline.monotonic_ns, self._expire)
        literal = literal_address(messenger.server.host)
        if literal is not None:
            messenger.loop.call_soon(self._named, LookedUp((literal,)))
            return
        known = messenger.resolver.look_up(messenger.server.host, "any", self._named)
        if known is not None:
            messenger.loop.call_soon(self._named, known)

    def _named(self, answer: LookedUp) -> None:
        messenger = self._messenger
        if self._outcome is not None:
            return
        found = public_only(answer) if messenger.deny_private_addresses else answer
        if not found.addresses:
            self._fail(found.verdict)
            return
        first, *rest = found.addresses
        self._race = Race(
            messenger.loop,
            messenger.sockets,
            messenger.server.port,
            self._connected,
            self._fail,
            deny_private_addresses=messenger.deny_private_addresses,
        )
        dialled = dial(first, messenger.server.port, deny_private=messenger.deny_private_addresses)
        self._race.begin(dialled, tuple(rest))

    def _connected(self, connection: socket.SocketType, _: ResolvedAddress) -> None:
        messenger = self._messenger
        messenger.sockets.forget(connection)
        self._forget_timer()
        left_s = self._deadline.remaining_ns(messenger.clock.read()) / NS_PER_S
        taken_over = socket.socket(fileno=connection.detach())
        talk = self._conversation = Conversation(taken_over, messenger.spec, max(left_s, _LEAST_S))
        self._call = messenger.calls.submit(
            "a conversation with the mail server",
            lambda: talk.send(messenger.sender, self._recipients, self._mail),
            self._deadline,
            lambda ended: self._conversed(talk, ended),
        )

    def _conversed(self, talk: Conversation, ended: Ended) -> None:
        """Takes the end of the call, which the deadline may have brought; then the thread is let go by its connection."""
        match ended:
            case Returned(Conversed() as conversed):
                talk.close()
            case TimedOut():
                conversed = Conversed(problem=f"no answer {talk.stage.value}")
                self._let_go(talk)
            case Overloaded(detail):
                conversed = Conversed(problem=f"overloaded: {detail}")
                talk.close_unused()
            case Raised() | Returned():
                conversed = Conversed(problem=ended.text if isinstance(ended, Raised) else "no answer")
                talk.close()
            case Cancelled():
                self._let_go(talk)
                return
            case _:
                assert_never(ended)
        self._end(conversed)

    def _let_go(self, talk: Conversation) -> None:
        talk.break_off()
        talk.close()

    def _fail(self, verdict: SystemErrorMeaning) -> None:
        _, reason, detail = verdict
        never = reason is Reason.ADDRESS_REFUSED and literal_address(self._messenger.server.host) is not None
        self._end(Conversed(problem=f"{reason.value}: {detail}", is_final=never))

    def _expire(self) -> None:
        """The deadline, before a connection stood."""
        where = "while connecting" if self._race is not None else "while its name was looked up"
        self._end(Conversed(problem=f"no answer {where}"))

    def _end(self, conversed: Conversed) -> None:
        self._release()
        if self._outcome is None:
            self._outcome = CancelOutcome.COMPLETED_ANYWAY
            self._done(conversed)

    def cancel(self) -> CancelOutcome:
        """Stops it now; UNKNOWN once the mail had left, for the server may act on it."""
        if self._outcome is None:
            talk = self._conversation
            sent = talk is not None and talk.stage is Stage.SENT
            self._outcome = CancelOutcome.UNKNOWN if sent else CancelOutcome.WITHOUT_EFFECT
            self._release()
            if self._call is not None and talk is not None:
                if self._call.cancel() is CancelOutcome.WITHOUT_EFFECT:
                    talk.close_unused()
                else:
                    talk.break_off()
        return self._outcome

    def _release(self) -> None:
        self._forget_timer()
        if self._race is not None:
            self._race.stop()
            self._race = None
        self._messenger.under_way.discard(self)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def answer_of(conversed: Conversed, taken: int, recipients: int, *, is_test: bool) -> Answer:
    """Returns the channel's answer.

    A notice is accepted once no recipient is left for whom the server may still take it, and at least one has it. A test
    is there to find those who will get nothing, so it fails where there is one.
    """
    if conversed.problem:
        return Answer(accepted=False, retryable=not conversed.is_final, detail=one_line(conversed.problem))
    refused = conversed.refused
    whose = "; ".join(f"{recipient} refused: {reply.said}" for recipient, reply in refused.items())
    if not refused:
        return Answer(accepted=True, detail=f"taken for {taken} of {recipients}")
    detail = one_line(f"taken for {taken} of {recipients}; {whose}")
    if not all(reply.is_final for reply in refused.values()):
        return Answer(accepted=False, detail=detail)
    return Answer(accepted=taken > 0 and not is_test, retryable=False, detail=detail)
