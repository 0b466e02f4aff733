"""Blocks: the samples of one commit that lie in one hour, as compressed columns, until the hour is sealed."""

import zlib
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from .....domain.errors import StoreCorrupt
from ...history.chunks import LATENCY_US_MAX, STATUS_MAX, shuffled, unshuffled
from ...history.stored import FoundRow

BlockRow: TypeAlias = tuple[int, int, int, int | None, int | None]
"""Microseconds since the hour began, target, finding, status, latency in microseconds."""
PackedSample: TypeAlias = tuple[int, int, int, int, int]
"""The same in the columns of a block, where a number stands for None, too."""
_CODES = "IIIiI"
_WIDTH = 4
_FORMAT = b"\x01"
_NO_STATUS = -(2**31)
_LEVEL = 1
"""A block lives for an hour: half the time of the usual level, for a tenth more bytes."""


def pack_block(rows: Sequence[BlockRow]) -> bytes:
    """Returns the bytes of samples in the order in which they came."""
    at_us, target, finding, status, latency_us = zip(*rows, strict=True)
    columns = (
        at_us,
        target,
        finding,
        [_NO_STATUS if code is None else max(-STATUS_MAX, min(STATUS_MAX, code)) for code in status],
        [0 if us is None else max(0, min(LATENCY_US_MAX, us)) + 1 for us in latency_us],
    )
    return _FORMAT + zlib.compress(b"".join(map(shuffled, _CODES, columns)), _LEVEL)


class Block:
    """The columns of a block; a column is unpacked when it is asked for."""

    def __init__(self, data: bytes) -> None:
        """Raises: StoreCorrupt for bytes that are no block."""
        try:
            self._content = zlib.decompress(data[1:]) if data[:1] == _FORMAT else b""
        except zlib.error:
            self._content = b""
        self._count, rest = divmod(len(self._content), _WIDTH * len(_CODES))
        if not self._count or rest:
            raise StoreCorrupt(
                f"a block of {len(data)} bytes does not read back: it is damaged or of another format"
            )

    def __len__(self) -> int:
        return self._count

    def _column(self, number: int) -> tuple[int, ...]:
        size = self._count * _WIDTH
        return unshuffled(_CODES[number], self._content[number * size : (number + 1) * size])

    @property
    def targets(self) -> tuple[int, ...]:
        return self._column(1)

    def rows(self, hour_us: int) -> Iterator[tuple[int, FoundRow]]:
        """Yields target and sample, with the microsecond since 1970, in the order in which they came."""
        for packed in self.packed():
            yield packed[1], unpacked(packed, hour_us)

    def packed(self) -> Iterator[PackedSample]:
        """Yields the samples in the order in which they came, as the columns have them."""
        return zip(*map(self._column, range(5)), strict=True)


def unpacked(packed: PackedSample, hour_us: int) -> FoundRow:
    """Returns a sample with the microsecond since 1970."""
    at_us, _, finding, status, latency = packed
    return (
        hour_us + at_us,
        finding,
        None if status == _NO_STATUS else status,
        latency - 1 if latency else None,
    )
