"""Certificates as they come in a handshake: the life, the names and the issuer, read from their bytes.

The standard library reads only a certificate that it has verified, and of its chain nothing.
"""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from itertools import islice
from typing import Any

import msgspec

from ...domain.limits import CERTIFICATE_NAME_CHARACTERS_MAX, CERTIFICATE_NAMES_MAX, CERTIFICATES_KEPT
from ...domain.line import escaped

_SEQUENCE, _SET, _INTEGER, _OCTETS, _OBJECT = 0x30, 0x31, 0x02, 0x04, 0x06
_SHORT_TIME, _LONG_TIME = 0x17, 0x18
_VERSION, _EXTENSIONS, _DNS_NAME, _IP_ADDRESS = 0xA0, 0xA3, 0x82, 0x87
_ALTERNATIVE_NAMES = bytes.fromhex("551d11")
_ATTRIBUTES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
}
_DER = 2
"""The number by which an object of OpenSSL is asked for its bytes."""
Item = tuple[int, bytes]


class Certificate(msgspec.Struct, frozen=True):
    """The parts of a certificate that probes tell of."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    """The host names and addresses that it is issued for."""
    expires: datetime


# Reading one takes 30 microseconds, and the same bytes come with every handshake.
@lru_cache(CERTIFICATES_KEPT)
def read_certificate(der: bytes) -> Certificate:
    """Reads a certificate. Raises: ValueError for bytes that are none."""
    try:
        return _read(der)
    except (IndexError, ValueError, OverflowError) as error:
        raise ValueError("the certificate cannot be read") from error


def chain_of(tls: ssl.SSLObject, *, verified: bool) -> list[bytes]:
    """The certificates of a finished handshake, the server's own first: as they were verified, or else as they were sent."""
    public: Any = tls
    # Before Python 3.13 only the inner object has them, and as objects of OpenSSL.
    inner = public if hasattr(public, "get_verified_chain") else public._sslobj  # noqa: SLF001
    chain = (inner.get_verified_chain() if verified else inner.get_unverified_chain()) or ()
    return [each if isinstance(each, bytes) else each.public_bytes(_DER) for each in chain]


def _read(der: bytes) -> Certificate:
    whole = _content(next(_items(der)), _SEQUENCE)
    parts = list(_items(_content(next(_items(whole)), _SEQUENCE)))
    if parts[0][0] == _VERSION:
        parts = parts[1:]
    _, _, issuer, validity, subject, *rest = parts
    _, until = _items(_content(validity, _SEQUENCE))
    extensions = next((content for tag, content in rest if tag == _EXTENSIONS), b"")
    names = tuple(islice(_alternatives(extensions), CERTIFICATE_NAMES_MAX))
    return Certificate(_name(subject), _name(issuer), names, _time(until))


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
                pairs.append(f"{label}={text[1].decode(errors='replace')}")
    return _shown(", ".join(pairs))


def _shown(text: str) -> str:
    """A text of the peer without control characters, and no longer than conditions read."""
    return escaped(text)[:CERTIFICATE_NAME_CHARACTERS_MAX]


def _time(item: Item) -> datetime:
    tag, content = item
    text = content.decode("ascii")
    if tag == _SHORT_TIME:
        # Two digits of the year: those from 50 on are of the last century (RFC 5280, 4.1.2.5.1).
        text = f"{'19' if text[:2] >= '50' else '20'}{text}"
    elif tag != _LONG_TIME:
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


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
