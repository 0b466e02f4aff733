"""A request that needs nothing but to be sent, as values."""

import socket
from typing import NamedTuple

from ....domain.specification.probe import AddressFamily, Tls


class RequestTarget(NamedTuple):
    """Where to connect, as a socket wants it."""

    family: socket.AddressFamily
    address: tuple[str, int] | tuple[str, int, int, int]


class HeaderName(NamedTuple):
    """A host whose addresses are looked up."""

    host: str
    port: int
    family: AddressFamily
    preferred: str
    """The address that libcurl got through to: the one to take where there are several."""
    public_only: bool


class Secured(NamedTuple):
    """How the peer is judged, and the name it must prove."""

    tls: Tls
    server_name: str


class PlainRequest(NamedTuple):
    """A request that needs nothing but to be sent."""

    to: RequestTarget | HeaderName
    wire: bytes
    body_bytes_max: int
    named: bool
    """There may be other addresses: libcurl is to try when this one cannot be reached."""
    secured: Secured | None = None
