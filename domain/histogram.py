"""A histogram of durations in bounded space: logarithmic buckets, each at most an eighth wider than the one before."""

import msgspec

_SUB_BITS = 3
_SUB = 1 << _SUB_BITS


class Percentiles(msgspec.Struct, frozen=True, gc=False):
    """Figures of a histogram in nanoseconds; each is the upper edge of its bucket, at most 12.5 % too high."""

    count: int = 0
    p50_ns: int = 0
    p90_ns: int = 0
    p99_ns: int = 0
    max_ns: int = 0


class Histogram:
    """Counts durations; adding costs a few integer operations."""

    __slots__ = ("_buckets", "_max_ns", "count")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._max_ns = 0
        self.count = 0

    def add(self, value_ns: int) -> None:
        """Take in one duration; negative ones count as zero."""
        value_ns = max(value_ns, 0)
        shift = max(value_ns.bit_length() - 1 - _SUB_BITS, 0)
        bucket = (shift << _SUB_BITS) + (value_ns >> shift)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1
        self._max_ns = max(self._max_ns, value_ns)

    def percentiles(self) -> Percentiles:
        return Percentiles(self.count, self._at(0.50), self._at(0.90), self._at(0.99), self._max_ns)

    def _at(self, share: float) -> int:
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(_upper_edge(bucket), self._max_ns)
        return 0


def _upper_edge(bucket: int) -> int:
    if bucket < 2 * _SUB:
        return bucket
    # Values of _SUB .. 2 * _SUB - 1 at each shift: the bucket number is shift * _SUB plus such a value.
    shift = (bucket >> _SUB_BITS) - 1
    return ((bucket - (shift << _SUB_BITS) + 1) << shift) - 1
