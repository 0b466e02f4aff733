"""The certificates of a handshake as every probe tells of them: the life, the names and the issuer, read from their bytes.

The libraries give the bytes alone of all certificates, and each writes out their parts in its own way: the standard library
those of a certificate that it has verified, libcurl in OpenSSL's words, rustls in those of another parser.
"""

import ssl
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from itertools import islice
from typing import Any, TypedDict

import msgspec

from ...domain.limits import (
    CERTIFICATE_NAME_CHARACTERS_MAX,
    CERTIFICATE_NAMES_MAX,
    CERTIFICATES_KEPT,
    INTEGER_MAX,
)
from ...domain.line import escaped
from ...domain.units import NS_PER_S

_SEQUENCE, _SET, _INTEGER, _OCTETS, _OBJECT = 0x30, 0x31, 0x02, 0x04, 0x06
_SHORT_TIME, _LONG_TIME = 0x17, 0x18
_WIDE_TEXT = 0x1E
_VERSION, _EXTENSIONS, _DNS_NAME, _IP_ADDRESS = 0xA0, 0xA3, 0x82, 0x87
_ALTERNATIVE_NAMES = bytes.fromhex("551d11")
_ATTRIBUTES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550405"): "serialNumber",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
    bytes.fromhex("550461"): "organizationIdentifier",
    bytes.fromhex("0992268993f22c640119"): "DC",
    bytes.fromhex("2a864886f70d010901"): "emailAddress",
}
"""The parts of a name that are told, as OpenSSL calls them in short."""
_DER = 2
"""The number by which an object of OpenSSL is asked for its bytes."""
Item = tuple[int, bytes]


class CertificateFacts(TypedDict):
    """The fields of an observation that a handshake gives."""

    certificate_expires_in_ns: int | None
    certificate_chain_expires_in_ns: int | None
    certificate_issuer: str | None
    certificate_names: tuple[str, ...] | None


NO_FACTS = CertificateFacts(
    certificate_expires_in_ns=None,
    certificate_chain_expires_in_ns=None,
    certificate_issuer=None,
    certificate_names=None,
)


class Certificate(msgspec.Struct, frozen=True, gc=False):
    """The parts of one certificate that are told."""

    subject: str
    issuer: str
    """`C=US, O=Let's Encrypt, CN=R11`."""
    names: tuple[str, ...]
    """The host names and addresses that it is issued for."""
    ends_wall_ns: int | None


UNREADABLE = Certificate("", "", (), None)
"""A certificate whose parts cannot be read here, whatever the library says that verified it."""


class PeerCertificate(msgspec.Struct, frozen=True, gc=False):
    """The peer's own certificate, and the end of the chain that it sent."""

    own: Certificate
    chain_ends_wall_ns: int | None
    """The end of the one that ends first, of all that the peer sent."""

    def facts(self, now_wall_ns: int) -> CertificateFacts:
        """The facts of an observation at a moment."""
        return CertificateFacts(
            certificate_expires_in_ns=_until(self.own.ends_wall_ns, now_wall_ns),
            certificate_chain_expires_in_ns=_until(self.chain_ends_wall_ns, now_wall_ns),
            certificate_issuer=self.own.issuer or None,
            certificate_names=self.own.names or None,
        )


def _until(end_wall_ns: int | None, now_wall_ns: int) -> int | None:
    """At most as much as a message holds, 292 years: one that is to last for ever says the year 9999 (RFC 5280, 4.1.2.5)."""
    return None if end_wall_ns is None else min(end_wall_ns - now_wall_ns, INTEGER_MAX)


def peer_certificate(chain: Sequence[bytes]) -> PeerCertificate | None:
    """Reads the certificates that a peer sent, its own first; None without any."""
    read = [read_certificate(each) for each in chain]
    ends = [each.ends_wall_ns for each in read if each.ends_wall_ns is not None]
    return PeerCertificate(read[0], min(ends, default=None)) if read else None


