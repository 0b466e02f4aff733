"""A request that needs nothing but to be sent, as a value."""

from typing import NamedTuple

from ...net.names import ResolvedAddress
from ..exchange import HttpShape


class PlainRequest(NamedTuple):
    """A request that needs nothing but to be sent."""

    wire: bytes
    shape: HttpShape
    host: str
    """The connection is made to it."""
    port: int
    server_name: str | None = None
    """The name that the peer must prove by TLS; None where nothing is encrypted."""
    address: ResolvedAddress | None = None
    """The host where it is an address; None where it is a name."""
