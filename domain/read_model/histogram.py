"""A histogram of durations in bounded space: logarithmic buckets, each at most an eighth wider than the one before."""

from ..public_value import PublicValue
from ..units import NS_PER_MS

_SUB_BITS = 3
"""An eighth."""


def bucket_of(value: int, sub_bits: int) -> int:
    """The bucket of a number of at least 0; each power of two has `2 ** sub_bits` of them."""
    shift = max(value.bit_length() - 1 - sub_bits, 0)
    return (shift << sub_bits) + (value >> shift)


def upper_edge(bucket: int, sub_bits: int) -> int:
    """The greatest value in a bucket."""
    if bucket < 2 << sub_bits:
        return bucket
    # The bucket's number is shift * 2 ** sub_bits plus a value of 2 ** sub_bits and more.
    shift = (bucket >> sub_bits) - 1
    return ((bucket - (shift << sub_bits) + 1) << shift) - 1


class Percentiles(PublicValue, frozen=True, gc=False):
    """Percentiles of a histogram in nanoseconds; each is the upper edge of its bucket, at most 12.5 % too high."""

    count: int
    p50_ns: int
    p90_ns: int
    p99_ns: int
    max_ns: int

    @property
    def p50_ms(self) -> float:
        return self.p50_ns / NS_PER_MS

    @property
    def p90_ms(self) -> float:
        return self.p90_ns / NS_PER_MS

    @property
    def p99_ms(self) -> float:
        return self.p99_ns / NS_PER_MS

    @property
    def max_ms(self) -> float:
        return self.max_ns / NS_PER_MS


class Histogram:
    """Counts durations; adding costs a few integer operations."""

    __slots__ = ("_buckets", "_max_ns", "count")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._max_ns = 0
        self.count = 0

    def add(self, value_ns: int) -> None:
        """Adds one duration in nanoseconds; a negative one counts as zero."""
        value_ns = max(value_ns, 0)
        bucket = bucket_of(value_ns, _SUB_BITS)
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
                return min(upper_edge(bucket, _SUB_BITS), self._max_ns)
        return 0
