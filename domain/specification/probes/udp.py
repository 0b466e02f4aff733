"""The `udp` probe as it is written: a datagram sent, and an answer expected."""

from typing import Annotated, ClassVar

import msgspec

from ..probe import AddressFamily, Port, TcpText
from .networked import NetworkProbe


class Udp(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="udp"):
    """A datagram is sent, and one is expected in return: without an answer nothing shows that anybody took it."""

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"})
    measures: ClassVar[tuple[str, ...]] = ("response_time", "dns", "availability")

    host: str
    """A host name or an address, without the port."""
    port: Port
    """The port, 1 to 65,535."""
    send: Annotated[TcpText, msgspec.Meta(min_length=1)]
    """The text of the datagram, in UTF-8."""
    expect: TcpText | None = None
    """A text that an answer must contain; default: any answer is good."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is spoken with."""

    @property
    def summary(self) -> str:
        return f"UDP {self.host}:{self.port}"

    def __repr__(self) -> str:
        # As that of a tcp probe, the text may be a login.
        return f"Udp({self.host!r}, {self.port}, send=***, expect={self.expect!r})"
