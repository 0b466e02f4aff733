"""The `udp` probe: a datagram sent, and an answer to it."""

import os
import socket
from functools import partial

from ....domain.limits import BODY_BYTES, DATAGRAM_BYTES_MAX, DATAGRAMS_READ_MAX
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.udp import Udp
from ...net.names import ResolvedAddress
from ...net.readiness import EDGE, READABLE
from ...net.sockets import NONBLOCKING, verdict_of_connection
from ..course import AttemptCourse, Opened, ProbeFailed, down


async def send_datagram(probe: Udp, course: AttemptCourse) -> Observation:
    """One attempt of a `udp` probe. Raises: ProbeFailed."""
    addresses = await course.addresses(probe.host, probe.address_family)
    try:
        return await course.spoken_with(addresses, probe.address_family, partial(_exchange, probe, course))
    except OSError as error:
        # The word of the host that nobody listens comes as an error of the next call.
        number, host = error.errno or 0, course.ip or probe.host
        detail = f"{host} port {probe.port}: {os.strerror(number)}"
        raise ProbeFailed(*verdict_of_connection(number, host, detail)) from None


async def _exchange(probe: Udp, course: AttemptCourse, address: ResolvedAddress) -> Observation:
    connection = socket.SocketType(address.family, socket.SOCK_DGRAM | NONBLOCKING)
    course.keep(Opened(course.sockets, connection))
    connection.setblocking(False)
    connection.connect(address.with_port(probe.port))
    connection.send(probe.send.encode())
    return await _answered(probe, connection, course)


async def _answered(probe: Udp, connection: socket.SocketType, course: AttemptCourse) -> Observation:
    """Reads until an answer holds the expected text: others may come before it."""
    expected, datagrams, received_bytes = (probe.expect or "").encode(), 0, 0
    while datagrams < DATAGRAMS_READ_MAX and received_bytes <= BODY_BYTES:
        try:
            answer = connection.recv(DATAGRAM_BYTES_MAX)
        except BlockingIOError:
            await course.ready(connection, READABLE | EDGE)
            continue
        course.connected = True
        course.first_byte_ns = course.first_byte_ns or course.spent_ns()
        datagrams, received_bytes = datagrams + 1, received_bytes + len(answer)
        if expected in answer:
            return course.observation(body=answer[:BODY_BYTES], body_cut=len(answer) > BODY_BYTES)
        course.stage = "before the expected text came"
    said = f"{datagrams} datagrams of {received_bytes} bytes together came without the expected text"
    raise down(Reason.BODY_TOO_LARGE, said)
