"""Where a request comes from: its door, its headers, the address of its client, and the page that sent it."""

from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from ..domain.line import one_line
from ..domain.specification.web import Role, Web
from ..host.access.doors import Door
from .limits import LEADS_TO_CHARACTERS_MAX

SOCKET = "socket"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
FORWARDING = frozenset(
    {b"forwarded", b"via", b"x-real-ip", b"x-client-ip", b"cf-connecting-ip", b"true-client-ip"}
)
"""Headers that proxies add, beside all that begin with `x-forwarded-`."""
SAFE_IN_PATHS = "/:@!$&'()*+,;=~"
"""The signs that stand in a path as they are, beside letters, digits, hyphens, dots and underscores."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestHeaders:
    """The headers of a request, as an ASGI scope has them."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._pairs: Iterable[tuple[bytes, bytes]] = scope.get("headers", ())

    def all(self, name: bytes) -> list[str]:
        """Returns every value of a header."""
        return [value.decode("latin-1") for key, value in self._pairs if key.lower() == name]

    def has_any(self, fits: Callable[[bytes], bool]) -> bool:
        """Whether the name of a header fits."""
        return any(fits(key.lower()) for key, _ in self._pairs)

    def one(self, name: bytes) -> str | None:
        """Returns the value of a header that stands once; None otherwise."""
        found = self.all(name)
        return found[0] if len(found) == 1 else None


class Visit(NamedTuple):
    """One request on its way in."""

    scope: Mapping[str, Any]
    headers: RequestHeaders
    door: Door | None
    """None where a host serves the application."""
    web: Web | None
    """The rules of the door as the request came."""
    rules: Callable[[], Web | None]
    """Returns the rules of the door as they are now: a reload replaces them."""
    where: str
    """The address of the client."""

    @classmethod
    def of(cls, scope: Mapping[str, Any], door: Door | None, mounted: Callable[[], Web | None]) -> Self:
        """Returns the visit; `mounted` gives the rules where a host serves the application."""
        rules = mounted if door is None else lambda: door.web
        web, headers = rules(), RequestHeaders(scope)
        return cls(scope, headers, door, web, rules, client_of(scope, headers, web))

    @property
    def is_by_socket(self) -> bool:
        """Whether it came by the control socket."""
        return self.door is not None and self.door.web is None

    @property
    def mount(self) -> str:
        """The place of the application, as a digest of a cookie's name has it."""
        # Of a host's server the port: the browser itself keeps the names of machines apart.
        _, port = self.scope.get("server") or ("", None)
        return f"{self.door.url if self.door else f':{port}'}{self.scope.get('root_path', '')}"

    @property
    def is_encrypted(self) -> bool:
        return is_encrypted(self.scope, self.headers, self.web)

    @property
    def changes(self) -> bool:
        """Whether its method may change anything."""
        return self.scope["method"] not in SAFE_METHODS


def always() -> bool:
    """The right of the user of the control socket, and of a host that says itself who asks."""
    return True


class Author(NamedTuple):
    """The one who asks or commands."""

    name: str
    role: Role | None
    where: str
    """The address, or `socket`."""
    may_still: Callable[[], bool] = always
    """Whether their right to see still stands, for an answer that has no end."""


def client_of(scope: Mapping[str, Any], headers: RequestHeaders, web: Web | None) -> str:
    """Returns the address of the client: behind a trusted proxy the last one that no trusted proxy has."""
    client = scope.get("client")
    address = str(client[0]) if client else SOCKET
    if web is None or not web.trusted_proxies:
        return address
    hops = [hop.strip() for line in headers.all(b"x-forwarded-for") for hop in line.split(",")]
    while hops and _is_trusted(address, web):
        address = _without_port(hops.pop())
    return one_line(address, 64)


def _without_port(hop: str) -> str:
    """Returns the address of a hop. Some proxies add the port, which a client changes as it likes, and with it its rates."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _is_trusted(address: str, web: Web) -> bool:
    try:
        return any(ip_address(address) in ip_network(network) for network in web.trusted_proxies)
    except ValueError:
        return False


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine alone."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def is_of_this_machine(scope: Mapping[str, Any], headers: RequestHeaders) -> bool:
    """Whether a program of this machine sent the request, by no proxy, to a name of this machine."""
    client = scope.get("client")
    if not client or not is_loopback(str(client[0])) or is_forwarded(scope, headers):
        return False
    return host_name(headers.one(b"host") or "") in LOOPBACK_NAMES


def is_forwarded(scope: Mapping[str, Any], headers: RequestHeaders) -> bool:
    """Whether a proxy seems to have sent the request: by its header, or by HTTP/1.0, which nginx speaks by default."""
    return scope.get("http_version") == "1.0" or headers.has_any(
        lambda name: name in FORWARDING or name.startswith(b"x-forwarded-")
    )


def is_encrypted(scope: Mapping[str, Any], headers: RequestHeaders, web: Web | None) -> bool:
    """Whether the client speaks TLS: to the server of a host, or to a trusted proxy that says so."""
    if scope.get("scheme") == "https":
        return True
    client = scope.get("client")
    if web is None or not client or not _is_trusted(str(client[0]), web):
        return False
    return headers.one(b"x-forwarded-proto") == "https"


def host_name(host: str) -> str:
    """Returns the name in a `Host` header; empty for one that is malformed."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        return name if bracket and (not port or port[1:].isdigit()) else ""
    name, _, port = host.partition(":")
    return name.lower() if not port or port.isdigit() else ""


def is_foreign(headers: RequestHeaders) -> bool:
    """Whether the page of another origin made the browser send this request. A program that is no browser is none."""
    sites, origins = headers.all(b"sec-fetch-site"), headers.all(b"origin")
    if sites:
        return sites not in (["same-origin"], ["none"])
    return bool(origins) and not _names_host(origins, headers)


def is_own(headers: RequestHeaders) -> bool:
    """Whether a browser says that a page of this origin sent the request; without a word about it, no."""
    sites, origins = headers.all(b"sec-fetch-site"), headers.all(b"origin")
    return not is_foreign(headers) and (bool(origins) or sites == ["same-origin"])


def _names_host(origins: list[str], headers: RequestHeaders) -> bool:
    """Whether the one origin has the name and the port of `Host`. The scheme is not compared: a proxy may speak TLS."""
    host = headers.one(b"host")
    try:
        return len(origins) == 1 and bool(host) and urlsplit(origins[0]).netloc.lower() == host.lower()  # type: ignore[union-attr]
    except ValueError:
        return False


def relative_target(text: str) -> str | None:
    """Returns a path of this site to lead a browser to; None for a text that may lead to another one."""
    if not text.startswith("/") or text.startswith("//") or len(text) > LEADS_TO_CHARACTERS_MAX:
        return None
    # A browser takes a backslash for a slash, and drops tabs and line ends.
    return text if text.isascii() and text.isprintable() and "\\" not in text and " " not in text else None
