"""The certificates of a peer as conditions read them, whichever library showed them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from ...domain.limits import CERTIFICATE_NAME_CHARACTERS_MAX, CERTIFICATE_NAMES_MAX, CERTIFICATES_KEPT
from ...domain.line import escaped

ALTERNATIVE_NAMES = "X509v3 Subject Alternative Name"
NAMED = re.compile(r'(?:^|, | \+ )([A-Za-z0-9.]+)\s?=\s?("(?:[^"\\]|\\.)*"|(?:[^",\\]|\\.)*?)(?=$|, | \+ )')
ESCAPED = re.compile(r"\\([0-9A-Fa-f]{2})|\\(.)", re.DOTALL)
SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
    "domainComponent": "DC",
}
"""OpenSSL's short names for what Python's ssl spells out."""

Fields = Sequence[tuple[str, str]]
"""One certificate in libcurl's words, by name."""


class PeerCertificate(msgspec.Struct, frozen=True, gc=False):
    """The facts that a handshake showed of the peer. Times are OpenSSL's texts, such as `Nov 21 18:25:00 2026 GMT`."""

    expires: str | None
    """The end of the life of the peer's own certificate."""
    chain: tuple[str, ...] = ()
    """The ends of all that it sent."""
    issuer: str | None = None
    """`C=US, O=Let's Encrypt, CN=R11`."""
    names: tuple[str, ...] = ()


def certificate_of(chain: Sequence[Fields]) -> PeerCertificate | None:
    """Returns the certificates that libcurl shows, the peer's own first; None without any."""
    if not chain:
        return None
    own = dict(chain[0])
    expires = [text for fields in chain for name, text in fields if name == "Expire date"]
    texts = own.get("Issuer", ""), own.get(ALTERNATIVE_NAMES, "")
    return _of_texts(own.get("Expire date"), tuple(expires), *texts)


# The same come with every handshake of a target, and reading them takes 10 microseconds.
@lru_cache(CERTIFICATES_KEPT)
def _of_texts(expires: str | None, chain: tuple[str, ...], issuer: str, names: str) -> PeerCertificate:
    pairs = [(kind, _unescaped(text)) for kind, text in NAMED.findall(issuer)]
    found = [(kind, name) for kind, _, name in (each.partition(":") for each in names.split(", "))]
    return PeerCertificate(expires, chain, _issuer(pairs), _names(found))


def _unescaped(text: str) -> str:
    """OpenSSL's writing of a name: in quotes where it holds a comma, and bytes beyond ASCII by their digits."""
    text = text[1:-1] if text.startswith('"') else text
    plain = ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
    try:
        return plain.encode("latin-1").decode()
    except UnicodeError:
        return plain


def certificate_of_info(info: Mapping[str, Any]) -> PeerCertificate:
    """Returns one certificate of what `getpeercert` of Python's ssl gives of it."""
    expires = info.get("notAfter")
    pairs = [(SHORT.get(kind, kind), text) for part in info.get("issuer", ()) for kind, text in part]
    return PeerCertificate(
        expires=expires if isinstance(expires, str) else None,
        issuer=_issuer(pairs),
        names=_names(info.get("subjectAltName", ())),
    )


def in_chain(certificates: Sequence[PeerCertificate]) -> PeerCertificate | None:
    """Returns the peer's own certificate, the first one, with the ends of all; None without any."""
    if not certificates:
        return None
    expires = tuple([each.expires for each in certificates if each.expires is not None])
    return replace(certificates[0], chain=expires)


def _issuer(pairs: Iterable[tuple[str, str]]) -> str | None:
    written = ", ".join(f"{kind}={text}" for kind, text in pairs)
    return escaped(written)[:CERTIFICATE_NAME_CHARACTERS_MAX] or None


def _names(found: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(islice(_known(found), CERTIFICATE_NAMES_MAX))


def _known(found: Iterable[tuple[str, str]]) -> Iterator[str]:
    for kind, name in found:
        if kind.strip() == "DNS":
            yield escaped(name)[:CERTIFICATE_NAME_CHARACTERS_MAX]
        elif kind.strip() == "IP Address":
            yield _address(name.strip())


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return escaped(text)[:CERTIFICATE_NAME_CHARACTERS_MAX]
