"""A way through a proxy, said in libcurl's options."""

import pycurl
from msgspec import UNSET

from ....domain.specification.http.access import Proxy
from ....domain.specification.text import as_pairs
from ..destination import bracketed, host_and_port
from ..exchange import Proxied
from .curl_options import header_line, system_authorities
from .route import HttpRoute, NamedPlace, RouteFound

# pycurl has no names for these; the numbers are libcurl's ABI (curl.h).
SUPPRESS_CONNECT_HEADERS = 265
SOCKS5_AUTH = 267
BASIC = 1


def lead_through(curl: pycurl.Curl, route: HttpRoute, found: RouteFound) -> None:
    """Sets a way through a proxy, whose addresses are known.

    Raises: pycurl.error where a file of authorities cannot be read.
    """
    proxy, through = route.proxy, route.through
    if proxy is None or through is None:
        return
    # A certificate proves the name of the proxy; otherwise its addresses have a key of their own, as those of targets have.
    name = host_and_port(through.host, through.port) if proxy.scheme == "https" else through.key
    entries = [f"+{name}:{','.join(bracketed(address.host) for address in found.proxy)}"]
    curl.setopt(pycurl.PROXY, f"{proxy.scheme}://{name}")
    curl.setopt(pycurl.NOPROXY, "")
    # Of the target's addresses alone a family may be wanted, and those are looked up already.
    curl.setopt(pycurl.IPRESOLVE, pycurl.IPRESOLVE_WHATEVER)
    curl.setopt(pycurl.HEADEROPT, pycurl.HEADER_SEPARATE)
    curl.setopt(SUPPRESS_CONNECT_HEADERS, 1)
    curl.setopt(pycurl.PROXYHEADER, _headers_of(proxy) if route.proxied is Proxied.TUNNEL else [])
    _set_login(curl, proxy)
    if proxy.scheme == "https":
        curl.setopt(pycurl.PROXY_CAINFO, proxy.ca_file or system_authorities() or "")
    asked = _asked(route.place, route.asked)
    if asked:
        curl.setopt(pycurl.CONNECT_TO, [f"::{asked}"])
    else:
        curl.unsetopt(pycurl.CONNECT_TO)
    if route.place is not None:
        # Libcurl asks a proxy of SOCKS for one address only.
        entries.append(f"+{route.place.key}:{bracketed(found.target[0].host)}")
    curl.setopt(pycurl.RESOLVE, entries)


def _asked(place: NamedPlace | None, asked: tuple[str, int] | None) -> str:
    """The place that the proxy is asked for, where the URL has another."""
    if place is not None:
        return place.key
    return "" if asked is None else host_and_port(*asked)


def _headers_of(proxy: Proxy) -> list[bytes]:
    headers = as_pairs(proxy.headers)
    named = {name.lower() for name, _ in headers}
    ours = [] if "user-agent" in named else [("User-Agent", "watchkeeper")]
    return [header_line(name, value) for name, value in (*ours, *headers)]


def _set_login(curl: pycurl.Curl, proxy: Proxy) -> None:
    if proxy.user is UNSET:
        return
    curl.setopt(pycurl.PROXYAUTH, pycurl.HTTPAUTH_BASIC)
    curl.setopt(SOCKS5_AUTH, BASIC)
    # Not as one text, in which a colon would divide them and a percent sign begin an escape.
    curl.setopt(pycurl.PROXYUSERNAME, proxy.user)
    curl.setopt(pycurl.PROXYPASSWORD, proxy.password or "")
