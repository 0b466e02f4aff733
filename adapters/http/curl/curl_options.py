"""A shape of request, said in libcurl's options."""

import ssl
from functools import cache

import pycurl

from ....domain.limits import DIGEST_ROUNDS_MAX
from ....domain.specification.http.header_rules import HttpVersion, offered
from ....domain.specification.probe import AddressFamily, Tls, TlsVersion
from ...net.addresses import is_literal
from ...net.secure_contexts import OLD_CIPHERS, OLD_VERSIONS, oldest_version
from ..destination import host_and_port
from ..exchange import HttpShape

# pycurl has no name for it; the number is libcurl's ABI (curl.h). A slow name server must not delay the end.
QUICK_EXIT = 322

FAMILIES: dict[AddressFamily, int] = {
    "any": pycurl.IPRESOLVE_WHATEVER,
    "ipv4": pycurl.IPRESOLVE_V4,
    "ipv6": pycurl.IPRESOLVE_V6,
    # By the order in which the transport gives the addresses.
    "prefer_ipv4": pycurl.IPRESOLVE_WHATEVER,
    "prefer_ipv6": pycurl.IPRESOLVE_WHATEVER,
}
WEB = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS

KEY_EXCHANGES = "X25519:P-256:P-384:P-521"
"""Without these OpenSSL 3.5 and later offers a post-quantum key in every handshake: a seventh of its CPU (measured)."""

# Nothing removes a header that curl adds by itself; identity, because a compressed body would not be readable.
DEFAULT_HEADERS = {
    "accept-encoding": ("Accept-Encoding", "identity"),
    "user-agent": ("User-Agent", "watchkeeper"),
    "content-type": ("Content-Type", None),
    "expect": ("Expect", None),
}
OURS = frozenset({"content-length", "transfer-encoding"})
"""Framing is curl's alone: a header of these names would let a body lie about its length."""


OFFERS: dict[frozenset[HttpVersion], int] = {
    frozenset({"1.0"}): pycurl.CURL_HTTP_VERSION_1_0,
    frozenset({"1.1"}): pycurl.CURL_HTTP_VERSION_1_1,
    frozenset({"1.1", "2"}): pycurl.CURL_HTTP_VERSION_2TLS,
    # Over TLS it offers HTTP/2 alone; in clear it is never used.
    frozenset({"2"}): pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
    frozenset({"3"}): pycurl.CURL_HTTP_VERSION_3ONLY,
    frozenset({"1.1", "2", "3"}): pycurl.CURL_HTTP_VERSION_3,
}
OLDEST: dict[TlsVersion, int] = {
    "1.0": pycurl.SSLVERSION_TLSv1_0,
    "1.1": pycurl.SSLVERSION_TLSv1_1,
    "1.2": pycurl.SSLVERSION_TLSv1_2,
    "1.3": pycurl.SSLVERSION_TLSv1_3,
}


def prepare(curl: pycurl.Curl, shape: HttpShape) -> None:
    """Set everything that requests of one shape share. The certificate store is read at the first handshake."""
    _isolate(curl)
    _set_request(curl, shape)
    _set_connection(curl, shape)
    _set_versions(curl, shape)
    _set_tls(curl, shape.tls)


def _isolate(curl: pycurl.Curl) -> None:
    """Take nothing from the environment: no proxy, netrc, cookie or other protocol, and raise no signal."""
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(QUICK_EXIT, 1)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.NOPROXY, "*")
    curl.setopt(pycurl.PROTOCOLS, WEB)
    curl.setopt(pycurl.REDIR_PROTOCOLS, WEB)
    curl.setopt(pycurl.FOLLOWLOCATION, 0)
    curl.setopt(pycurl.HTTP09_ALLOWED, 0)


