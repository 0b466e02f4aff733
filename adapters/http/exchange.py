"""One HTTP request and what came of it, as values: what the transport is given and what it gives back."""

from enum import StrEnum
from typing import Annotated

import msgspec

from ...domain import limits
from ...domain.specification.http.access import DigestAuth, Proxy
from ...domain.specification.http.header_rules import HttpVersion
from ...domain.specification.probe import AddressFamily, Tls
from ..net.certificates import PeerCertificate
from ..net.system_errors import SystemErrorMeaning

Headers = tuple[tuple[str, str], ...]


def completed(written: Headers, added: Headers) -> Headers:
    """The headers as written, and of those added the ones that are not written: what is written wins."""
    given = {name.lower() for name, _ in written}
    return (*written, *(pair for pair in added if pair[0].lower() not in given))


class Proxied(StrEnum):
    """The part of a proxy in a request."""

    NOT = "not"
    PLAIN = "plain"
    """It reads the request and passes it on."""
    TUNNEL = "tunnel"
    """It connects for any protocol, asked by CONNECT."""
    SOCKS = "socks"
    """It connects for any protocol, asked by SOCKS5."""


def has_tunnel(proxy_status: int) -> bool:
    """Whether the answer to CONNECT opens the tunnel."""
    return 200 <= proxy_status < 300


class HttpShape(msgspec.Struct, frozen=True, kw_only=True):
    """All of a request but where it goes and when it must end; requests of one shape share prepared handles.

    Method and headers come from a specification that was validated: nothing here looks for control characters again.
    """

    method: str = "GET"
    headers: Headers = ()
    body: bytes | None = None
    body_bytes_max: Annotated[int, msgspec.Meta(ge=0)] = limits.BODY_BYTES
    address_family: AddressFamily = "any"
    keep_connection: bool = False
    """Leave the connection for the next request to the same origin."""
    tls: Tls = Tls()
    connect_to: tuple[str, int] | None = None
    """Host and port to connect to in place of the URL's; its name still is what the certificate must prove."""
    deny_private_addresses: bool = False
    versions: tuple[HttpVersion, ...] = ()
    """The versions that are offered; without any, libcurl's own choice."""
    proxy: Proxy | None = None
    """The proxy between, but to the hosts that it excepts."""
    resolver: str | None = None
    """The name server that is asked, in place of the system's."""
    digest_auth: DigestAuth | None = None
    cookies: tuple[bytes, ...] = ()
    """The cookies that earlier answers of the same attempt set, as libcurl writes them; sent where they belong."""
    hands_on_cookies: bool = False
    """Whether any answer tells the cookies that were set until then, as that of a redirect does."""


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The result of one request. Times are nanoseconds since its beginning, 0 where a phase was not reached."""

    code: int = 0
    """Curl's result: 0 when an answer was read, wholly or up to the shape's cap of its body."""
    unconnected: SystemErrorMeaning | None = None
    """Why no address was found or none could be connected to, where that is known without libcurl; also, why TLS led to no HTTP."""
    error_number: int = 0
    """The operating system's word about it, 0 if it had none."""
    message: str = ""
    status: int = 0
    header: bytes = b""
    """The header lines of the answer as they came, those of interim answers before them."""
    body: bytes = b""
    """At most the shape's cap."""
    body_cut: bool = False
    """The body goes on behind the cap; nothing more of it was read."""
    wire_cut: bool = False
    """It was ended because framing alone had brought more bytes than the body and header may have."""
    refused_address: str | None = None
    ip: str = ""
    proxied: Proxied = Proxied.NOT
    proxy_status: int = 0
    """The proxy's answer to the request for a tunnel; 0 where there was none."""
    proxy_error: int = 0
    """Libcurl's number for what failed between it and a proxy of SOCKS."""
    redirect_url: str | None = None
    """Where a redirect leads, made absolute."""
    cookies: tuple[bytes, ...] = ()
    """Of a redirect, and where the shape asks for it: the cookies that it and the requests before it set."""
    reused_connection: bool = False
    certificate: PeerCertificate | None = None
    """The peer's certificate, if a handshake showed one."""
    name_ns: int = 0
    connect_ns: int = 0
    tls_ns: int = 0
    first_byte_ns: int = 0
    total_ns: int = 0
