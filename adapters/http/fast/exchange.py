"""One plain GET on a connection of its own: to the address, there and back."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from typing import Protocol

import msgspec
import pycurl

from ....domain.limits import HEADER_BYTES_MAX, READ_PLAIN_BYTES
from ....domain.observation.attempt import CancelOutcome
from ....domain.time.timers import Timer
from ....domain.units import NS_PER_MS, NS_PER_US
from ...activity import Activity, tell
from ...net.certificates import PeerCertificate
from ...net.names import PREFERRED, LookedUp, ResolvedAddress, public_only
from ...net.race import Race, dial
from ...net.readiness import BROKEN, EDGE, HALF_CLOSED, READABLE, WRITABLE
from ...net.resolver import Resolver
from ...net.sockets import Sockets, open_stream, refusal_of, verdict_of_connection
from ...net.system_errors import NO_ROUTE, SystemErrorMeaning
from ..destination import host_and_port
from ..exchange import HttpAnswer
from .parser import END_OF_HEADER, PlainHeader, read_plain
from .request import PlainRequest

# Edge-triggered: one registration a connection; closing it ends that without a further call.
READ = READABLE | HALF_CLOSED | EDGE
CONNECT = READ | WRITABLE
NO_MORE = HALF_CLOSED | BROKEN
UNDER_WAY = frozenset({0, errno.EINPROGRESS})
E_WEIRD_SERVER_REPLY = 8

OnExchanged = Callable[[HttpAnswer | None], None]
"""Told the answer; None when it is for libcurl to ask again."""


class ExchangeHost(Protocol):
    """The engine as one exchange sees it."""

    loop: asyncio.AbstractEventLoop
    resolver: Resolver
    sockets: Sockets
    """Those that race to be the one of an exchange."""
    now_ns: Callable[[], int]
    watch_again: Callable[[int, int], None]

    def watch(self, descriptor: int, exchange: "PlainExchange", mask: int) -> None: ...
    def forget(self, descriptor: int, exchange: "PlainExchange") -> None: ...


class PlainExchange(Activity):
    """One request under way."""

    _engine: ExchangeHost
    _request: PlainRequest
    begun_ns: int
    _done: OnExchanged | None
    _unsent: bytes
    _name_ns: int = 0
    _connect_ns: int = 0
    _tls_ns: int = 0
    _first_byte_ns: int = 0
    _address: tuple[str, int] | tuple[str, int, int, int] = ("", 0)
    _read: bytes = b""
    _rest: list[bytes] = msgspec.field(default_factory=list)
    """The bytes that arrived after the complete header."""
    _header: PlainHeader | None = None
    _certificate: PeerCertificate | None = None
    _connection: socket.SocketType | None = None
    _race: Race | None = None
    ended: CancelOutcome | None = None
    timer: Timer | None = None
    """Calls `expired` at the deadline; the engine's, which sets it and cancels it."""

    def cancel(self) -> CancelOutcome:
        """Close the socket now, or say that the answer has been given."""
        if self.ended is None:
            self.ended = CancelOutcome.WITHOUT_EFFECT
            self._done = None
            self.release()
        return self.ended

    def release(self) -> None:
        race, self._race = self._race, None
        if race is not None:
            race.stop()
        connection, self._connection = self._connection, None
        self._engine.forget(-1 if connection is None else connection.fileno(), self)
        if connection is not None:
            connection.close()

    # The way there.

    def begin(self) -> None:
        """Resolves a name and connects. An immediate failure is reported after this has returned."""
        request = self._request
        if request.address is not None:
            self._connect(request.address)
            return
        family = request.shape.address_family
        known = self._resolver().look_up(request.host, family, self._looked_up)
        if known is not None:
            self._looked_up(known)

    def _resolver(self) -> Resolver:
        shape = self._request.shape
        return self._engine.resolver.at(shape.resolver, deny_private=shape.deny_private_addresses)

    def _looked_up(self, answer: LookedUp) -> None:
        """The name service has answered."""
        if self._done is None:
            return
        found = public_only(answer) if self._request.shape.deny_private_addresses else answer
        if not found.addresses:
            self._engine.loop.call_soon(self._unconnected, pycurl.E_COULDNT_RESOLVE_HOST, found.verdict)
            return
        self._name_ns = self._spent_ns()
        if len(found.addresses) == 1:
            self._connect(found.addresses[0])
        else:
            self._dial(found.addresses)

    def _dial(self, addresses: tuple[ResolvedAddress, ...]) -> None:
        """Connect to the first of several addresses that answers."""
        engine, port = self._engine, self._request.port
        self._race = Race(
            engine.loop,
            engine.sockets,
            port,
            self._won,
            self._lost,
            deny_private_addresses=False,
            prefers_first=self._request.shape.address_family in PREFERRED,
        )
        self._race.begin(dial(addresses[0], port, deny_private=False), addresses[1:])

    def _lost(self, verdict: SystemErrorMeaning) -> None:
        self._engine.loop.call_soon(self._unconnected, pycurl.E_COULDNT_CONNECT, verdict)

    def _won(self, connection: socket.SocketType, address: ResolvedAddress) -> None:
        self._race = None
        self._engine.sockets.forget(connection)
        self._address = address.with_port(self._request.port)
        self._connection = connection
        self._begin_to_send(connection)

    def _connect(self, to: ResolvedAddress) -> None:
        self._address = address = to.with_port(self._request.port)
        try:
            connection = open_stream(to.family)
        except OSError as error:
            self._engine.loop.call_soon(self.failed, error.errno or errno.EMFILE)
            return
        self._connection = connection
        number = connection.connect_ex(address)
        if number not in UNDER_WAY:
            self._engine.loop.call_soon(self.failed, number)
            return
        self._begin_to_send(connection)

    def _begin_to_send(self, connection: socket.SocketType) -> None:
        # To send without waiting to be told saves a wake-up where the target is on this machine, else it costs 1 us.
        number = self._send(connection)
        self._engine.watch(connection.fileno(), self, CONNECT if self._unsent else READ)
        if number:
            self._engine.loop.call_soon(self.failed, number)

    def _send(self, connection: socket.SocketType) -> int:
        """Send what is left; 0 or the system's word for why nothing can be sent any more."""
        try:
            sent = connection.send(self._unsent)
        except BlockingIOError:
            return 0
        except OSError as error:
            number = error.errno or errno.EIO
            return number if self._connect_ns else refusal_of(connection, number)
        if not self._connect_ns:
            self._connect_ns = self._spent_ns()
        self._unsent = self._unsent[sent:]
        return 0

    def _spent_ns(self) -> int:
        # Never 0, which says that a phase was not reached.
        return max(self._engine.now_ns() - self.begun_ns, NS_PER_US)

    # The way back.

    def ready(self, mask: int) -> None:
        """Something can be done."""
        connection = self._connection
        if connection is None:
            return
        number = self._send_on(connection) if self._unsent else 0
        if number:
            self.failed(number)
        elif mask & READ:
            self._receive(connection, drain=bool(mask & NO_MORE))

    def _send_on(self, connection: socket.SocketType) -> int:
        """Send what is left, and ask to be told when more can be sent."""
        number = self._send(connection)
        if self._unsent and not number:
            self._engine.watch_again(connection.fileno(), CONNECT)
        return number

    def _receive(self, connection: socket.SocketType, *, drain: bool) -> None:
        """Read what has come. A short read has emptied the socket, unless its end has come too and was told once."""
        while True:
            try:
                data = connection.recv(READ_PLAIN_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self.failed(error.errno or errno.EIO)
                return
            if not data:
                self._closed_by_peer()
                return
            if self._took(data) or (len(data) < READ_PLAIN_BYTES and not drain):
                return

    def _took(self, data: bytes) -> bool:
        """Go on with what the peer has sent; whether that was the end of it."""
        if not self._first_byte_ns:
            self._first_byte_ns = self._spent_ns()
        if self._header is None:
            self._read = self._read + data if self._read else data
        else:
            self._rest.append(data)
        return self._complete()

    def _complete(self) -> bool:
        """Give the answer if it is whole, or hand it back if it is of another form."""
        read, header = self._read, self._header
        if header is None:
            if END_OF_HEADER not in read and len(read) <= HEADER_BYTES_MAX:
                return False
            header = self._header = read_plain(read)
        if header is None:
            self._tell(None)
            return True
        if self._missing(header, min(header.body_length, self._request.shape.body_bytes_max + 1)) > 0:
            return False
        self._tell(self._answer(0, body_cut=header.body_length > self._request.shape.body_bytes_max))
        return True

    def _missing(self, header: PlainHeader, length: int) -> int:
        """How many bytes of a body of that length have not come."""
        return header.end + length - len(self._read) - sum(map(len, self._rest))

    def _closed_by_peer(self) -> None:
        header = self._header
        if not self._read:
            self._tell(self._answer(pycurl.E_GOT_NOTHING, "Empty reply from server"))
        elif header is not None:
            missing = self._missing(header, header.body_length)
            self._tell(self._answer(pycurl.E_PARTIAL_FILE, f"end of response with {missing} bytes missing"))
        elif self._read.startswith(b"HTTP/1.") and self._read[9:12].isdigit():
            self._tell(self._answer(0))
        else:
            self._tell(self._answer(E_WEIRD_SERVER_REPLY, "Weird server reply"))

    # The end.

    def failed(self, number: int) -> None:
        """The system says that it goes no further."""
        if self._connect_ns:
            code = pycurl.E_SEND_ERROR if self._unsent else pycurl.E_RECV_ERROR
            message = f"{'Send' if self._unsent else 'Recv'} failure: {os.strerror(number)}"
        else:
            host, port = self._address[:2]
            spent_ms = self._spent_ns() // NS_PER_MS
            code = pycurl.E_COULDNT_CONNECT
            message = f"Failed to connect to {host_and_port(host, port)} after {spent_ms} ms: Could not connect to server"
            if number in NO_ROUTE:
                self._unconnected(code, verdict_of_connection(number, host, message))
                return
        self._tell(self._answer(code, message, error_number=number))

    def _unconnected(self, code: int, verdict: SystemErrorMeaning) -> None:
        """There is no address, or no connection to any of them."""
        self._tell(self._answer(code, unconnected=verdict))

    def expired(self) -> None:
        """The deadline has passed."""
        waits_for_name = self._request.address is None and not self._name_ns
        verdict = self._resolver().overdue(self.begun_ns) if waits_for_name else None
        self._tell(self._answer(pycurl.E_OPERATION_TIMEDOUT, unconnected=verdict))

    def crashed(self, error: Exception) -> None:
        """Our own fault: nothing was learned about the target."""
        self._tell(HttpAnswer(code=pycurl.E_FAILED_INIT, message=str(error), total_ns=self._spent_ns()))

    def _answer(
        self,
        code: int,
        message: str = "",
        *,
        error_number: int = 0,
        body_cut: bool = False,
        unconnected: SystemErrorMeaning | None = None,
    ) -> HttpAnswer:
        header = self._header
        return HttpAnswer(
            code=code,
            unconnected=unconnected,
            error_number=error_number,
            message=message,
            status=self._status(),
            header=self._read if header is None else self._read[: header.end],
            body=b"" if header is None else self._body(header),
            body_cut=body_cut,
            ip=self._address[0] if self._connect_ns else "",
            certificate=self._certificate,
            name_ns=self._name_ns,
            connect_ns=self._connect_ns,
            tls_ns=self._tls_ns,
            first_byte_ns=self._first_byte_ns,
            total_ns=self._spent_ns(),
        )

    def _body(self, header: PlainHeader) -> bytes:
        end = header.end + min(header.body_length, self._request.shape.body_bytes_max)
        whole = b"".join((self._read, *self._rest)) if self._rest else self._read
        return whole[header.end : end]

    def _status(self) -> int:
        if self._header is not None:
            return self._header.status
        digits = self._read[9:12]
        return int(digits) if len(digits) == 3 and digits.isdigit() else 0

    def _tell(self, answer: HttpAnswer | None) -> None:
        done, self._done = self._done, None
        self.release()
        if done is not None:
            self.ended = CancelOutcome.COMPLETED_ANYWAY
            tell(self._engine.loop, done, answer)
