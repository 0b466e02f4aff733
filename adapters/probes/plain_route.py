"""The short way to a target: when it may be taken, and what is then sent."""

import socket
import sys
from urllib.parse import urlsplit

from ...domain.limits import DNS_FRESH_NS
from ..curl_options import header_lines, host_and_port
from ..destination import DEFAULT_PORTS, Destination, Origin
from ..exchange import HttpAnswer, HttpShape
from ..plain_answers import read_plain
from ..plain_http import PlainRequest

FOR_EVER = sys.maxsize


class PlainRoute:
    """Remembers whether the last answer had the common form, and which address gave it."""

    __slots__ = ("_barred_until_ns", "_body_bytes_max", "_destination", "_request", "_until_ns", "_wire")

    def __init__(self, shape: HttpShape, destination: Destination) -> None:
        self._destination = destination
        self._body_bytes_max = shape.body_bytes_max
        self._wire = wire_of(shape, destination)
        self._request: PlainRequest | None = None
        self._until_ns = 0
        self._barred_until_ns = 0

    def request(self, now_ns: int) -> PlainRequest | None:
        """What to send without libcurl; None while libcurl is to ask."""
        return self._request if now_ns < self._until_ns else None

    def learn(self, answer: HttpAnswer, now_ns: int) -> None:
        """Take the short way from now on if libcurl's answer had the common form, until names are looked up again."""
        if self._wire is None or now_ns < self._barred_until_ns:
            return
        self._request = None
        if not answer.code and answer.ip and read_plain(answer.header) is not None:
            self._request = self._to(answer.ip, self._wire)
            self._until_ns = FOR_EVER if self._destination.literal else now_ns + DNS_FRESH_NS

    def _to(self, ip: str, wire: bytes) -> PlainRequest:
        port = self._destination.origin.port
        six = ":" in ip
        return PlainRequest(
            family=socket.AF_INET6 if six else socket.AF_INET,
            address=(ip, port, 0, 0) if six else (ip, port),
            wire=wire,
            body_bytes_max=self._body_bytes_max,
            named=not self._destination.literal,
        )

    def forget(self, now_ns: int) -> None:
        """An answer of another form: libcurl asks again, and goes on asking for a while."""
        self._request = None
        self._barred_until_ns = now_ns + DNS_FRESH_NS


def wire_of(shape: HttpShape, destination: Destination) -> bytes | None:
    """The bytes of a request that needs nothing of libcurl; None for every other."""
    parts = urlsplit(destination.url)
    guarded = destination.secure or shape.keep_connection or shape.connect_to or shape.deny_private_addresses
    if (
        guarded
        or shape.method != "GET"
        or shape.body is not None
        or "/." in parts.path
        or "%" in parts.netloc
    ):
        return None
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    lines = [b"GET " + path.encode() + b" HTTP/1.1", *_lines(shape, destination.origin), b"", b""]
    return b"\r\n".join(lines)


def _lines(shape: HttpShape, origin: Origin) -> list[bytes]:
    """The header that libcurl would send. In its spelling `Name:` takes a line back and `Name;` sends an empty one."""
    asked = {line.rstrip(b";").partition(b":")[0].lower(): line for line in header_lines(shape)}
    ours = {b"host": b"Host: " + _host(origin).encode(), b"accept": b"Accept: */*"}
    lines = {**ours, **asked}.values()
    kept = [line for line in lines if b": " in line or not line.endswith(b":")]
    return [line if b":" in line else line.removesuffix(b";") + b":" for line in kept]


def _host(origin: Origin) -> str:
    if origin.port == DEFAULT_PORTS[origin.scheme]:
        return f"[{origin.host}]" if ":" in origin.host else origin.host
    return host_and_port(origin.host, origin.port)
