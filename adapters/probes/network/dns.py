"""The `dns` probe: one question to one name server, and its answer judged.

Questions to one server share a socket for a while, whichever target asks: opening one costs more than asking.
"""

import asyncio
import secrets
import socket
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import msgspec

from ....domain.limits import (
    BODY_BYTES,
    DATAGRAM_BYTES_MAX,
    DATAGRAMS_READ_MAX,
    EXPECTATIONS_KEPT,
    NAME_SOCKET_USES_MAX,
    NAME_SOCKETS_KEPT,
)
from ....domain.line import one_line
from ....domain.observation.observation import Measurement, Observation
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.matcher import compiled_pattern
from ....domain.specification.probes.dns import Dns, DnsRecords
from ...activity import Activity
from ...net.names import ResolvedAddress
from ...net.readiness import READABLE
from ...net.sockets import NONBLOCKING, Sockets
from ..conversing import ConversingProber
from ..course import AttemptCourse, ProbeFailed, Surroundings, down
from ..secured import open_wire
from .dns_message import DnsAnswer, DnsQuestion, ResourceRecord, answers, ask, is_cut, read

RESOLV_CONF = Path("/etc/resolv.conf")
ServerPlace = tuple[ResolvedAddress, int]


class NameSocket(Activity):
    """A socket that is connected to one name server, and the questions that wait for their answers there."""

    place: ServerPlace
    connection: socket.SocketType
    uses: int = 0
    waiting: dict[int, "tuple[DnsQuestion, asyncio.Future[bytes]]"] = msgspec.field(default_factory=dict)

    @property
    def is_spent(self) -> bool:
        return self.uses >= NAME_SOCKET_USES_MAX


