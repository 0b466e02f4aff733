"""The log of one connection or request, and of an attempt, as values."""

import re
from typing import Any

import msgspec

from ...domain.observation.observation import Observation

ALTERNATIVE_NAMES = "X509v3 Subject Alternative Name"
_TLS_VERSION = re.compile(r"SSL connection using TLS\s?v?([0-9.]+)")
_NAMED = re.compile(r"\b(CN|OU|O)\s*=\s*([^,;/]+)")


class TlsLog(msgspec.Struct, frozen=True, kw_only=True):
    """A handshake that ended well."""

    version: str | None = None
    """`1.3`; None where the library does not say."""
    names: tuple[str, ...] = ()
    """The names that the certificate is for."""
    issuer: str = ""
    expires_in_ns: int | None = None


class RequestLog(msgspec.Struct, frozen=True, kw_only=True):
    """One request of an attempt, or its one connection. Times count from its beginning; 0 where a phase was not reached."""

    host: str
    """The host that is connected to: the proxy, where there is one between."""
    port: int
    by_proxy: bool = False
    addresses: tuple[str, ...] = ()
    """Of the name, in the order in which they are tried; none where the host is an address."""
    peer: str = ""
    """The address that was connected to."""
    name_ns: int = 0
    connect_ns: int = 0
    tls_ns: int = 0
    first_byte_ns: int = 0
    total_ns: int = 0
    tls: TlsLog | None = None
    version: str = ""
    """`HTTP/2`; empty without an answer of HTTP."""
    status: int = 0
    length: int = 0
    """The bytes of the body as they came."""
    is_cut: bool = False
    media_type: str = ""
    leads_to: str = ""
    """Where a redirect leads."""


class AttemptLog(msgspec.Struct, frozen=True, kw_only=True):
    """The observation of one attempt, and its requests in order: several where redirects were followed."""

    observation: Observation
    requests: tuple[RequestLog, ...] = ()


def tls_of(said: list[str], chain: list[tuple[str, Any]], expires_in_ns: int | None) -> TlsLog:
    """Returns a handshake by what libcurl said of it and by the fields of the first certificate."""
    fields = dict(chain)
    found = (_TLS_VERSION.search(line) for line in said)
    version = next((each[1] for each in found if each is not None), None)
    alternatives = [name.strip() for name in str(fields.get(ALTERNATIVE_NAMES, "")).split(",")]
    names = [name.partition(":")[2] for name in alternatives if ":" in name]
    return TlsLog(
        version=version,
        names=tuple(names) or (name_in(str(fields.get("Subject", ""))),),
        issuer=name_in(str(fields.get("Issuer", ""))),
        expires_in_ns=expires_in_ns,
    )


def name_in(distinguished: str) -> str:
    """Returns the common name of a distinguished name, else its unit or organisation."""
    named = {kind: text.strip() for kind, text in _NAMED.findall(distinguished)}
    return next((named[kind] for kind in ("CN", "OU", "O") if kind in named), distinguished)
