"""The short way to a target: when it may be taken, and what is then sent."""

import socket
from urllib.parse import urlsplit

import pycurl

from ....domain.limits import DNS_FRESH_NS, HANDSHAKE_DOUBTS_MAX
from ....domain.specification.probe import Tls
from ...net.addresses import is_literal
from ..curl.curl_options import header_lines
from ..destination import Destination, Origin
from ..exchange import HttpAnswer, HttpShape
from .parser import read_plain
from .request import HeaderName, PlainRequest, RequestTarget, Secured


class FastPathEligibility:
    """Remembers whether the last answer had the common form, and which address gave it."""

    __slots__ = ("_barred_until_ns", "_destination", "_doubts", "_proven", "_request", "_shape", "_wire")

    def __init__(self, shape: HttpShape, destination: Destination, *, fast_tls: bool) -> None:
        self._shape = shape
        self._destination = destination
        usable = not destination.secure or (fast_tls and _usual(shape.tls, destination))
        self._wire = wire_of(shape, destination) if usable else None
        self._request: PlainRequest | None = None
        self._proven = False
        self._doubts = 0
        self._barred_until_ns = 0

    def request(self) -> PlainRequest | None:
        """Returns the request for the fast engine, or None while libcurl must carry it."""
        return self._request

    def observe(self, answer: HttpAnswer, now_ns: int) -> None:
        """Take the short way from now on if libcurl's answer had the common form."""
        if self._wire is None or now_ns < self._barred_until_ns:
            return
        self._request = None
        if not answer.code and answer.ip and read_plain(answer.header) is not None:
            self._request = self._by(answer.ip, self._wire)

    def _by(self, ip: str, wire: bytes) -> PlainRequest:
        shape, origin = self._shape, self._destination.origin
        return PlainRequest(
            to=self._to(ip),
            wire=wire,
            body_bytes_max=shape.body_bytes_max,
            named=not self._destination.literal,
            secured=Secured(shape.tls, origin.host) if self._destination.secure else None,
        )

    def _to(self, ip: str) -> RequestTarget | HeaderName:
        host, port = _connected_to(self._shape, self._destination.origin)
        if not is_literal(host):
            return HeaderName(host, port, self._shape.address_family, ip, self._shape.deny_private_addresses)
        if ":" in ip:
            return RequestTarget(socket.AF_INET6, (ip, port, 0, 0))
        return RequestTarget(socket.AF_INET, (ip, port))

    def accepts(self, answer: HttpAnswer, now_ns: int) -> bool:
        """Take note of an answer that came on the short way; False where libcurl is to try at once."""
        if not answer.code:
            self._proven, self._doubts = True, 0
        elif self._destination.secure and answer.connect_ns and not answer.tls_ns:
            return self._handshake_failed(answer, now_ns)
        elif not self._destination.literal and not answer.connect_ns:
            # Another address may help: the next attempt is libcurl's.
            self._request = None
        return True

    def _handshake_failed(self, answer: HttpAnswer, now_ns: int) -> bool:
        """The target's fault where the short way has succeeded before; else the two libraries may differ.

        A failure is never asked again to become a success: only what has yet to succeed at all is handed back,
        and after each such failure the short way is left alone for twice as long.
        """
        self._request = None
        proven, self._proven = self._proven, False
        if not proven:
            self._barred_until_ns = now_ns + (DNS_FRESH_NS << self._doubts)
            self._doubts = min(self._doubts + 1, HANDSHAKE_DOUBTS_MAX)
        return proven or answer.code == pycurl.E_OPERATION_TIMEDOUT

    def demote(self, now_ns: int) -> None:
        """An answer of another form: libcurl asks again, and goes on asking for a while."""
        self._request = None
        self._barred_until_ns = now_ns + DNS_FRESH_NS


def wire_of(shape: HttpShape, destination: Destination) -> bytes | None:
    """The bytes of a request that needs nothing of libcurl; None for every other."""
    parts = urlsplit(destination.url)
    if (
        shape.keep_connection
        or shape.method != "GET"
        or shape.body is not None
        or "/." in parts.path
        or "%" in (shape.connect_to or parts.netloc)
    ):
        return None
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    lines = [b"GET " + path.encode() + b" HTTP/1.1", *_lines(shape, destination.origin), b"", b""]
    return b"\r\n".join(lines)


def _usual(tls: Tls, destination: Destination) -> bool:
    """A peer to prove, no certificate of ours to show, and a name that means the same to everybody."""
    own = tls.certificate_file is not None or tls.key_file is not None
    return tls.verify and not own and not destination.origin.host.endswith(".")


def _connected_to(shape: HttpShape, origin: Origin) -> tuple[str, int]:
    """The host and the port that a connection is made to."""
    if shape.connect_to is None:
        return origin.host, origin.port
    host, _, port = shape.connect_to.rpartition(":")
    return host.strip("[]"), int(port)


def _lines(shape: HttpShape, origin: Origin) -> list[bytes]:
    """The header that libcurl would send. In its spelling `Name:` takes a line back and `Name;` sends an empty one."""
    asked = {line.rstrip(b";").partition(b":")[0].lower(): line for line in header_lines(shape)}
    ours = {b"host": b"Host: " + origin.host_header.encode(), b"accept": b"Accept: */*"}
    lines = {**ours, **asked}.values()
    kept = [line for line in lines if b": " in line or not line.endswith(b":")]
    return [line if b":" in line else line.removesuffix(b";") + b":" for line in kept]
