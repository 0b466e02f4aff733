"""The course of one attempt that is written as a coroutine: its deadline, its phases, and everything that it opened."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import msgspec

from ...domain.observation.attempt import ProbeRequest
from ...domain.observation.observation import Observation, Phases
from ...domain.observation.outcome import Outcome, Reason
from ...domain.specification.probe import AddressFamily
from ...domain.units import NS_PER_S
from ..activity import Activity
from ..clock import MonotonicClock
from ..net.addresses import is_public
from ..net.names import FAMILIES, PREFERRED, LookedUp, ResolvedAddress, literal_address, public_only, refused
from ..net.race import Race, dial
from ..net.resolver import Resolver
from ..net.sockets import Sockets
from ..net.system_errors import UP, SystemErrorMeaning

NAMING = "while the name was looked up"
Result = TypeVar("Result")


class ProbeFailed(Exception):  # the result of an attempt, not a fault of this program
    """Ends an attempt with an outcome, its reason and one line for people, which shows no secret."""

    def __init__(self, outcome: Outcome, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.verdict: SystemErrorMeaning = (outcome, reason, detail)


def down(reason: Reason, detail: str) -> ProbeFailed:
    """The target fails."""
    return ProbeFailed(Outcome.DOWN, reason, detail)


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """The means that the probes of one runtime share. All are used on the loop's thread."""

    loop: asyncio.AbstractEventLoop
    clock: MonotonicClock
    resolver: Resolver
    deny_private_addresses: bool


class Closable(Protocol):
    """A means that an attempt opened; closing it twice is harmless."""

    def close(self) -> Any: ...


