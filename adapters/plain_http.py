"""Plain HTTP without libcurl: a GET on a fresh connection to a known address, where the last answer had the common form.

Measured at a thousand checks a second: libcurl costs 200 microseconds a request, this a third of it. What an answer means
is judged by the same code. An answer of any other form, and a name that leads nowhere, is handed back for libcurl.
"""

import asyncio
import errno
import os
import select
import socket
from collections.abc import Callable
from typing import NamedTuple, Protocol

import pycurl

from ..domain.attempt import CancelOutcome
from ..domain.limits import EVENTS_PER_BATCH_MAX, HEADER_BYTES_MAX, READ_PLAIN_BYTES
from ..domain.moment import NS_PER_MS, NS_PER_US, Deadline, Moment
from ..domain.timers import Timers
from .alarm import Alarm
from .curl_options import host_and_port
from .exchange import HttpAnswer
from .plain_answers import END_OF_HEADER, PlainHeader, read_plain
from .system_errors import OUT_OF_DESCRIPTORS

# Edge-triggered: one registration a connection; closing it ends that without a further call.
READ = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
CONNECT = READ | select.EPOLLOUT
NO_MORE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
UNDER_WAY = frozenset({0, errno.EINPROGRESS})
E_WEIRD_SERVER_REPLY = 8

Done = Callable[[HttpAnswer | None], None]
"""Told the answer; None when it is for libcurl to ask again."""


class Clock(Protocol):
    """What the engine needs of a clock."""

    def read(self) -> Moment: ...


class PlainRequest(NamedTuple):
    """A request that needs nothing but to be sent."""

    family: socket.AddressFamily
    address: tuple[str, int] | tuple[str, int, int, int]
    wire: bytes
    body_bytes_max: int
    named: bool
    """The address came from a name, which may lead elsewhere by now: libcurl is to try when it cannot be reached."""


class PlainExchange:
    """One request under way."""

    __slots__ = ("_begun_ns", "_connect_ns", "_connection", "_done", "_engine", "_first_byte_ns", "_header",
                 "_read", "_request", "_unsent", "ended")  # fmt: skip

    def __init__(self, engine: "PlainHttp", request: PlainRequest, begun_ns: int, done: Done) -> None:
        self._engine = engine
        self._request = request
        self._done: Done | None = done
        self._begun_ns = begun_ns
        self._connect_ns = 0
        self._first_byte_ns = 0
        self._unsent = request.wire
        self._read = b""
        self._header: PlainHeader | None = None
        self._connection: socket.socket | None = None
        self.ended: CancelOutcome | None = None

    def cancel(self) -> CancelOutcome:
        """Close the socket now, or say that the answer has been given."""
        if self.ended is None:
            self.ended = CancelOutcome.WITHOUT_EFFECT
            self._done = None
            self.release()
        return self.ended

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._engine.forget(connection.fileno(), self)
            connection.close()

    # The way there.

    def begin(self) -> None:
        """Connect. What fails at once is told after this has returned."""
        try:
            connection = socket.socket(self._request.family, STREAM)
        except OSError as error:
            self._engine.soon(self.failed, error.errno or errno.EMFILE)
            return
        self._connection = connection
        number = connection.connect_ex(self._request.address)
        if number not in UNDER_WAY:
            self._engine.soon(self.failed, number)
            return
        # To send without waiting to be told saves a wake-up where the target is on this machine, else it costs 1 us.
        number = self._send(connection)
        self._engine.watch(connection.fileno(), self, CONNECT if self._unsent else READ)
        if number:
            self._engine.soon(self.failed, number)

    def _send(self, connection: socket.socket) -> int:
        """Send what is left; 0 or the system's word for why nothing can be sent any more."""
        try:
            sent = connection.send(self._unsent)
        except BlockingIOError:
            return 0
        except OSError as error:
            return error.errno or errno.EIO
        if not self._connect_ns:
            self._connect_ns = self._spent_ns()
        self._unsent = self._unsent[sent:]
        return 0

    def _spent_ns(self) -> int:
        # Never 0, which says that a phase was not reached.
        return max(self._engine.now_ns() - self._begun_ns, NS_PER_US)

    # The way back.

    def ready(self, mask: int) -> None:
        """Something can be done."""
        connection = self._connection
        if connection is None:
            return
        number = self._send(connection) if self._unsent else 0
        if number:
            self.failed(number)
        elif mask & READ:
            self._receive(connection, drain=bool(mask & NO_MORE))

    def _receive(self, connection: socket.socket, *, drain: bool) -> None:
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
            self._read = self._read + data if self._read else data
            if not self._first_byte_ns:
                self._first_byte_ns = self._spent_ns()
            if self._complete() or (len(data) < READ_PLAIN_BYTES and not drain):
                return

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
        length = min(header.body_length, self._request.body_bytes_max + 1)
        if len(read) - header.end < length:
            return False
        if header.body_length > self._request.body_bytes_max:
            self._tell(self._answer(pycurl.E_WRITE_ERROR, body_cut=True))
        else:
            self._tell(self._answer(0))
        return True

    def _closed_by_peer(self) -> None:
        header = self._header
        if not self._read:
            self._tell(self._answer(pycurl.E_GOT_NOTHING, "Empty reply from server"))
        elif header is not None:
            missing = header.end + header.body_length - len(self._read)
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
        elif self._request.named and number not in OUT_OF_DESCRIPTORS:
            self._tell(None)
            return
        else:
            host, port = self._request.address[:2]
            spent_ms = self._spent_ns() // NS_PER_MS
            code = pycurl.E_COULDNT_CONNECT
            message = f"Failed to connect to {host_and_port(host, port)} after {spent_ms} ms: Could not connect to server"
        self._tell(self._answer(code, message, error_number=number))

    def expired(self) -> None:
        """The deadline has passed."""
        self._tell(self._answer(pycurl.E_OPERATION_TIMEDOUT))

    def _answer(
        self, code: int, message: str = "", *, error_number: int = 0, body_cut: bool = False
    ) -> HttpAnswer:
        header = self._header
        end = len(self._read) if header is None else header.end
        length = self._request.body_bytes_max if header is None else header.body_length
        return HttpAnswer(
            code=code,
            error_number=error_number,
            message=message,
            status=self._status(),
            header=self._read[:end],
            body=self._read[end : end + min(length, self._request.body_bytes_max)],
            body_cut=body_cut,
            ip=self._request.address[0] if self._connect_ns else "",
            # The name was looked up less than half a minute ago.
            name_ns=NS_PER_US if self._request.named else 0,
            connect_ns=self._connect_ns,
            first_byte_ns=self._first_byte_ns,
            total_ns=self._spent_ns(),
        )

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
            self._engine.call(done, answer)


