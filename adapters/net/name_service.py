"""The system's name service, asked by c-ares on the loop: no thread, no queue, one socket for any number of names.

Honours /etc/hosts, search domains, and the servers and options of resolv.conf. A channel of c-ares keeps answers as long as
their zone allows, cannot be told otherwise, and reads resolv.conf once: after a while the next question goes to a new channel.
"""

import asyncio
import errno
import secrets
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import msgspec
import pycares

from ...domain.limits import (
    DNS_FRESH_NS,
    NAME_LOOK_NS,
    NAME_PUTS_MAX,
    NAME_SILENT_NS,
    NAME_TRIES,
    NAME_TRY_NS,
)
from ...domain.observation.outcome import Outcome, Reason
from ...domain.specification.probe import AddressFamily
from ...domain.units import NS_PER_S
from ..clock import MomentClock
from .names import FAMILIES, LookedUp, ResolvedAddress, no_address, not_found
from .refusals import Refusals
from .sockets import socket_error
from .system_errors import verdict_of_error

OnLookedUp = Callable[[LookedUp], None]
OnAnswer = Callable[[Any, int | None, bool], None]
"""Takes a result, its status, and whether a server said so now: not the file of hosts, and no answer that was kept."""

ANSWERS: dict[int, str] = {
    pycares.errno.ARES_ENOTFOUND: "there is no such name",
    pycares.errno.ARES_ESERVFAIL: "the name service has failed (SERVFAIL)",
    pycares.errno.ARES_EREFUSED: "the name service refuses to answer (REFUSED)",
    pycares.errno.ARES_EFORMERR: "the name service does not understand the question (FORMERR)",
    pycares.errno.ARES_ENOTIMP: "the name service does not know such questions (NOTIMP)",
    pycares.errno.ARES_EBADRESP: "the name service's answer cannot be read",
}
"""The answers of a name service for a name without an address."""
SAID = frozenset({0, None, pycares.errno.ARES_ENODATA, *ANSWERS})
"""The results that show that a name service answers."""
FAILED = frozenset(ANSWERS) - {pycares.errno.ARES_ENOTFOUND}
"""The answers by which a name service fails, and says nothing about whether the name exists."""
NOT_ASKED: dict[int, int] = {
    pycares.errno.ARES_ECONNREFUSED: errno.ECONNREFUSED,
    pycares.errno.ARES_EFILE: errno.EMFILE,
    pycares.errno.ARES_ENOMEM: errno.ENOMEM,
    pycares.errno.ARES_ECANCELLED: errno.ECANCELED,
    pycares.errno.ARES_EDESTRUCTION: errno.ECANCELED,
    pycares.errno.ARES_ETIMEOUT: errno.ETIMEDOUT,
}
"""The results that say nothing about the name, as errors of the system."""
NONE = -1


class NameService(Protocol):
    """Answers questions about names; used on the loop's thread."""

    def ask(self, host: str, family: AddressFamily, answered: OnLookedUp) -> None:
        """Ask; `answered` is called once, on the loop's thread, perhaps before this returns."""

    def answered_since(self, since_ns: int) -> bool:
        """Whether a server has answered any question since then (monotonic)."""

    def close(self) -> None:
        """Give every question up, without an answer."""


class CaresChannel:
    """One channel of c-ares, whose sockets and time-outs are the loop's."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        servers: Sequence[str],
        tries: int,
        on_said: Callable[[], None],
        flags: int | None = None,
    ) -> None:
        self._loop = loop
        self._on_said = on_said
        self._closed = False
        self._reading = False
        self._arrived: list[Callable[[], None]] = []
        self.pending = 0
        """How many questions have no answer yet."""
        self.cares = pycares.Channel(
            sock_state_cb=self._on_socket,
            timeout=NAME_TRY_NS / NS_PER_S,
            tries=tries,
            servers=servers,
            flags=flags,
        )

    def ask(self, host: str, family: AddressFamily, answered: OnAnswer) -> None:
        self.pending += 1
        take = partial(self.take, answered)
        try:
            self.cares.getaddrinfo(
                host, None, family=FAMILIES[family], type=socket.SOCK_STREAM, callback=take
            )
        except BaseException:
            self.pending -= 1
            raise
        self.deliver()

    def ask_for_life(self) -> None:
        """Ask for a name that no cache knows and every server can answer by itself: `.invalid` does not exist (RFC 6761)."""
        name = f"{secrets.token_hex(8)}.invalid"
        with suppress(pycares.AresError):  # it is known at once that nothing can be asked
            self.cares.query(name, pycares.QUERY_TYPE_A, callback=lambda _, status: self._note(status))

    def _note(self, status: int | None) -> None:
        # An answer out of the file of hosts or the channel's own cache comes while it is asked.
        if self._reading and status in SAID:
            self._on_said()

    def take(self, answered: OnAnswer, result: Any, status: int | None) -> None:
        """Note an answer. Called within c-ares, which an exception would not leave and a new question would enter anew."""
        self._note(status)
        self._arrived.append(partial(answered, result, status, self._reading))

    def deliver(self) -> None:
        while self._arrived:
            arrived, self._arrived = self._arrived, []
            self.pending -= len(arrived)
            for answer in arrived:
                answer()

    def _on_socket(self, descriptor: int, readable: int, writable: int) -> None:
        if self._closed:
            # The thread that destroys a channel closes its sockets.
            return
        if readable:
            self._loop.add_reader(descriptor, self.process, descriptor, NONE)
        else:
            self._loop.remove_reader(descriptor)
        if writable:
            self._loop.add_writer(descriptor, self.process, NONE, descriptor)
        else:
            self._loop.remove_writer(descriptor)

    def process(self, readable: int = NONE, writable: int = NONE) -> None:
        """Read what has come, and repeat or end what is overdue."""
        if self._closed:
            return
        self._reading = True
        try:
            self.cares.process_fd(readable, writable)
        finally:
            self._reading = False
        self.deliver()

    def close(self) -> None:
        """Give all questions up. Their sockets are closed here, on the loop's thread, before the channel is destroyed."""
        if not self._closed:
            self.cares.cancel()
            self._arrived.clear()
            self._closed = True
            self.cares.close()


