"""The `grpc` probe as it is written: one question to the health service of a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

import msgspec

from .... import limits
from ...probe import AddressFamily, Port, Tls
from ...text import Pairs, as_pairs
from ..networked import Library, NetworkProbe

ServiceName = Annotated[str, msgspec.Meta(max_length=limits.GRPC_NAME_CHARACTERS_MAX)]


class Grpc(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="grpc"):
    """A question to the health service of gRPC, `grpc.health.v1.Health/Check`. It is up where the answer is SERVING.

    `[BODY]` holds the status, such as `SERVING`.
    """

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"})
    measures: ClassVar[tuple[str, ...]] = (
        "response_time",
        "dns",
        "connect",
        "tls",
        "first_byte",
        "availability",
    )
    library: ClassVar[Library | None] = Library("h2", "h2", "grpc")

    host: str
    """A host name or an address, without the port."""
    port: Port
    """The port, 1 to 65,535."""
    service: ServiceName = ""
    """The service that is asked about, such as `shop.Orders`; default: the server as a whole."""
    metadata: Pairs = ()
    """Metadata that is sent with the call, by name."""
    tls: Tls | None = None
    """TLS from the first byte, and how the certificate is judged; default: in clear."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is connected to."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        service: str = ...,
        metadata: Mapping[str, str] | Pairs = ...,
        tls: Tls | None = ...,
        address_family: AddressFamily = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "metadata", as_pairs(self.metadata))

    @property
    def summary(self) -> str:
        return f"gRPC health of {self.service or 'the server'} at {self.host}:{self.port}"

    def named_texts(self) -> Iterator[tuple[str, str]]:
        yield from as_pairs(self.metadata)

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in as_pairs(self.metadata))
        return f"Grpc({self.host!r}, {self.port}, service={self.service!r}, metadata=[{names}], tls={self.tls!r})"
