"""The short way to a target: when it may be taken, and what is then sent."""

import socket
from urllib.parse import urlsplit

import pycurl

from ....domain.limits import DNS_FRESH_NS, HANDSHAKE_DOUBTS_MAX
from ....domain.specification.probe import Tls
from ...net.addresses import is_literal
from ...net.names import ResolvedAddress
from ...net.secure_contexts import OLD_VERSIONS, oldest_version
from ..curl.curl_options import headers_of
from ..destination import Destination, Origin
from ..exchange import HttpAnswer, HttpShape
from .parser import read_plain
from .request import PlainRequest


class FastPathEligibility:
    """Remembers whether the last answer had the common form."""

    __slots__ = ("_barred_until_ns", "_doubts", "_literal", "_prepared", "_proven", "_secure", "request")

    def __init__(self, shape: HttpShape, destination: Destination, *, fast_tls: bool) -> None:
        usable = not destination.secure or (fast_tls and _usual(shape.tls, destination))
        self._prepared = prepared(shape, destination) if usable else None
        self._secure = destination.secure
        self._literal = is_literal(shape.connect_to[0] if shape.connect_to else destination.origin.host)
        self.request: PlainRequest | None = None
        """The request for the fast engine; None while libcurl must carry it."""
        self._proven = False
        self._doubts = 0
        self._barred_until_ns = 0

    def observe(self, answer: HttpAnswer, now_ns: int) -> None:
        """Take the short way from now on if libcurl's answer had the common form."""
        if self._prepared is None or now_ns < self._barred_until_ns:
            return
        self.request = None
        if not answer.code and answer.ip and read_plain(answer.header) is not None:
            # Kept as the one that is prepared, too: only the address differs, and the next answer gives its own.
            self._prepared = self.request = self._by(self._prepared, answer.ip)

    def _by(self, request: PlainRequest, ip: str) -> PlainRequest:
        """The request to the address that libcurl got through to."""
        if not self._literal:
            return request
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        return request._replace(address=ResolvedAddress(family, ip))

    def accepts(self, answer: HttpAnswer, now_ns: int) -> bool:
        """Take note of an answer that came on the short way; False where libcurl is to try at once."""
        if not answer.code:
            self._proven, self._doubts = True, 0
        elif self._secure and answer.connect_ns and not answer.tls_ns:
            return self._handshake_failed(answer, now_ns)
        return True

    def _handshake_failed(self, answer: HttpAnswer, now_ns: int) -> bool:
        """The target's fault where the short way has succeeded before; else the two libraries may differ.

        A failure is never asked again to become a success: only what has yet to succeed at all is handed back,
        and after each such failure the short way is left alone for twice as long.
        """
        self.request = None
        proven, self._proven = self._proven, False
        if not proven:
            self._barred_until_ns = now_ns + (DNS_FRESH_NS << self._doubts)
            self._doubts = min(self._doubts + 1, HANDSHAKE_DOUBTS_MAX)
        return proven or answer.code == pycurl.E_OPERATION_TIMEDOUT

    def demote(self, now_ns: int) -> None:
        """An answer of another form: libcurl asks again, and goes on asking for a while."""
        self.request = None
        self._barred_until_ns = now_ns + DNS_FRESH_NS


def prepared(shape: HttpShape, destination: Destination) -> PlainRequest | None:
    """A request that needs nothing of libcurl but the address; None for every other."""
    parts, origin = urlsplit(destination.url), destination.origin
    host, port = shape.connect_to or (origin.host, origin.port)
    if (
        shape.keep_connection
        or shape.proxy is not None
        or shape.digest_auth is not None
        or shape.method != "GET"
        or shape.body is not None
        or "/." in parts.path
        or "%" in host
        or not _speaks(shape, destination)
    ):
        return None
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    lines = [f"GET {path} HTTP/1.1", *_header_lines(shape, origin), "", ""]
    server_name = origin.host if destination.secure else None
    return PlainRequest("\r\n".join(lines).encode(), shape, host, port, server_name)


def _speaks(shape: HttpShape, destination: Destination) -> bool:
    """Whether HTTP/1.1 may be spoken, and nothing else be tried first."""
    return not shape.versions or (
        "1.1" in shape.versions and not (destination.secure and "3" in shape.versions)
    )


def _usual(tls: Tls, destination: Destination) -> bool:
    """A peer to prove by TLS 1.2 or newer, no certificate of ours to show, and a name that means the same to everybody."""
    if oldest_version(tls) in OLD_VERSIONS:
        return False
    own = tls.certificate_file is not None or tls.key_file is not None
    return tls.verify and not own and not destination.origin.host.endswith(".")


def _header_lines(shape: HttpShape, origin: Origin) -> list[str]:
    """The header that libcurl would send."""
    ours = {"host": ("Host", origin.host_header), "accept": ("Accept", "*/*")}
    asked = {name.lower(): (name, value) for name, value in headers_of(shape)}
    pairs = {**ours, **asked}.values()
    return [f"{name}: {value}" if value.strip() else f"{name}:" for name, value in pairs if value is not None]
