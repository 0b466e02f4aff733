"""The `icmp` probe: echo requests by one socket for all hosts of a family, and their answers."""

import asyncio
import errno
import os
import secrets
import socket
import struct
import sys
from functools import partial

import msgspec

from ....domain.limits import (
    DATAGRAM_BYTES_MAX,
    DATAGRAMS_READ_MAX,
    ECHO_BUFFER_BYTES,
    ECHO_PAUSE_NS,
    ECHO_TOKEN_BYTES,
    ECHO_WAIT_PERCENT,
)
from ....domain.observation.observation import Measurement, Observation
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.probes.icmp import Icmp
from ....domain.units import NS_PER_MS, NS_PER_S
from ...activity import Activity
from ...clock import MonotonicClock
from ...net.names import ResolvedAddress
from ...net.readiness import READABLE
from ...net.sockets import NONBLOCKING, Sockets, verdict_of_connection
from ..conversing import ConversingProber
from ..course import AttemptCourse, ProbeFailed, Surroundings

_ECHO = struct.Struct(">BBHHH")
_IPV4_HEADER_LENGTH = 0x0F
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_ANSWER = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_LEVEL = {socket.AF_INET: socket.IPPROTO_IP, socket.AF_INET6: socket.IPPROTO_IPV6}
_HOPS = {socket.AF_INET: socket.IP_TTL, socket.AF_INET6: socket.IPV6_UNICAST_HOPS}
# Of Linux, which Python has no names for (linux/in.h, in6.h, icmp.h, icmpv6.h).
_DISCOVER = {socket.AF_INET: 10, socket.AF_INET6: 23}
_DISCOVER_DONT, _DISCOVER_DO = 0, 2
_FILTER_LEVEL = {socket.AF_INET: 255, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_FILTER = 1
_DENIED = frozenset({errno.EACCES, errno.EPERM})
EchoSettings = tuple[socket.AddressFamily, int | None, bool]
"""The settings that a socket is shared by: the family, the routers that a request may pass, and whether it may be sent in pieces."""


class EchoSocket(Activity):
    """A socket of echo requests, and the answers that are waited for, by their tokens."""

    connection: socket.SocketType
    family: socket.AddressFamily
    is_raw: bool
    identity: int
    waiting: dict[bytes, "tuple[str, asyncio.Future[int]]"] = msgspec.field(default_factory=dict)


class EchoSockets:
    """The sockets of all echo requests of one runtime: one for each family, and one more for each odd setting."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: MonotonicClock, sockets: Sockets) -> None:
        self._loop = loop
        self._clock = clock
        self._sockets = sockets
        self._open: dict[EchoSettings, EchoSocket] = {}

    def send(self, address: ResolvedAddress, number: int, probe: Icmp) -> "Echo":
        """Sends one request. Raises: OSError where the system refuses it, ProbeFailed where the process may send none."""
        settings = address.family, probe.ttl, probe.dont_fragment
        used = self._open.get(settings)
        if used is None:
            used = self._open[settings] = self._opened(settings)
        token = secrets.token_bytes(ECHO_TOKEN_BYTES)
        payload = token + bytes(probe.payload_bytes - ECHO_TOKEN_BYTES)
        answered: asyncio.Future[int] = self._loop.create_future()
        used.waiting[token] = address.host, answered
        echo = Echo(used, token, answered, self._clock.monotonic_ns())
        try:
            used.connection.sendto(_request(used, number, payload), address.with_port(0))
        except BaseException:
            echo.close()
            raise
        return echo

    def _opened(self, settings: EchoSettings) -> EchoSocket:
        family, ttl, dont_fragment = settings
        connection, is_raw = open_echo(family)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ECHO_BUFFER_BYTES)
            if ttl is not None:
                connection.setsockopt(_LEVEL[family], _HOPS[family], ttl)
            if sys.platform == "linux":
                pieces = _DISCOVER_DO if dont_fragment else _DISCOVER_DONT
                connection.setsockopt(_LEVEL[family], _DISCOVER[family], pieces)
            if is_raw and sys.platform == "linux":
                connection.setsockopt(_FILTER_LEVEL[family], _FILTER, _only_answers(family))
            used = EchoSocket(connection, family, is_raw, secrets.randbits(16))
            self._sockets.listen(connection, READABLE, partial(self._on_readable, used))
        except BaseException:
            connection.close()
            raise
        return used

    def _on_readable(self, used: EchoSocket, _mask: int) -> None:
        now_ns = self._clock.monotonic_ns()
        for _ in range(DATAGRAMS_READ_MAX):
            try:
                packet, sender = used.connection.recvfrom(DATAGRAM_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError:
                # The word of a router on an earlier request, which says nothing of the socket; answers behind it are read next.
                return
            self._take(used, packet, sender[0], now_ns)

    @staticmethod
    def _take(used: EchoSocket, packet: bytes, sender: str, now_ns: int) -> None:
        """Notes an answer, if it is one to a request of ours from the very host that was asked."""
        if used.is_raw and used.family == socket.AF_INET:
            packet = packet[(packet[0] & _IPV4_HEADER_LENGTH) * 4 :]
        if len(packet) < _ECHO.size or packet[0] != _ANSWER[used.family]:
            return
        token = packet[_ECHO.size : _ECHO.size + ECHO_TOKEN_BYTES]
        host, answered = used.waiting.get(token, ("", None))
        if answered is not None and host == sender.partition("%")[0] and not answered.done():
            answered.set_result(now_ns)


class Echo(Activity):
    """One request that was sent."""

    _used: EchoSocket
    _token: bytes
    answered: "asyncio.Future[int]"
    sent_ns: int

    def close(self) -> None:
        """Waits no longer."""
        self._used.waiting.pop(self._token, None)


def open_echo(family: socket.AddressFamily) -> tuple[socket.SocketType, bool]:
    """A socket for echo requests, and whether it is a raw one. Raises: ProbeFailed where the process may open neither."""
    try:
        return socket.SocketType(family, socket.SOCK_DGRAM | NONBLOCKING, _PROTOCOL[family]), False
    except OSError as error:
        if error.errno not in {*_DENIED, errno.EPROTONOSUPPORT}:
            raise
    try:
        return socket.SocketType(family, socket.SOCK_RAW | NONBLOCKING, _PROTOCOL[family]), True
    except OSError as error:
        if error.errno not in _DENIED:
            raise
    raise ProbeFailed(Outcome.UNKNOWN, Reason.PROBE_CRASHED, _missing_permission())


def _missing_permission() -> str:
    group = os.getgid()
    return (
        f"this process may not send echo requests: let its group {group} do so by"
        f" `sysctl -w net.ipv4.ping_group_range='{group} {group}'`, or give it the capability CAP_NET_RAW"
    )


def _only_answers(family: socket.AddressFamily) -> bytes:
    """The filter that keeps everything but answers from a raw socket, which gets all that comes to the machine."""
    answer = _ANSWER[family]
    if family == socket.AF_INET:
        return struct.pack("=I", ~(1 << answer) & 0xFFFF_FFFF)
    blocked = [0xFFFF_FFFF] * 8
    blocked[answer >> 5] &= ~(1 << (answer & 31))
    return struct.pack("=8I", *blocked)


def _request(used: EchoSocket, number: int, payload: bytes) -> bytes:
    kind = _REQUEST[used.family]
    header = _ECHO.pack(kind, 0, 0, used.identity, number)
    if not used.is_raw or used.family == socket.AF_INET6:
        # The system fills in the sum, and of an unprivileged socket the identity.
        return header + payload
    return _ECHO.pack(kind, 0, _checksum(header + payload), used.identity, number) + payload


def _checksum(data: bytes) -> int:
    """The sum of RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def make_icmp_prober(around: Surroundings) -> ConversingProber:
    """The prober of `icmp` probes."""
    sockets = Sockets(around.loop)
    echoes = EchoSockets(around.loop, around.clock, sockets)
    return ConversingProber(around, partial(_ping, echoes), sockets)


async def _ping(sockets: EchoSockets, probe: Icmp, course: AttemptCourse) -> Observation:
    """One attempt of an `icmp` probe."""
    addresses = await course.addresses(probe.host, probe.address_family)
    try:
        echoes = await course.spoken_with(
            addresses, probe.address_family, partial(_send_all, sockets, probe, course)
        )
    except OSError as error:
        code, host = error.errno or 0, course.ip or probe.host
        detail = f"{host}: {os.strerror(code)}"
        raise ProbeFailed(*verdict_of_connection(code, host, detail)) from None
    if probe.count > 1:
        await asyncio.wait(
            [echo.answered for echo in echoes], timeout=course.remaining_s * ECHO_WAIT_PERCENT / 100
        )
    if not any(echo.answered.done() for echo in echoes):
        # The first that comes now is the answer; where nothing comes, the deadline ends the wait.
        await _first_of(echoes)
    times_ns = [echo.answered.result() - echo.sent_ns for echo in echoes if echo.answered.done()]
    return _observed(times_ns, probe.count, course)


async def _send_all(
    sockets: EchoSockets, probe: Icmp, course: AttemptCourse, address: ResolvedAddress
) -> "list[Echo]":
    """Sends the requests, with a pause between two of them. Raises: OSError where the system refuses one."""
    echoes: list[Echo] = []
    for number in range(probe.count):
        if number:
            await asyncio.sleep(ECHO_PAUSE_NS / NS_PER_S)
        echo = sockets.send(address, number, probe)
        course.keep(echo)
        echoes.append(echo)
    return echoes


async def _first_of(echoes: list[Echo]) -> None:
    if len(echoes) == 1:
        await echoes[0].answered
    else:
        await asyncio.wait([echo.answered for echo in echoes], return_when=asyncio.FIRST_COMPLETED)


def _observed(times_ns: list[int], sent: int, course: AttemptCourse) -> Observation:
    course.connected = True
    course.response_time_ns = sum(times_ns) // len(times_ns)
    lost = 100 * (sent - len(times_ns)) / sent
    return course.observation(
        measurements=(
            Measurement("loss", lost, "%"),
            Measurement("round_trip_min", min(times_ns) / NS_PER_MS, "ms"),
            Measurement("round_trip_max", max(times_ns) / NS_PER_MS, "ms"),
        )
    )