class NameSockets:
    """The sockets of all questions by UDP, one for each name server at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sockets: Sockets) -> None:
        self._loop = loop
        self._sockets = sockets
        self._open: dict[ServerPlace, NameSocket] = {}

    async def exchange(self, place: ServerPlace, question: DnsQuestion) -> bytes:
        """The answer of a server.

        Raises: OSError where the system knows that none comes, such as of a port where nobody listens; ProbeFailed where two
        questions under way would have one number.
        """
        used = self._socket_for(place)
        if question.number in used.waiting:
            raise ProbeFailed(Outcome.UNKNOWN, Reason.OVERLOADED, "two questions have the same number")
        answered: asyncio.Future[bytes] = self._loop.create_future()
        used.waiting[question.number] = question, answered
        used.uses += 1
        try:
            used.connection.send(question.message)
            return await answered
        finally:
            used.waiting.pop(question.number, None)
            self._retire(used)

    def _socket_for(self, place: ServerPlace) -> NameSocket:
        used = self._open.get(place)
        if used is not None and not used.is_spent:
            return used
        address, port = place
        connection = socket.SocketType(address.family, socket.SOCK_DGRAM | NONBLOCKING)
        try:
            connection.setblocking(False)
            connection.connect(address.with_port(port))
            fresh = self._open[place] = NameSocket(place, connection)
            self._sockets.listen(connection, READABLE, partial(self._on_readable, fresh))
        except BaseException:
            connection.close()
            raise
        return fresh

    def _retire(self, used: NameSocket) -> None:
        """Closes a socket on which no question waits, where it is spent, another is in its place, or too many are open."""
        if used.waiting:
            return
        replaced = self._open.get(used.place) is not used
        if replaced or used.is_spent or len(self._open) > NAME_SOCKETS_KEPT:
            self._sockets.close(used.connection)
            if not replaced:
                del self._open[used.place]

    def _on_readable(self, used: NameSocket, _mask: int) -> None:
        for _ in range(DATAGRAMS_READ_MAX):
            try:
                message = used.connection.recv(DATAGRAM_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError as error:
                self._fail(used, error)
                return
            self._take(used, message)

    @staticmethod
    def _take(used: NameSocket, message: bytes) -> None:
        """Gives a message to the question that it answers, if there is one."""
        found = used.waiting.get(int.from_bytes(message[:2]))
        if found is None:
            return
        question, answered = found
        if answers(question, message) and not answered.done():
            answered.set_result(message)

    def _fail(self, used: NameSocket, error: OSError) -> None:
        """Ends every question on a socket; the error may come when the last of them has given up."""
        used.uses = NAME_SOCKET_USES_MAX
        for _, answered in used.waiting.values():
            if not answered.done():
                answered.set_exception(OSError(error.errno, error.strerror))
        self._retire(used)


def make_dns_prober(around: Surroundings) -> ConversingProber:
    """The prober of `dns` probes."""
    sockets = Sockets(around.loop)
    return ConversingProber(around, partial(_ask, NameSockets(around.loop, sockets)), sockets)


async def _ask(sockets: NameSockets, probe: Dns, course: AttemptCourse) -> Observation:
    """One attempt of a `dns` probe."""
    question = ask(probe.name, probe.type, secrets.randbits(16), recursion=probe.recursion)
    server = probe.server or _system_server()
    if probe.transport == "udp":
        message = await _by_udp(sockets, probe, server, question, course)
        if is_cut(message):
            message = await _by_connection(probe, server, question, course)
    else:
        message = await _by_connection(probe, server, question, course)
    course.response_time_ns, course.connected = course.spent_ns(), True
    try:
        answer = read(question, message)
    except ValueError as error:
        raise down(Reason.PROTOCOL_ERROR, str(error)) from None
    return _observed(probe, answer, course)


async def _by_udp(
    sockets: NameSockets, probe: Dns, server: str, question: DnsQuestion, course: AttemptCourse
) -> bytes:
    addresses = await course.addresses(server, probe.address_family)

    async def exchange(address: ResolvedAddress) -> bytes:
        return await sockets.exchange((address, probe.server_port), question)

    return await course.spoken_with(addresses, probe.address_family, exchange)


async def _by_connection(probe: Dns, server: str, question: DnsQuestion, course: AttemptCourse) -> bytes:
    tls = probe.tls if probe.transport == "tls" else None
    wire = await open_wire(course, server, probe.server_port, probe.address_family, tls)
    course.stage = f"before {course.ip} answered"
    await wire.write(len(question.message).to_bytes(2) + question.message)
    message = await wire.read_exactly(int.from_bytes(await wire.read_exactly(2)))
    if not answers(question, message):
        raise down(Reason.PROTOCOL_ERROR, "the answer is to another question")
    return message


def _observed(probe: Dns, answer: DnsAnswer, course: AttemptCourse) -> Observation:
    body = msgspec.json.encode(answer)
    facts: dict[str, Any] = {
        "dns_rcode": answer.rcode,
        "body": body[:BODY_BYTES],
        "body_cut": len(body) > BODY_BYTES,
        "measurements": _measured(answer),
    }
    if answer.rcode not in (probe.rcodes or ("NOERROR",)):
        said = f"the server answers {answer.rcode}"
        return course.observation((Outcome.DOWN, Reason.UNEXPECTED_ANSWER, said), **facts)
    fault = next(_faults(probe, answer), "")
    if fault:
        return course.observation((Outcome.DOWN, Reason.UNEXPECTED_ANSWER, one_line(fault)), **facts)
    return course.observation(**facts)


def _measured(answer: DnsAnswer) -> tuple[Measurement, ...]:
    ttls = [each.ttl for each in answer.answer]
    count = Measurement("answers", float(len(answer.data)))
    return (count, Measurement("ttl", float(min(ttls)), "s")) if ttls else (count,)


def _faults(probe: Dns, answer: DnsAnswer) -> Iterator[str]:
    """Why the records are not as they must be."""
    for part, rules, records in (
        ("answer", probe.answer, answer.answer),
        ("authority", probe.authority, answer.authority),
        ("additional", probe.additional, answer.additional),
    ):
        yield from _faults_of(part, rules, records)


def _faults_of(part: str, rules: DnsRecords, records: list[ResourceRecord]) -> Iterator[str]:
    lines = [record.line for record in records]
    for pattern in rules.any_match:
        if not any(_matches(pattern, line) for line in lines):
            yield f"no record of the {part} matches {pattern}"
    for pattern in rules.all_match:
        odd = next((line for line in lines if not _matches(pattern, line)), None)
        if odd is not None:
            yield f"a record of the {part} does not match {pattern}: {odd}"
    for pattern in rules.none_match:
        odd = next((line for line in lines if _matches(pattern, line)), None)
        if odd is not None:
            yield f"a record of the {part} matches {pattern}: {odd}"
    for pattern in rules.not_all_match:
        if lines and all(_matches(pattern, line) for line in lines):
            yield f"every record of the {part} matches {pattern}"


_compiled = lru_cache(EXPECTATIONS_KEPT)(compiled_pattern)


def _matches(pattern: str, line: str) -> bool:
    return _compiled(pattern).search(line.encode("utf-8", "replace")) is not None


def _system_server() -> str:
    """The first name server of the system. Raises: ProbeFailed where there is none."""
    try:
        lines = RESOLV_CONF.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    words = (line.split() for line in lines)
    server = next((line[1] for line in words if len(line) > 1 and line[0] == "nameserver"), None)
    if server is None:
        raise ProbeFailed(Outcome.UNKNOWN, Reason.BLIND, "the system names no name server: see resolv.conf")
    return server
