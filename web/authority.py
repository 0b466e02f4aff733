"""Authority: who asks, by which token, from where, with which role, and how often."""

import asyncio
import hmac
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

from ..domain.limits import NAME_CHARACTERS_MAX
from ..domain.line import first_line, one_line
from ..domain.specification.web import Role, Token, Web
from ..host.doors import Actor, Door
from . import limits
from .problems import Refusal
from .table import Author

logger = logging.getLogger(__name__)
SOCKET = "socket"
AUTHOR = b"watchkeeper-author"
"""The header by which a program says on the control socket who commands; it is read nowhere else."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
FORWARDING = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"x-forwarded-host", b"via")


def _digest_of(token: str) -> str:
    """Returns the digest of a token, whatever a client sends in its place."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class RequestHeaders:
    """The headers of a request, as an ASGI scope has them."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._pairs: Iterable[tuple[bytes, bytes]] = scope.get("headers", ())

    def all(self, name: bytes) -> list[str]:
        """Returns every value of a header."""
        return [value.decode("latin-1") for key, value in self._pairs if key.lower() == name]

    def one(self, name: bytes) -> str | None:
        """Returns the value of a header that stands once; None otherwise."""
        found = self.all(name)
        return found[0] if len(found) == 1 else None


class Authority:
    """Decides who the author of a request is, by the rules of the door that it came in by."""

    def __init__(self, actor: Actor | None = None) -> None:
        self._actor = actor
        self._rates = Rates(limits.RATE_PER_S, limits.BURST_MAX)
        self._failed = Rates(
            limits.FAILED_LOGINS_MAX / limits.FAILED_LOGINS_WITHIN_S, limits.FAILED_LOGINS_MAX
        )

    def author_of(self, scope: Mapping[str, Any], door: Door | None, web: Web | None) -> Author:
        """Returns the author. Their role is None where nothing gives one.

        `door` is None where a host serves the application; `web` are the rules of the door.

        Raises: Refusal of a token that is unknown, and of too many requests.
        """
        if door is not None and door.web is None:
            # The user of the socket is the one that the process runs as: their word for who they are is as good as ours.
            said = RequestHeaders(scope).one(AUTHOR) or "control socket"
            return Author(first_line(said, NAME_CHARACTERS_MAX), Role.ADMIN, SOCKET)
        headers = RequestHeaders(scope)
        where = client_of(scope, headers, web)
        author = self._named(scope, headers, where, web)
        if author is None:
            author = Author("anonymous", _anonymous_role(scope, headers, door, web), where)
        if not self._rates.allow(f"{author.name}@{where}" if author.role is None else author.name + where):
            raise Refusal(
                429, "more requests than one client may send: wait a second", headers=[("retry-after", "1")]
            )
        return author

    def _named(
        self, scope: Mapping[str, Any], headers: RequestHeaders, where: str, web: Web | None
    ) -> Author | None:
        """Returns the author by the host's word or by a token; None where the request has neither."""
        if self._actor is not None:
            said = self._actor(scope)
            return (
                Author("unknown", None, where)
                if said is None
                else Author(one_line(said[0]), Role(said[1]), where)
            )
        presented = _bearer(headers)
        if presented is None:
            return None
        if not self._failed.has_left(where):
            raise Refusal(
                429,
                "too many unknown tokens from this address: wait a minute",
                headers=[("retry-after", "60")],
            )
        token = _token_of(presented, () if web is None else web.tokens)
        if token is None:
            self._failed.allow(where)
            logger.warning("An unknown token was sent from %s", where)
            raise _unauthorised("this token is unknown")
        return Author(token.name, token.role, where)


def stranger(scope: Mapping[str, Any], web: Web | None) -> Author:
    """Returns the author of a request to a route that is open to all: their address alone counts."""
    return Author("anonymous", None, client_of(scope, RequestHeaders(scope), web))


def _unauthorised(detail: str) -> Refusal:
    return Refusal(401, detail, headers=[("www-authenticate", 'Bearer realm="watchkeeper"')])


def require(author: Author, role: Role) -> None:
    """Raises: Refusal where the author may not do what the role is for."""
    if author.role is None:
        raise _unauthorised("send a token: `Authorization: Bearer wk_...`")
    if not author.role.includes(role):
        raise Refusal(403, f"{author.name} has the role {author.role.value}: this needs {role.value}")


def _bearer(headers: RequestHeaders) -> str | None:
    """Returns the token of a request; None without one. Raises: Refusal of a malformed header."""
    said = headers.all(b"authorization")
    if not said:
        return None
    scheme, _, token = said[0].partition(" ")
    if len(said) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise _unauthorised("the header must be `Authorization: Bearer wk_...`, once")
    return token.strip()


def _token_of(presented: str, tokens: Iterable[Token]) -> Token | None:
    """Compares with every token, in the same time whichever fits."""
    digest, found = _digest_of(presented), None
    for token in tokens:
        if hmac.compare_digest(token.sha256, digest):
            found = token
    return found


def client_of(scope: Mapping[str, Any], headers: RequestHeaders, web: Web | None) -> str:
    """Returns the address of the client: behind a trusted proxy the last one that no trusted proxy has."""
    client = scope.get("client")
    address = str(client[0]) if client else SOCKET
    if web is None or not web.trusted_proxies:
        return address
    hops = [hop.strip() for line in headers.all(b"x-forwarded-for") for hop in line.split(",")]
    while hops and _is_trusted(address, web):
        address = hops.pop()
    return one_line(address, 64)


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


def _anonymous_role(
    scope: Mapping[str, Any], headers: RequestHeaders, door: Door | None, web: Web | None
) -> Role | None:
    """Returns the role of a request without a token.

    A browser on this machine can be made to send requests here by any page: its `Host` shows that, and a forwarding header
    shows a proxy that other machines use.
    """
    said = None if web is None else web.anonymous
    if said is not None:
        return Role.VIEWER if said == "viewer" else None
    client = scope.get("client")
    if door is None or not client or not is_loopback(str(client[0])):
        return None
    if any(headers.all(name) for name in (*FORWARDING, b"origin")):
        return None
    if headers.one(b"sec-fetch-site") in {"cross-site", "same-site"}:
        return None
    return Role.VIEWER if _host_name(headers.one(b"host") or "") in LOOPBACK_NAMES else None


def _host_name(host: str) -> str:
    """Returns the name in a `Host` header; empty for one that is malformed."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        return name if bracket and (not port or port[1:].isdigit()) else ""
    name, _, port = host.partition(":")
    return name.lower() if not port or port.isdigit() else ""


class Rates:
    """How much each client may still do now; the clients that were seen longest ago are forgotten."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def has_left(self, client: str) -> bool:
        """Whether the client may do one thing more."""
        return self._now_left(client, asyncio.get_running_loop().time()) >= 1

    def allow(self, client: str) -> bool:
        """Counts one thing; False where it is too many."""
        now = asyncio.get_running_loop().time()
        left = self._now_left(client, now)
        allowed = left >= 1
        self._left[client] = (left - 1 if allowed else left, now)
        self._left.move_to_end(client)
        if len(self._left) > limits.CLIENTS_KEPT_MAX:
            self._left.popitem(last=False)
        return allowed

    def _now_left(self, client: str, now: float) -> float:
        left, at = self._left.get(client, (float(self._burst), now))
        return min(float(self._burst), left + (now - at) * self._per_s)