def sent_chain(tls: ssl.SSLObject) -> list[bytes]:
    """The certificates of a finished handshake as the peer sent them, its own first."""
    shown: Any = tls
    if hasattr(shown, "get_unverified_chain"):
        return _bytes_of(shown.get_unverified_chain())
    # Before Python 3.13 only the inner object has them.
    return _bytes_of(shown._sslobj.get_unverified_chain(), _DER)  # noqa: SLF001


def _bytes_of(chain: Iterable[Any] | None, *form: int) -> list[bytes]:
    # Bytes since Python 3.13, and objects of its own where rustls has shaken hands.
    return [each if isinstance(each, bytes) else each.public_bytes(*form) for each in chain or ()]


# Reading one takes 30 microseconds, and the same bytes come with every handshake.
@lru_cache(CERTIFICATES_KEPT)
def read_certificate(der: bytes) -> Certificate:
    """Reads one certificate; UNREADABLE for bytes that are none."""
    try:
        return _read(der)
    except (IndexError, ValueError, OverflowError, StopIteration):
        return UNREADABLE


def _read(der: bytes) -> Certificate:
    whole = _content(next(_items(der)), _SEQUENCE)
    parts = list(_items(_content(next(_items(whole)), _SEQUENCE)))
    if parts[0][0] == _VERSION:
        parts = parts[1:]
    _, _, issuer, validity, subject, *rest = parts
    _, until = _items(_content(validity, _SEQUENCE))
    extensions = next((content for tag, content in rest if tag == _EXTENSIONS), b"")
    names = tuple(islice(_alternatives(extensions), CERTIFICATE_NAMES_MAX))
    return Certificate(_name(subject), _name(issuer), names, _wall_ns(until))


def _items(data: bytes) -> Iterator[Item]:
    """The items that stand one after the other. Raises: ValueError where one goes beyond the end."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 3 or at + count > len(data):
                raise ValueError("a length that is none")
            length = int.from_bytes(data[at : at + count])
            at += count
        if at + length > len(data):
            raise ValueError("an item goes beyond the end")
        yield tag, data[at : at + length]
        at += length


def _content(item: Item, tag: int) -> bytes:
    if item[0] != tag:
        raise ValueError("another item was expected")
    return item[1]


def _name(item: Item) -> str:
    """A name as `O=Shop, CN=shop.example`, in its own order."""
    pairs = []
    for group in _items(_content(item, _SEQUENCE)):
        for pair in _items(_content(group, _SET)):
            kind, text = _items(_content(pair, _SEQUENCE))
            if label := _ATTRIBUTES.get(kind[1]):
                pairs.append(f"{label}={_text(text)}")
    return _shown(", ".join(pairs))


def _text(item: Item) -> str:
    """UTF-8 or a part of it in most certificates; those of the last century have Latin-1, and a few two bytes a character."""
    tag, content = item
    if tag == _WIDE_TEXT:
        return content.decode("utf-16-be", "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _shown(text: str) -> str:
    """A text of the peer without control characters, and no longer than conditions read."""
    return escaped(text)[:CERTIFICATE_NAME_CHARACTERS_MAX]


def _wall_ns(item: Item) -> int:
    tag, content = item
    text = content.decode("ascii")
    if tag == _SHORT_TIME:
        # Two digits of the year: those from 50 on are of the last century (RFC 5280, 4.1.2.5.1).
        text = f"{'19' if text[:2] >= '50' else '20'}{text}"
    elif tag != _LONG_TIME:
        raise ValueError("no time")
    # These directives are numbers alone, the same in every locale of a host.
    end = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    return int(end.timestamp()) * NS_PER_S


def _alternatives(extensions: bytes) -> Iterator[str]:
    for group in _items(extensions):
        for extension in _items(_content(group, _SEQUENCE)):
            parts = list(_items(_content(extension, _SEQUENCE)))
            if parts[0] != (_OBJECT, _ALTERNATIVE_NAMES):
                continue
            for tag, content in _items(_content(next(_items(_content(parts[-1], _OCTETS))), _SEQUENCE)):
                if tag == _DNS_NAME:
                    yield _shown(content.decode("ascii", "replace"))
                elif tag == _IP_ADDRESS and len(content) in {4, 16}:
                    yield str(ip_address(content))
