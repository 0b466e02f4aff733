"""Curl's easy handles: prepared once per shape, used again and again, and bounded in number."""

import contextlib
import socket
from functools import lru_cache

import pycurl

from ....domain.limits import HANDLES_IDLE_MAX, SHELVES_MAX
from ...net.addresses import is_public
from ...net.names import ResolvedAddress
from ..destination import bracketed
from ..exchange import HttpShape
from .curl_options import prepare
from .proxy_options import lead_through
from .route import HttpRoute, NamedPlace, RouteFound


def _refuse(*_: object) -> int:
    """Any number but 0 keeps libcurl from looking a name up, for which it would start a thread."""
    return 1


ALTERNATIVE_NAMES = "X509v3 Subject Alternative Name"
"""The part of a certificate that names its hosts, as libcurl calls it."""
DISAGREES = b"ALPN: server did not agree"
"""The words of libcurl for a server that chose none of the versions that were offered in the handshake."""
COOKIES_ON = "Set-Cookie: none=; Max-Age=0"
"""A cookie that has ended: libcurl has a jar from then on, through every reset. COOKIEFILE would add to a list each time."""


class Handle:
    """One easy handle and what the answer under way has brought so far."""

    def __init__(self) -> None:
        self.curl = pycurl.Curl()
        self.curl.setopt(pycurl.COOKIELIST, COOKIES_ON)
        self.header: list[bytes] = []
        self._named = False
        self.hands_on_cookies = False
        self._proxied = False
        self._shape = HttpShape()
        self.tries_quic = False
        self._offers_one = False
        self.clear(0)

    def prepare(self, shape: HttpShape) -> None:
        """Make the handle fit for requests of this shape, whatever it served before."""
        self.curl.reset()
        self._named = self._proxied = False
        self._shape = shape
        self.hands_on_cookies = shape.hands_on_cookies
        self.tries_quic = "3" in shape.versions
        self._offers_one = shape.versions == ("2",)
        prepare(self.curl, shape)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._take_body)
        # Appending to a list is the cheapest callback there is; libcurl itself ends a header at 300 KB.
        self.curl.setopt(pycurl.HEADERFUNCTION, self.header.append)
        if self._offers_one:
            self.curl.setopt(pycurl.DEBUGFUNCTION, self.hear)
            self.curl.setopt(pycurl.VERBOSE, 1)
        if shape.tls.verify:
            self.curl.setopt(pycurl.PREREQFUNCTION, self._names_its_host)
        if shape.deny_private_addresses:
            self.curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)

    def clear(self, body_bytes_max: int) -> None:
        """Forget the last answer; the next may bring a body of so many bytes."""
        self.header.clear()
        self.body: list[bytes] = []
        self.room = body_bytes_max
        self.body_cut = False
        self.wire_cut = False
        self.nameless_certificate = False
        self.disagrees = False
        self.refused_address: str | None = None
        self.open_error_number = 0

    def lead(self, route: HttpRoute, found: RouteFound) -> None:
        """Go this way: to the addresses of the target, or through a proxy."""
        if route.proxy is not None:
            self._proxied = self._named = True
            self.curl.setopt(pycurl.RESOLVER_START_FUNCTION, _refuse)
            lead_through(self.curl, route, found)
            return
        if self._proxied:
            self.prepare(self._shape)
        self._lead_to(route.place, found.target)

    def _lead_to(self, place: NamedPlace | None, addresses: tuple[ResolvedAddress, ...]) -> None:
        """Connect to these addresses of a place, or only by a connection that is kept where there are none.

        Libcurl looks nothing up: without an address it ends with E_ABORTED_BY_CALLBACK. None is a URL with an address.
        """
        if place is None:
            if self._named:
                self._named = False
                self.curl.unsetopt(pycurl.RESOLVER_START_FUNCTION)
                self.curl.unsetopt(pycurl.CONNECT_TO)
            return
        if not self._named:
            self._named = True
            self.curl.setopt(pycurl.RESOLVER_START_FUNCTION, _refuse)
        self.curl.setopt(pycurl.CONNECT_TO, [f"::{place.key}"])
        hosts = ",".join(bracketed(address.host) for address in addresses)
        # The plus lets an entry of libcurl's cache grow old; the minus takes it away.
        self.curl.setopt(pycurl.RESOLVE, [f"+{place.key}:{hosts}" if hosts else f"-{place.key}"])

    def _take_body(self, chunk: bytes) -> int:
        self.room -= len(chunk)
        if self.room >= 0:
            self.body.append(chunk)
            return len(chunk)
        self.body.append(chunk[: self.room])
        self.body_cut = True
        # Any number but the chunk's length makes curl stop.
        return 0

    def hear(self, kind: int, text: bytes) -> None:
        """Note that a server chose no version: libcurl goes on with the one that alone is offered, and fails in other words."""
        if self._offers_one and kind == pycurl.INFOTYPE_TEXT and text.startswith(DISAGREES):
            self.disagrees = True

    def _names_its_host(self, *_addresses: object) -> int:
        """Refuse, before anything is asked, a certificate that names its host by the common name alone.

        RFC 9110 (4.3.4) and every browser do; libcurl takes it. A kept connection shows no certificate again.
        """
        chain = self.curl.getinfo(pycurl.INFO_CERTINFO)
        self.nameless_certificate = bool(chain) and all(name != ALTERNATIVE_NAMES for name, _ in chain[0])
        return int(pycurl.PREREQFUNC_ABORT if self.nameless_certificate else pycurl.PREREQFUNC_OK)

    def _open_socket(self, _purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> object:
        """Judge the very address that is about to be connected to: no second look-up can change it."""
        family, kind, protocol, destination = address
        host = destination[0]
        if not is_public(host):
            self.refused_address = host
            return pycurl.SOCKET_BAD
        try:
            return socket.socket(family, kind, protocol)
        except OSError as error:
            # An exception in a callback would be printed, not raised.
            self.open_error_number = error.errno or 0
            return pycurl.SOCKET_BAD

    def close(self) -> None:
        with contextlib.suppress(pycurl.error):
            self.curl.close()


class Shelf:
    """The idle handles of one shape; a shape that does not come again keeps none."""

    __slots__ = ("idle", "keeps", "shape")

    def __init__(self, shape: HttpShape, *, keeps: bool = True) -> None:
        self.shape = shape
        self.keeps = keeps
        self.idle: list[Handle] = []


class Handles:
    """Lends handles by shape. When all places are taken, the shape stocked longest ago gives one up."""

    def __init__(self) -> None:
        self.shelf = lru_cache(SHELVES_MAX)(Shelf)
        """Where requests of a shape find their handles; keep it to save the look-up."""
        self._stocked: dict[Shelf, None] = {}
        self.idle_count = 0

    def take(self, shelf: Shelf) -> Handle:
        """A cleared handle of the shelf's shape."""
        if shelf.idle:
            handle = self._take_from(shelf)
        else:
            handle = self._take_any()
            handle.prepare(shelf.shape)
        handle.clear(shelf.shape.body_bytes_max)
        handle.curl.setopt(pycurl.COOKIELIST, "ALL")
        for cookie in shelf.shape.cookies:
            handle.curl.setopt(pycurl.COOKIELIST, cookie)
        return handle

    def _take_from(self, shelf: Shelf) -> Handle:
        handle = shelf.idle.pop()
        self.idle_count -= 1
        if not shelf.idle:
            del self._stocked[shelf]
        return handle

    def _take_any(self) -> Handle:
        if self.idle_count < HANDLES_IDLE_MAX:
            return Handle()
        return self._take_from(next(iter(self._stocked)))

    def give_back(self, shelf: Shelf, handle: Handle) -> None:
        """Put the handle on its shelf, or close it when all places are taken."""
        if not shelf.keeps or self.idle_count >= HANDLES_IDLE_MAX:
            handle.close()
            return
        handle.clear(0)
        self.idle_count += 1
        if not shelf.idle:
            self._stocked[shelf] = None
        shelf.idle.append(handle)

    def close(self) -> None:
        for shelf in list(self._stocked):
            while shelf.idle:
                self._take_from(shelf).close()
        self.shelf.cache_clear()
