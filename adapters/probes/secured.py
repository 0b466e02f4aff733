"""Connections that are TLS from the first byte, or become so in the words of their protocol, as the probe states it."""

import ssl
from collections.abc import Callable

from ...domain.specification.probe import AddressFamily, Tls, TlsVersion
from ...domain.validation.network import ascii_host
from ..net.conversation.peer_talk import Securing
from ..net.secure_contexts import client_context
from ..net.wire import Wire
from .course import AttemptCourse


def securing(host: str, tls: Tls, now_ns: Callable[[], int], oldest: TlsVersion | None = None) -> Securing:
    """The means of a handshake with a host. Raises: UnusableFileError."""
    return Securing(client_context(tls, oldest), tls.server_name or ascii_host(host), now_ns)


async def open_wire(
    course: AttemptCourse,
    host: str,
    port: int,
    family: AddressFamily,
    tls: Tls | None,
    protocols: tuple[str, ...] = (),
) -> Wire:
    """A connection, by TLS where it is stated. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    context = None if tls is None else client_context(tls, protocols=protocols)
    wire = Wire(await course.connect(host, port, family), course.ready)
    if tls is not None and context is not None:
        await secure(course, wire, host, tls, context)
    return wire


async def secure(
    course: AttemptCourse, wire: Wire, host: str, tls: Tls, context: ssl.SSLContext
) -> ssl.SSLObject:
    """Begins TLS on a connection, and takes the time of it. Raises: WireBroken."""
    began_ns, course.stage = course.now_ns(), "in the TLS handshake"
    agreed = await wire.encrypt(context, tls.server_name or ascii_host(host))
    course.tls_ns = course.now_ns() - began_ns
    return agreed
