"""Connecting to the first of several addresses that answers (RFC 8305, without its ceremony)."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from ...domain.limits import NEXT_ADDRESS_NS
from ...domain.observation.outcome import Outcome, Reason
from ...domain.units import NS_PER_S
from ..activity import Activity
from .addresses import is_public
from .names import ResolvedAddress, refused
from .readiness import WRITABLE
from .sockets import Sockets, open_stream, refusal_of, verdict_of_connection
from .system_errors import SystemErrorMeaning

OnWon = Callable[[socket.SocketType, ResolvedAddress], None]
OnLost = Callable[[SystemErrorMeaning], None]

UNDER_WAY = errno.EALREADY
Endpoint = tuple[str, int] | tuple[str, int, int, int]
NO_ADDRESS: SystemErrorMeaning = (Outcome.DOWN, Reason.DNS_FAILED, "the name has no address")


class Dialled(NamedTuple):
    """The state of one address in the race."""

    address: ResolvedAddress
    connection: socket.SocketType | None
    """None when it came to nothing."""
    stands: bool = False
    """Whether there is nothing left to wait for."""
    verdict: SystemErrorMeaning = NO_ADDRESS
    """Why it came to nothing."""


def dial(address: ResolvedAddress, port: int, *, deny_private: bool) -> Dialled:
    """Begin to connect. On this machine a connection stands, or is refused, at once."""
    if deny_private and not is_public(address.host):
        return Dialled(address, None, verdict=refused(address.host))
    try:
        connection = open_stream(address.family)
    except OSError as error:
        return Dialled(address, None, verdict=_refused(address, port, error.errno or 0))
    number = _connect(connection, address.with_port(port))
    if number in {0, UNDER_WAY}:
        return Dialled(address, connection, stands=number == 0)
    connection.close()
    return Dialled(address, None, verdict=_refused(address, port, number))


def _refused(address: ResolvedAddress, port: int, number: int) -> SystemErrorMeaning:
    detail = f"{address.host} port {port}: {os.strerror(number)}"
    return verdict_of_connection(number, address.host, detail)


class Race(Activity):
    """Tries the addresses in order: the next begins when one fails, or when it has said nothing for a while."""

    _loop: asyncio.AbstractEventLoop
    _sockets: Sockets
    _port: int
    _on_won: OnWon
    _on_lost: OnLost
    deny_private_addresses: bool
    prefers_first: bool = False
    """Whether addresses of another family than that of the first wait until all of that family have failed."""
    _left: list[ResolvedAddress] = msgspec.field(default_factory=list)
    _running: dict[socket.SocketType, ResolvedAddress] = msgspec.field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None
    _verdict: SystemErrorMeaning | None = None

    @property
    def connecting_to(self) -> str | None:
        """The address tried last."""
        return next(reversed(self._running.values())).host if self._running else None

    def begin(self, first: Dialled, rest: tuple[ResolvedAddress, ...]) -> None:
        """Go on from an address that was dialled already; may win or lose before it returns."""
        self._left = list(rest)
        if self._take(first):
            self._give_it_time()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Dial addresses until one is under way; lost when none is left and none runs."""
        self._forget_timer()
        while self._left and not self._waits_for_family():
            if self._take(dial(self._left.pop(0), self._port, deny_private=self.deny_private_addresses)):
                self._give_it_time()
                return
        if not self._running:
            self._on_lost(self._verdict or NO_ADDRESS)

    def _waits_for_family(self) -> bool:
        """Whether the next address has to wait for those of the preferred family that are under way."""
        following = self._left[0].family
        return self.prefers_first and any(each.family != following for each in self._running.values())

    def _give_it_time(self) -> None:
        if self._left:
            self._timer = self._loop.call_later(NEXT_ADDRESS_NS / NS_PER_S, self._go_on)

    def _take(self, dialled: Dialled) -> bool:
        """Whether there is anything to wait for, or nothing more to do."""
        connection = dialled.connection
        if connection is None:
            self._note(dialled.verdict)
            return False
        if dialled.stands:
            self.stop()
            self._on_won(connection, dialled.address)
            return True
        self._running[connection] = dialled.address
        self._sockets.listen(connection, WRITABLE, lambda _: self._on_ready(connection))
        return True

    def _on_ready(self, connection: socket.SocketType) -> None:
        address = self._running.pop(connection)
        number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number == 0:
            self.stop()
            self._on_won(connection, address)
            return
        self._sockets.close(connection)
        self._note(_refused(address, self._port, number))
        self._go_on()

    def _note(self, verdict: SystemErrorMeaning) -> None:
        """Keep the last verdict; what one address did counts more than that another could not be tried."""
        if self._verdict is None or verdict[0].is_evidence or not self._verdict[0].is_evidence:
            self._verdict = verdict

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stop(self) -> None:
        """Close every connection that has not won."""
        self._forget_timer()
        self._left.clear()
        while self._running:
            self._sockets.close(self._running.popitem()[0])


def _connect(connection: socket.SocketType, destination: Endpoint) -> int:
    """Zero when it stands, UNDER_WAY while it does not, else the system's word for why it never will.

    The second call asks how the first one goes: on this machine it stands by then, which saves a wake-up (15 us of 60);
    for every other it costs half a microsecond.
    """
    number = connection.connect_ex(destination)
    if number != errno.EINPROGRESS:
        return number
    number = connection.connect_ex(destination)
    # Linux says 0 once when it stands, macOS says at once that it is connected.
    if number in {0, errno.EISCONN}:
        return 0
    return number if number == UNDER_WAY else refusal_of(connection, number)
