"""The common form of an HTTP answer, recognised strictly. libcurl reads every other form."""

import re
from typing import NamedTuple

from ....domain.limits import HEADER_BYTES_MAX

END_OF_HEADER = b"\r\n\r\n"
# No interim answer, no redirect; every line a name, a colon and a value without controls that could be read two ways.
HEADER = re.compile(
    rb"HTTP/1\.[01] ([245]\d\d)(?: [^\r\n\0]*)?\r\n(?:[!#-'*+.0-9A-Z^_`a-z|~-]+:[^\r\n\0]*\r\n)+\r\n"
)
CODED = b"\ntransfer-encoding"
SIZED = b"\ncontent-length"
LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,10})[ \t]*\r\n")
BODILESS = frozenset({204, 205})


class PlainHeader(NamedTuple):
    """A header that says by itself how long the body is."""

    status: int
    end: int
    """Where the body begins."""
    body_length: int


def read_plain(data: bytes) -> PlainHeader | None:
    """The header at the beginning of `data`; None when it is not of the common form or its end has not come."""
    found = HEADER.match(data)
    if found is None or found.end() > HEADER_BYTES_MAX:
        return None
    status, end = int(found[1]), found.end()
    header = data[:end].lower()
    place = header.find(SIZED)
    if place < 0 or place != header.rfind(SIZED) or CODED in header or status in BODILESS:
        return None
    length = LENGTH.match(header, place)
    return None if length is None else PlainHeader(status, end, int(length[1]))