def _set_request(curl: pycurl.Curl, shape: HttpShape) -> None:
    headers = headers_of(shape)
    curl.setopt(
        pycurl.HTTPHEADER, [header_line(*header) for header in headers if header[0].lower() != "cookie"]
    )
    for name, value in headers:
        if name.lower() == "cookie" and value:
            # In its own option: as a header line it would be sent beside a second one with the cookies of a redirect.
            curl.setopt(pycurl.COOKIE, value.encode())
    if shape.method == "HEAD":
        curl.setopt(pycurl.NOBODY, 1)
        return
    if shape.body is not None or shape.method in {"POST", "PUT", "PATCH"}:
        curl.setopt(pycurl.POSTFIELDS, shape.body or b"")
    curl.setopt(pycurl.CUSTOMREQUEST, shape.method)


def headers_of(shape: HttpShape) -> list[tuple[str, str | None]]:
    """The headers of a request besides those that follow from its URL; None takes one away."""
    given = {name.lower() for name, _ in shape.headers}
    defaults = [pair for name, pair in DEFAULT_HEADERS.items() if name not in given]
    return [*defaults, *(pair for pair in shape.headers if pair[0].lower() not in OURS)]


def header_line(name: str, value: str | None) -> bytes:
    """In curl's spelling: `Name;` for an empty value, `Name:` for none at all."""
    if value is None:
        return f"{name}:".encode()
    return f"{name}: {value}".encode() if value.strip() else f"{name};".encode()


def _set_connection(curl: pycurl.Curl, shape: HttpShape) -> None:
    curl.setopt(pycurl.IPRESOLVE, FAMILIES[shape.address_family])
    curl.setopt(pycurl.FRESH_CONNECT, not shape.keep_connection)
    curl.setopt(pycurl.FORBID_REUSE, not shape.keep_connection)
    if shape.connect_to is not None and is_literal(shape.connect_to[0]):
        curl.setopt(pycurl.CONNECT_TO, [f"::{host_and_port(*shape.connect_to)}"])
    if shape.digest_auth is not None:
        curl.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_DIGEST)
        # Libcurl counts the challenges of one request, too; it follows no redirect.
        curl.setopt(pycurl.MAXREDIRS, DIGEST_ROUNDS_MAX)
        curl.setopt(pycurl.USERNAME, shape.digest_auth.user)
        curl.setopt(pycurl.PASSWORD, shape.digest_auth.password)


def _set_versions(curl: pycurl.Curl, shape: HttpShape) -> None:
    if shape.versions:
        versions = offered(shape.versions)
        curl.setopt(pycurl.HTTP_VERSION, OFFERS[versions])
        # With HTTP/1.0 libcurl would offer 1.1, too.
        curl.setopt(pycurl.SSL_ENABLE_ALPN, versions != {"1.0"})


def _set_tls(curl: pycurl.Curl, tls: Tls) -> None:
    curl.setopt(pycurl.SSL_EC_CURVES, KEY_EXCHANGES)
    oldest = oldest_version(tls)
    curl.setopt(pycurl.SSLVERSION, OLDEST[oldest])
    if oldest in OLD_VERSIONS:
        curl.setopt(pycurl.SSL_CIPHER_LIST, OLD_CIPHERS)
    # A resumed session would hide a certificate that was replaced, and saves nothing (measured).
    curl.setopt(pycurl.SSL_SESSIONID_CACHE, 0)
    curl.setopt(pycurl.OPT_CERTINFO, 1)
    curl.setopt(pycurl.SSL_VERIFYPEER, tls.verify)
    curl.setopt(pycurl.SSL_VERIFYHOST, 2 if tls.verify else 0)
    authorities = tls.ca_file or system_authorities()
    if tls.verify and authorities is not None:
        curl.setopt(pycurl.CAINFO, authorities)
    if tls.certificate_file is not None:
        curl.setopt(pycurl.SSLCERT, tls.certificate_file)
        # Always one: without any OpenSSL asks for it on the terminal, and this loop waits for the answer.
        curl.setopt(pycurl.KEYPASSWD, tls.key_password or "")
    if tls.key_file is not None:
        curl.setopt(pycurl.SSLKEY, tls.key_file)


@cache
def system_authorities() -> str | None:
    """The system's file of certificate authorities: the path built into the wheel is another system's."""
    return ssl.get_default_verify_paths().cafile
