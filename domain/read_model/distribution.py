"""A histogram of durations with fixed bounds, as metrics show it; `histogram.py` has percentiles instead."""

from bisect import bisect_left
from itertools import accumulate

import msgspec

from ..units import NS_PER_MS, NS_PER_S

LATENESS_BOUNDS_NS = tuple(
    ms * NS_PER_MS for ms in (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
)
DURATION_BOUNDS_NS = tuple(
    ms * NS_PER_MS for ms in (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
)
"""Of an attempt and of a commit."""
DELAY_BOUNDS_NS = tuple(
    seconds * NS_PER_S for seconds in (1, 2, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400)
)
"""Of a notice: from a receiver that is there to one that is away for a day."""


class Distribution(msgspec.Struct, frozen=True, gc=False):
    """How many durations lie in each bucket, and their sum."""

    bounds_ns: tuple[int, ...]
    counts: tuple[int, ...]
    """One for each bound: how many are above the bound before it and not above it; then how many are above all."""
    sum_ns: int

    @property
    def count(self) -> int:
        return sum(self.counts)

    def cumulative(self) -> tuple[int, ...]:
        """Returns for each bound how many are not above it, and last how many there are."""
        return tuple(accumulate(self.counts))


class Buckets:
    """Counts durations; adding costs a search among a dozen bounds."""

    __slots__ = ("_bounds_ns", "_counts", "_sum_ns")

    def __init__(self, bounds_ns: tuple[int, ...]) -> None:
        self._bounds_ns = bounds_ns
        self._counts = [0] * (len(bounds_ns) + 1)
        self._sum_ns = 0

    def add(self, value_ns: int) -> None:
        """Adds one duration; a negative one counts as zero."""
        value_ns = max(value_ns, 0)
        self._counts[bisect_left(self._bounds_ns, value_ns)] += 1
        self._sum_ns += value_ns

    def read(self) -> Distribution:
        return Distribution(self._bounds_ns, tuple(self._counts), self._sum_ns)
