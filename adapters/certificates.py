"""The one fact that a certificate is asked for, read from its bytes."""

from functools import lru_cache

from ..domain.limits import CERTIFICATES_KEPT

MONTHS = {
    "01": "Jan", "02": "Feb", "03": "Mar", "04": "Apr", "05": "May", "06": "Jun",
    "07": "Jul", "08": "Aug", "09": "Sep", "10": "Oct", "11": "Nov", "12": "Dec",
}  # fmt: skip
VERSION = 0xA0
UTC_TIME = 0x17
LONG_LENGTH = 0x80
BEFORE_VALIDITY = ("serial number", "signature algorithm", "issuer")
CENTURY_TURNS = 50
"""Two digits of a year from here on are of the last century (RFC 5280, 4.1.2.5.1)."""


@lru_cache(maxsize=CERTIFICATES_KEPT)
def expires_of(certificate: bytes) -> str | None:
    """The end of a DER certificate's life as OpenSSL writes it; None where none can be read.

    Reading it takes 5 microseconds and the same bytes come with every handshake, hence the cache.
    """
    try:
        return _text(*_not_after(certificate))
    except (LookupError, ValueError):
        return None


def _not_after(certificate: bytes) -> tuple[int, str]:
    """Tag and digits of the second of a certificate's two times, which its fourth or fifth field holds (RFC 5280, 4.1)."""
    _, at, _ = _element(certificate, 0)
    _, at, _ = _element(certificate, at)
    tag, _, end = _element(certificate, at)
    if tag == VERSION:
        at = end
    for _ in BEFORE_VALIDITY:
        _, _, at = _element(certificate, at)
    _, at, _ = _element(certificate, at)
    _, _, at = _element(certificate, at)
    tag, begin, end = _element(certificate, at)
    return tag, certificate[begin:end].decode("ascii")


def _element(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, and where the content of the element at a place begins and ends."""
    length, begin = data[at + 1], at + 2
    if length >= LONG_LENGTH:
        size = length - LONG_LENGTH
        length, begin = int.from_bytes(data[begin : begin + size]), begin + size
    return data[at], begin, begin + length


def _text(tag: int, digits: str) -> str:
    """`Nov  1 18:25:00 2026 GMT` of `261101182500Z` or `20261101182500Z`."""
    if tag == UTC_TIME:
        digits = ("19" if int(digits[:2]) >= CENTURY_TURNS else "20") + digits
    year, month, day = int(digits[:4]), MONTHS[digits[4:6]], int(digits[6:8])
    hour, minute, second = int(digits[8:10]), int(digits[10:12]), int(digits[12:14])
    return f"{month} {day:2d} {hour:02d}:{minute:02d}:{second:02d} {year} GMT"
