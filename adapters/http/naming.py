"""Connecting to one host under another's name."""

import msgspec

from ...domain.specification.probe import Tls
from .destination import Destination, with_host
from .exchange import Headers


class Naming(msgspec.Struct, frozen=True):
    """Where to connect, and under which name the certificate must be proven."""

    destination: Destination
    connect_to: tuple[str, int] | None = None
    headers: Headers = ()
    """Options that pin the request's host to that of the URL."""


def naming_of(written: Destination, tls: Tls) -> Naming:
    """Curl asks for and proves the name in the URL alone, so `server_name` goes there and the host beside it."""
    if not tls.server_name:
        return Naming(written)
    origin = written.origin
    return Naming(
        destination=with_host(written, tls.server_name),
        connect_to=(origin.host, origin.port),
        headers=(("Host", origin.host_header),),
    )
