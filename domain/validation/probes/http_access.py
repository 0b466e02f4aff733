"""The check of how an HTTP probe gets to its target, and of how it logs in there."""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from msgspec import UNSET

from ...specification.http.access import DigestAuth, Proxy
from ...specification.probe import Http, OAuth2
from ...specification.problem import Path, Problem
from ...specification.text import as_pairs
from ..network import (
    FRAMING,
    UrlForm,
    header_problems,
    host_of,
    login_problems,
    name_fault,
    tls_problems,
    url_fault,
    url_problems,
)

PROXY_URL = UrlForm(("http", "https", "socks5", "socks5h"), "http://proxy:3128", "under user and password")
TOKEN_FIELDS = frozenset({"grant_type", "scope", "client_id", "client_secret"})
"""The fields of a request for a token that follow from other keys."""
_CONNECT_HEADERS = frozenset({*FRAMING, "host", "proxy-authorization"})
_NAME_SERVER = re.compile(r"[a-z]+://(?:\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::[0-9]{1,5})?")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749, 3.3
_SOCKS_LOGIN_BYTES_MAX = 255  # RFC 1929


def http_access_problems(http: Http, path: Path) -> Iterator[Problem]:
    """Yields the problems of proxy, name server and logins of an HTTP probe."""
    if http.proxy is not UNSET:
        yield from _of_proxy(http.proxy, (*path, "proxy"))
        yield from _of_family(http, http.proxy, path)
        yield from _of_versions(http, path)
    if http.resolver is not UNSET and (fault := _name_server_fault(http.resolver)):
        yield Problem((*path, "resolver"), fault)
    if http.digest_auth is not UNSET:
        yield from _of_digest(http.digest_auth, (*path, "digest_auth"))
    if http.oauth2 is not UNSET:
        yield from _of_oauth2(http.oauth2, (*path, "oauth2"))
    yield from _of_several_logins(http, path)


def _of_several_logins(http: Http, path: Path) -> Iterator[Problem]:
    """Each would be sent in the header that another one needs."""
    given = [key for key in ("basic_auth", "bearer", "digest_auth", "oauth2") if getattr(http, key)]
    ours = [key for key in given if key in {"digest_auth", "oauth2"}]
    for key in ours:
        others = [other for other in given if other != key]
        if others:
            yield Problem((*path, key), f"{' and '.join(given)} are given: keep one")
            return
    if ours and any(name.lower() == "authorization" for name, _ in as_pairs(http.headers)):
        text = f"stands under headers, too, as Authorization: keep one of {ours[0]} and the header"
        yield Problem((*path, ours[0]), text)


def _of_proxy(proxy: Proxy, path: Path) -> Iterator[Problem]:
    fault = url_fault(proxy.url, PROXY_URL)
    if fault:
        yield Problem((*path, "url"), fault)
        return
    parts = urlsplit(proxy.url)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        yield Problem((*path, "url"), "goes on behind the port: write it like http://proxy:3128")
    yield from _of_proxy_login(proxy, path)
    if proxy.headers and proxy.is_socks:
        text = f"has no effect on a proxy of {proxy.scheme}, which reads no headers: leave it out"
        yield Problem((*path, "headers"), text, depends_on=((*path, "url"),))
    yield from header_problems(proxy.headers, _CONNECT_HEADERS, (*path, "headers"))
    if proxy.ca_file is not UNSET and proxy.scheme != "https":
        text = f"has no effect on a proxy of {proxy.scheme}: leave it out"
        yield Problem((*path, "ca_file"), text, depends_on=((*path, "url"),))
    for at, exception in enumerate(proxy.exceptions):
        if fault := _exception_fault(exception):
            yield Problem((*path, "except", at), fault)


def _of_proxy_login(proxy: Proxy, path: Path) -> Iterator[Problem]:
    user, password = proxy.user or "", proxy.password or ""
    if (proxy.user is UNSET) is not (proxy.password is UNSET):
        given, lacking = ("user", "password") if proxy.password is UNSET else ("password", "user")
        text = f"has no effect without a {lacking}: give both or none"
        yield Problem((*path, given), text, depends_on=((*path, lacking),))
    elif proxy.is_socks:
        for key, value in (("user", user), ("password", password)):
            if len(value.encode()) > _SOCKS_LOGIN_BYTES_MAX:
                text = f"is longer than {_SOCKS_LOGIN_BYTES_MAX} bytes, which SOCKS cannot send"
                yield Problem((*path, key), text)
    yield from login_problems(user, password, path)


def _exception_fault(exception: str) -> str:
    """Why a text names no host that is reached without a proxy; empty where it does."""
    if "/" in exception:
        try:
            ip_network(exception, strict=False)
        except ValueError:
            return "is no range of addresses: write it like 10.0.0.0/8"
        return ""
    host = exception.removeprefix(".")
    if not host or re.search(r"[\s*]", host):
        return "is no host: write a name, .example for all names below it, or 10.0.0.0/8"
    if ":" in host:
        try:
            ip_address(host)
        except ValueError:
            return "holds a port, or is no address: write the host alone"
        return ""
    return name_fault(host)


def _of_family(http: Http, proxy: Proxy, path: Path) -> Iterator[Problem]:
    if http.address_family != "any" and proxy.scheme != "socks5" and not proxy.exceptions:
        text = f"has no effect through a proxy of {proxy.scheme}, which looks the name up: leave it out"
        yield Problem((*path, "address_family"), text, depends_on=((*path, "proxy"),))


def _of_versions(http: Http, path: Path) -> Iterator[Problem]:
    if http.versions is not UNSET and "3" in http.versions:
        text = "holds 3, which goes by UDP and through no proxy: leave it out"
        yield Problem((*path, "versions"), text, depends_on=((*path, "proxy"),))


def _name_server_fault(server: str) -> str:
    try:
        parts = urlsplit(server)
        ip_address(parts.hostname or "")
        is_good = (
            parts.scheme in {"udp", "tcp"} and parts.port != 0 and _NAME_SERVER.fullmatch(server) is not None
        )
    except ValueError:
        is_good = False
    return (
        ""
        if is_good
        else "is no address of a name server: write it like udp://192.0.2.53 or tcp://192.0.2.53:5353"
    )


def _of_digest(login: DigestAuth, path: Path) -> Iterator[Problem]:
    yield from login_problems(login.user, login.password, path)


def _of_oauth2(oauth2: OAuth2, path: Path) -> Iterator[Problem]:
    yield from url_problems(oauth2.token_url, (*path, "token_url"))
    if "#" in oauth2.token_url:
        yield Problem((*path, "token_url"), "has a fragment, which is never sent: leave it out")
    for key in ("client_id", "client_secret"):
        if not getattr(oauth2, key):
            yield Problem((*path, key), "is empty: give what the token's server has given to the client")
    for at, scope in enumerate(oauth2.scopes):
        if not _SCOPE.fullmatch(scope):
            yield Problem(
                (*path, "scopes", at), "is no scope: write it without a blank, a quote or a backslash"
            )
    for name, _ in as_pairs(oauth2.parameters):
        if name in TOKEN_FIELDS or not name:
            text = "follows from the other keys: leave it out" if name else "has no name: give one"
            yield Problem((*path, "parameters", name), text, True)
    yield from tls_problems(oauth2.tls, (*path, "tls"))
    if (
        host_of(oauth2.token_url)
        and oauth2.token_url.startswith("http:")
        and oauth2.tls != type(oauth2.tls)()
    ):
        text = "has no effect on a token_url of http: leave it out"
        yield Problem((*path, "tls"), text, depends_on=((*path, "token_url"),))