class _Question(msgspec.Struct, eq=False):
    """A question without an answer yet."""

    host: str
    family: AddressFamily
    asked_ns: int
    answered: OnLookedUp
    puts: int = 0
    """Times that it was put to c-ares, which repeats each by itself."""
    under_way: int = 0


class CaresNameService:
    """Asks the servers of resolv.conf, or those that are named: `192.0.2.53`, `127.0.0.1:5353`, `[2001:db8::53]:53`.

    Each server is asked as often as `tries` says before a name is given up.
    """

    _channel_type = CaresChannel

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        *,
        servers: Sequence[str] = (),
        tries: int = NAME_TRIES,
        flags: int | None = None,
    ) -> None:
        """`flags` are those of a channel of c-ares; None stands for its own choice."""
        self._loop = loop
        self._clock = clock
        self._servers = servers
        self._tries = tries
        self._flags = flags
        self._newest: tuple[CaresChannel, int] | None = None
        self._older: list[CaresChannel] = []
        self._timer: asyncio.TimerHandle | None = None
        self._said_ns: int | None = None
        self._silent_since_ns = 0
        self._mute_since_ns: int | None = None
        """The moment at which it was asked whether it lives, without an answer since; None while it answers."""
        self._open: set[_Question] = set()
        self._refusals = Refusals()

    def ask(self, host: str, family: AddressFamily, answered: OnLookedUp) -> None:
        asked_ns = self._clock.read().monotonic_ns
        if self._timer is None:
            self._silent_since_ns = asked_ns
        question = _Question(host, family, asked_ns, answered)
        self._open.add(question)
        try:
            self._put(question, asked_ns)
        except BaseException:
            self._open.discard(question)
            raise

    def _put(self, question: _Question, now_ns: int) -> None:
        question.puts += 1
        question.under_way += 1
        try:
            channel = self._channel(now_ns)
        except pycares.AresError:
            self._answered(question, None, pycares.errno.ARES_ENOMEM, False)
            return
        channel.ask(question.host, question.family, partial(self._answered, question))
        if channel.pending and self._timer is None:
            self._look_later()

    def _put_again(self) -> None:
        """Put the questions again that a silent name service did not hear: c-ares waits longer with each try."""
        now_ns = self._clock.read().monotonic_ns
        for question in list(self._open):
            if question.puts < NAME_PUTS_MAX and now_ns - question.asked_ns >= NAME_TRY_NS:
                self._put(question, now_ns)

    def answered_since(self, since_ns: int) -> bool:
        return self._said_ns is not None and self._said_ns >= since_ns

    def _channel(self, now_ns: int) -> CaresChannel:
        """The channel of a new question: one that has not yet kept an answer for long."""
        if self._newest is not None:
            newest, since_ns = self._newest
            if now_ns - since_ns < DNS_FRESH_NS:
                return newest
            self._retire()
        channel = self._channel_type(self._loop, self._servers, self._tries, self._note_life, self._flags)
        self._newest = channel, now_ns
        return channel

    def _retire(self) -> None:
        """Put the next question to a new channel, which has kept nothing."""
        if self._newest is not None:
            self._older.append(self._newest[0])
            self._newest = None
        self._close_idle()

    def _close_idle(self) -> None:
        for channel in [each for each in self._older if not each.pending]:
            self._older.remove(channel)
            channel.close()

    def _note_life(self) -> None:
        self._said_ns = self._silent_since_ns = now_ns = self._clock.read().monotonic_ns
        mute_since_ns, self._mute_since_ns = self._mute_since_ns, None
        if mute_since_ns is not None and now_ns - mute_since_ns >= NAME_TRY_NS:
            # Not from here: this is called within c-ares.
            self._loop.call_soon(self._put_again)

    def _channels(self) -> list[CaresChannel]:
        return [*self._older, *(() if self._newest is None else (self._newest[0],))]

    def _look_later(self) -> None:
        self._timer = self._loop.call_later(NAME_LOOK_NS / NS_PER_S, self._look)

    def _look(self) -> None:
        """Repeat what is overdue; where nothing is answered, find out whether anything would be."""
        self._timer = None
        for channel in self._channels():
            channel.process()
        self._close_idle()
        pending = [channel for channel in self._channels() if channel.pending]
        if not pending:
            return
        now_ns = self._clock.read().monotonic_ns
        if now_ns - self._silent_since_ns >= NAME_SILENT_NS:
            self._silent_since_ns = now_ns
            self._mute_since_ns = self._mute_since_ns or now_ns
            pending[-1].ask_for_life()
        if self._timer is None:
            self._look_later()

    def _answered(self, question: _Question, result: Any, status: int | None, heard: bool) -> None:
        question.under_way -= 1
        if question not in self._open or (question.under_way and result is None and status not in SAID):
            return
        self._open.discard(question)
        host, family = question.host, question.family
        self._note_refusal(host, family, status, heard)
        if result is None:
            question.answered(self._without_address(host, family, question.asked_ns, status or 0))
            return
        addresses = tuple(dict.fromkeys(self._addresses_of(result)))
        question.answered(LookedUp(addresses) if addresses else no_address(host, family))

    @staticmethod
    def _addresses_of(result: Any) -> Iterable[ResolvedAddress]:
        return map(_address_of, result.nodes)

    def _note_refusal(self, host: str, family: AddressFamily, status: int | None, heard: bool) -> None:
        """Note whether a server answered for a name or failed, and ask for a witness where failures alone are heard."""
        if status not in FAILED:
            if heard and status in SAID:
                self._refusals.answered(host, family, has_address=not status)
            return
        witness = self._refusals.refused(host)
        if witness is not None:
            # The channel that knows the witness would answer by itself.
            self._retire()
            self._ask_witness(*witness)

    def _ask_witness(self, host: str, family: AddressFamily) -> None:
        def answered(_: Any, status: int | None, heard: bool) -> None:
            self._refusals.witness_answered(refused=status in FAILED)
            if heard and status == 0:
                self._refusals.answered(host, family, has_address=True)

        try:
            channel = self._channel(self._clock.read().monotonic_ns)
        except pycares.AresError:
            self._refusals.witness_answered(refused=False)
            return
        channel.ask(host, family, answered)

    def _without_address(self, host: str, family: AddressFamily, asked_ns: int, status: int) -> LookedUp:
        if status == pycares.errno.ARES_ENODATA:
            return no_address(host, family)
        number = NOT_ASKED.get(status)
        if number is None:
            found = not_found(host, ANSWERS.get(status, "it is no valid name"))
            return _blind(found) if status in FAILED and self._refusals.ours else found
        if number == errno.ETIMEDOUT and self.answered_since(asked_ns):
            return not_found(host, "its name servers do not answer")
        if number == errno.ECONNREFUSED:
            # C-ares says the same of a server that refuses and of a socket that could not be opened.
            number = socket_error(socket.AF_INET) or number
        return LookedUp(verdict=_own_fault(number))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for channel in self._channels():
            channel.close()
        self._older.clear()
        self._newest = None
        self._open.clear()

    def __repr__(self) -> str:
        return f"CaresNameService(under_way={sum(channel.pending for channel in self._channels())})"


def _own_fault(number: int) -> tuple[Outcome, Reason, str]:
    """The verdict where no name server could be asked: nothing was learned about the target."""
    verdict = verdict_of_error(number, "no name server can be asked")
    if verdict[0] is Outcome.UNKNOWN:
        return verdict
    why = "answers" if number == errno.ETIMEDOUT else "can be reached"
    return Outcome.UNKNOWN, Reason.BLIND, f"no name server {why}: see resolv.conf"


def _blind(found: LookedUp) -> LookedUp:
    """The same failure where the name service fails for every name: nothing was learned about the target."""
    return LookedUp(verdict=(Outcome.UNKNOWN, Reason.BLIND, f"{found.verdict[2]}, as for every name"))


def _address_of(node: Any) -> ResolvedAddress:
    family = socket.AddressFamily(node.family)
    scope = node.addr[3] if family == socket.AF_INET6 else 0
    return ResolvedAddress(family, node.addr[0].decode(), scope)