class AttemptCourse(Activity):
    """One attempt under way, as its coroutine uses it.

    Each wait of the coroutine ends at the deadline, which cancels it: `stage` says in what, in words that complete `the
    deadline passed`. Sockets that are opened here, and what is given to `keep`, are closed at the end, however it comes.
    """

    around: Surroundings
    sockets: Sockets
    request: ProbeRequest
    begun_ns: int
    stage: str = "before anything was done"
    connected: bool | None = None
    ip: str | None = None
    dns_ns: int | None = None
    connect_ns: int | None = None
    tls_ns: int | None = None
    first_byte_ns: int | None = None
    response_time_ns: int | None = None
    """Set where the time of the answer is not the time of the whole attempt."""
    _race: Race | None = None
    """The connection that is being made."""
    _kept: list[Closable] = msgspec.field(default_factory=list)

    def now_ns(self) -> int:
        return self.around.clock.monotonic_ns()

    def spent_ns(self) -> int:
        """The time since the attempt began."""
        return self.now_ns() - self.begun_ns

    @property
    def remaining_s(self) -> float:
        """The time until the deadline."""
        return max(0, self.request.deadline.monotonic_ns - self.now_ns()) / NS_PER_S

    def keep(self, means: Closable) -> None:
        """Has something closed at the end of the attempt."""
        self._kept.append(means)

    def future(self) -> "asyncio.Future[Any]":
        return self.around.loop.create_future()

    async def addresses(self, host: str, family: AddressFamily) -> tuple[ResolvedAddress, ...]:
        """The addresses of a host that may be spoken with, at least one. Raises: ProbeFailed."""
        literal = literal_address(host)
        if literal is not None and family in {"any", *PREFERRED, _family_of(literal)}:
            if self.around.deny_private_addresses and not is_public(literal.host):
                raise ProbeFailed(*refused(literal.host))
            return (literal,)
        began_ns, self.stage = self.now_ns(), NAMING
        answered = self.future()
        found: LookedUp | None = self.around.resolver.look_up(host, family, _once(answered))
        if found is None:
            found = await answered
        self.dns_ns = self.now_ns() - began_ns
        found = public_only(found) if self.around.deny_private_addresses else found
        if not found.addresses:
            raise ProbeFailed(*found.verdict)
        return found.addresses

    async def spoken_with(
        self,
        addresses: tuple[ResolvedAddress, ...],
        family: AddressFamily,
        speak: Callable[[ResolvedAddress], Coroutine[Any, Any, Result]],
    ) -> Result:
        """The result of the first address, without a connection. With a preference, of the first that does not fail at once.

        Raises: OSError of the last that was tried.
        """
        tried = addresses if family in PREFERRED else addresses[:1]
        for address in tried[:-1]:
            with suppress(OSError):
                return await self._speak(address, speak)
        return await self._speak(tried[-1], speak)

    async def _speak(
        self, address: ResolvedAddress, speak: Callable[[ResolvedAddress], Coroutine[Any, Any, Result]]
    ) -> Result:
        self.ip, self.stage = address.host, f"before {address.host} answered"
        return await speak(address)

    async def connect(self, host: str, port: int, family: AddressFamily = "any") -> socket.SocketType:
        """A TCP connection to the first address that answers, non-blocking. Raises: ProbeFailed."""
        addresses = await self.addresses(host, family)
        began_ns, self.stage = self.now_ns(), f"while connecting to {addresses[0].host}"
        deny = self.around.deny_private_addresses
        first = dial(addresses[0], port, deny_private=deny)
        connection, address = first.connection, first.address
        if not first.stands or connection is None:
            won = self.future()
            tell = _once(won)
            self._race = Race(
                self.around.loop,
                self.sockets,
                port,
                lambda connection, address: tell((self._opened(connection), address, UP)),
                lambda verdict: tell((None, None, verdict)),
                deny_private_addresses=deny,
                prefers_first=family in PREFERRED,
            )
            self._race.begin(first, addresses[1:])
            connection, address, verdict = await won
            if connection is None:
                raise ProbeFailed(*verdict)
            self._race = None
        else:
            self._opened(connection)
        self.connect_ns, self.connected, self.ip = self.now_ns() - began_ns, True, address.host
        return connection

    def _opened(self, connection: socket.SocketType) -> socket.SocketType:
        """Notes a connection at once: the deadline may pass before the coroutine goes on, and closes what is noted."""
        self._kept.append(Opened(self.sockets, connection))
        return connection

    async def ready(self, connection: socket.SocketType, mask: int) -> None:
        """Waits until a socket is ready. The caller tries first: only a change is told."""
        woken = self.future()
        self.sockets.listen(connection, mask, _once(woken))
        await woken

    def verdict_of_deadline(self) -> SystemErrorMeaning:
        """The verdict on an attempt whose time is up."""
        if self.stage is NAMING:
            return self.around.resolver.overdue(self.begun_ns)
        reason = Reason.TIMED_OUT if self._race is None else Reason.CONNECT_TIMED_OUT
        return Outcome.TIMED_OUT, reason, f"the deadline passed {self.stage}"

    def observation(self, verdict: SystemErrorMeaning = UP, **facts: Any) -> Observation:
        """The facts that were seen until now."""
        outcome, reason, detail = verdict
        spent_ns = self.spent_ns() if self.response_time_ns is None else self.response_time_ns
        return Observation(
            outcome=outcome,
            reason=reason,
            detail=detail,
            connected=bool(self.connected),
            ip=self.ip,
            response_time_ns=spent_ns,
            phases=Phases(
                dns_ns=self.dns_ns,
                connect_ns=self.connect_ns,
                tls_ns=self.tls_ns,
                first_byte_ns=self.first_byte_ns,
            ),
            **facts,
        )

    def close(self) -> None:
        """Closes everything that the attempt opened."""
        if self._race is not None:
            self._race.stop()
            self._race = None
        while self._kept:
            self._kept.pop().close()


class Opened(msgspec.Struct, frozen=True):
    """A socket that is listened to, and closed with its listener."""

    sockets: Sockets
    connection: socket.SocketType

    def close(self) -> None:
        self.sockets.close(self.connection)


def _family_of(address: ResolvedAddress) -> str:
    return next(name for name, family in FAMILIES.items() if family == address.family)


def _once(future: "asyncio.Future[Any]") -> Callable[[Any], None]:
    """Gives a future its result, unless it is over: its attempt may have ended first."""

    def tell(result: Any) -> None:
        if not future.done():
            future.set_result(result)

    return tell
