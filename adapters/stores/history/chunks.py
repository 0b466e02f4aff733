"""Sealed history: the samples of one target and hour as compressed columns, about four bytes a sample."""

import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from struct import pack as pack_struct
from struct import unpack as unpack_struct
from typing import NamedTuple

from ....domain.errors import StoreCorrupt

STATUS_MAX = 2**31 - 1
LATENCY_US_MAX = 2**32 - 2
"""The range of a column; no measurement of a probe comes near it."""

_NO_STATUS = -(2**31)
_WIDTH = 4
_CODES = "IIiI"
_FORMAT = b"\x01"


class Columns(NamedTuple):
    """Samples in the order of time, a column each; a status or latency is None where there was none."""

    at_us: Sequence[int]
    """Since the hour began."""
    finding: Sequence[int]
    status: Sequence[int | None]
    latency_us: Sequence[int | None]


def pack(rows: Sequence[tuple[int, int, int | None, int | None]]) -> bytes:
    """Bytes of (microseconds since the hour began, finding, status, latency) in the order of time."""
    at_us, finding, status, latency_us = zip(*rows, strict=True)
    columns = (
        [later - earlier for earlier, later in pairwise((0, *at_us))],
        finding,
        [_NO_STATUS if code is None else code for code in status],
        [0 if latency is None else latency + 1 for latency in latency_us],
    )
    return _FORMAT + zlib.compress(b"".join(map(shuffled, _CODES, columns)))


def unpack(data: bytes) -> Columns:
    """The columns of a chunk. Raises: StoreCorrupt for bytes that are no chunk."""
    try:
        content = zlib.decompress(data[1:]) if data[:1] == _FORMAT else b""
    except zlib.error:
        content = b""
    count, rest = divmod(len(content), _WIDTH * len(_CODES))
    if not count or rest:
        raise StoreCorrupt(
            f"a chunk of {len(data)} bytes does not read back: it is damaged or of another format"
        )
    size = count * _WIDTH
    at_us, finding, status, latency = (
        unshuffled(code, content[start * size : (start + 1) * size]) for start, code in enumerate(_CODES)
    )
    return Columns(
        list(accumulate(at_us)),
        finding,
        [None if code == _NO_STATUS else code for code in status],
        [value - 1 if value else None for value in latency],
    )


def shuffled(code: str, column: Sequence[int]) -> bytes:
    """All lowest bytes, then all second ones ...: equal high bytes stand together and cost next to nothing."""
    content = pack_struct(f"<{len(column)}{code}", *column)
    return b"".join(content[place::_WIDTH] for place in range(_WIDTH))


def unshuffled(code: str, content: bytes) -> tuple[int, ...]:
    count = len(content) // _WIDTH
    together = bytearray(len(content))
    for place in range(_WIDTH):
        together[place::_WIDTH] = content[place * count : (place + 1) * count]
    return unpack_struct(f"<{count}{code}", together)