class PlainHttp:
    """Carries plain requests on one loop; all its methods are called on the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        self._loop = loop
        self._clock = clock
        self._epoll = select.epoll()
        self._exchanges: dict[int, PlainExchange] = {}
        self._timers: Timers[PlainExchange] = Timers()
        self._alarm = Alarm(loop, self._ring)
        self._rings_ns = 0
        loop.add_reader(self._epoll.fileno(), self._on_events)

    def start(self, request: PlainRequest, deadline: Deadline, done: Done) -> PlainExchange:
        """Begin a request that ends at the deadline at the latest; `done` is called once, never from within `start`."""
        begun_ns = self.now_ns()
        exchange = PlainExchange(self, request, begun_ns, done)
        if self._epoll.closed or deadline.monotonic_ns <= begun_ns:
            self._loop.call_soon(exchange.expired)
            return exchange
        self._timers.arm(exchange, deadline.monotonic_ns)
        exchange.begin()
        self._wind(begun_ns, deadline.monotonic_ns)
        return exchange

    def now_ns(self) -> int:
        return self._clock.read().monotonic_ns

    def soon(self, failed: Callable[[int], None], number: int) -> None:
        self._loop.call_soon(failed, number)

    def watch(self, descriptor: int, exchange: PlainExchange, mask: int) -> None:
        self._exchanges[descriptor] = exchange
        self._epoll.register(descriptor, mask)

    def forget(self, descriptor: int, exchange: PlainExchange) -> None:
        """Its socket is about to be closed, which takes it out of the epoll."""
        self._exchanges.pop(descriptor, None)
        self._timers.cancel(exchange)

    def call(self, done: Done, answer: HttpAnswer | None) -> None:
        try:
            done(answer)
        except Exception as error:  # noqa: BLE001 - one callback's fault must not cost the others their answers
            self._loop.call_exception_handler({"message": "an answer's callback failed", "exception": error})

    def _on_events(self) -> None:
        for descriptor, mask in self._epoll.poll(0, EVENTS_PER_BATCH_MAX):
            exchange = self._exchanges.get(descriptor)
            if exchange is not None:
                exchange.ready(mask)

    def _wind(self, now_ns: int, deadline_ns: int) -> None:
        """See to it that it rings no later than a deadline; a ring that comes too early winds again."""
        # One that is overdue still rings; setting a later one in its place would lose it.
        if not 0 < self._rings_ns <= deadline_ns:
            self._rings_ns = deadline_ns
            self._alarm.set(max(1, -(-(deadline_ns - now_ns) // NS_PER_MS)))

    def _ring(self) -> None:
        # uvloop counts from a time that it read a while ago, so this may be early, and must then be wound again.
        self._rings_ns = 0
        now_ns = self.now_ns()
        for exchange, _ in self._timers.due(now_ns):
            exchange.expired()
        next_ns = self._timers.next_ns()
        if next_ns is not None:
            self._wind(self.now_ns(), next_ns)

    def close(self) -> None:
        """Cancel what is under way and release every descriptor."""
        if self._epoll.closed:
            return
        for exchange in list(self._exchanges.values()):
            exchange.cancel()
        self._alarm.close()
        if not self._loop.is_closed():
            self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def __repr__(self) -> str:
        return f"PlainHttp(under_way={len(self._exchanges)})"
