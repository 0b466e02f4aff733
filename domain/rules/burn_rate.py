"""Error budgets: how fast bad samples spend what an objective leaves, over the window pairs of Google's SRE workbook."""

from collections import deque
from collections.abc import Iterator
from itertools import islice

from ..limits import SLO_BAD_MIN
from ..observation.sample import Sample
from ..specification.rule import BurnLimit, BurnRate
from ..time.duration import parse_duration
from ..time.moment import Moment
from .cause import Cause
from .evaluator import Evaluator, Verdict

SHORT_BUCKETS = 5
"""The short window is counted in so many buckets, and in the one that is being filled: it is up to a fifth longer than stated."""
LONG_BUCKETS = 12 * SHORT_BUCKETS


class _Counts:
    """The samples and the bad ones among them in the newest buckets, at most a given number of whole ones."""

    __slots__ = ("bad", "total")

    def __init__(self) -> None:
        self.total = self.bad = 0

    def add(self, total: int, bad: int) -> None:
        self.total += total
        self.bad += bad

    @property
    def ratio(self) -> float:
        return self.bad / self.total if self.total else 0.0


class BurnCounter:
    """Counts the samples of a long window and of its last twelfth, in buckets: 61 pairs of numbers, whatever the cadence."""

    __slots__ = (
        "_bad",
        "_closed",
        "_encoded",
        "_full_ns",
        "_index",
        "_total",
        "_width_ns",
        "limit",
        "long",
        "short",
    )

    def __init__(self, limit: BurnLimit) -> None:
        self.limit = limit
        self._width_ns = parse_duration(limit.windows.short) // SHORT_BUCKETS
        self._index = 0
        """The number of the bucket that is being filled, since the first sample."""
        self._full_ns = self._width_ns
        """When it is full, after the first sample."""
        self._closed: deque[tuple[int, int]] = deque()
        self._total = self._bad = 0
        self.long, self.short = _Counts(), _Counts()
        self._encoded: tuple[int, ...] | None = None

    def add(self, elapsed_ns: int, *, bad: bool) -> None:
        """Counts a sample that was taken so long after the first one."""
        if elapsed_ns >= self._full_ns:
            self._close(elapsed_ns // self._width_ns - self._index)
        self._total += 1
        self.long.total += 1
        self.short.total += 1
        if bad:
            self._bad += 1
            self.long.bad += 1
            self.short.bad += 1

    def _close(self, passed: int) -> None:
        self._encoded = None
        self._index += passed
        self._full_ns += passed * self._width_ns
        for _ in range(min(passed, LONG_BUCKETS + 1)):
            self._closed.append((self._total, self._bad))
            self._total = self._bad = 0
            if len(self._closed) > SHORT_BUCKETS:
                total, bad = self._closed[-SHORT_BUCKETS - 1]
                self.short.add(-total, -bad)
            if len(self._closed) > LONG_BUCKETS:
                total, bad = self._closed.popleft()
                self.long.add(-total, -bad)

    def is_spent(self, min_samples: int) -> bool | None:
        """Whether both windows exceed the limit; None where one holds too few samples to say so."""
        if self.short.total < min_samples:
            return None
        if not self.short.bad:
            return False  # nearly every sample ends here
        ratio = self.limit.ratio
        return self.long.bad >= SLO_BAD_MIN and self.long.ratio > ratio and self.short.ratio > ratio

    @property
    def nearness(self) -> float:
        """How near the limit is, of the window that is farther from it: above 1 beyond it."""
        return min(self.long.ratio, self.short.ratio) / self.limit.ratio

    def saved(self) -> tuple[int, ...]:
        """Returns the state as numbers: those of the bucket that is being filled, then runs of equal buckets, oldest first."""
        if self._encoded is None:
            self._encoded = tuple(_runs_of(self._closed))
        return (self._index, self._total, self._bad, len(self._encoded), *self._encoded)

    def resume(self, saved: Iterator[int]) -> None:
        """Takes what `saved` gave out of an iterator. Raises: ValueError for what it did not give."""
        self._index, self._total, self._bad, length = islice(saved, 4)
        self._full_ns = (self._index + 1) * self._width_ns
        runs = list(islice(saved, length))
        if len(runs) < length or sum(runs[::3]) > LONG_BUCKETS:
            raise ValueError("these are not the buckets of an error budget")
        self._encoded = tuple(runs)
        buckets = zip(runs[::3], runs[1::3], runs[2::3], strict=True)
        self._closed = deque((total, bad) for repeats, total, bad in buckets for _ in range(repeats))
        self.long, self.short = _Counts(), _Counts()
        for at, (total, bad) in enumerate([*self._closed, (self._total, self._bad)]):
            self.long.add(total, bad)
            if at >= len(self._closed) - SHORT_BUCKETS:
                self.short.add(total, bad)


def _runs_of(buckets: deque[tuple[int, int]]) -> Iterator[int]:
    """Yields equal neighbours as one run: how many, the samples of each, and the bad ones."""
    repeats, before = 0, (0, 0)
    for bucket in buckets:
        if repeats and bucket != before:
            yield from (repeats, *before)
            repeats = 0
        repeats, before = repeats + 1, bucket
    if repeats:
        yield from (repeats, *before)


class BurnRateEvaluator(Evaluator):
    """Counts good and bad samples over each pair of windows; the time without a process counts for none of them."""

    __slots__ = ("_counters", "_origin_ns", "_rule")
    counts_each_sample = True

    def __init__(self, rule: BurnRate) -> None:
        super().__init__()
        self._rule = rule
        self._counters = [BurnCounter(limit) for limit in rule.burn_limits]
        self._origin_ns: int | None = None
        """When the first sample was taken, on the monotonic hand of this process."""

    def take(self, sample: Sample, *, firing: bool) -> Verdict:
        at_ns = sample.at.monotonic_ns
        self._origin_ns = at_ns if self._origin_ns is None else self._origin_ns
        bad = sample.outcome.is_bad
        min_samples, spent, judged = self._rule.slo.min_samples, False, False
        for counter in self._counters:
            counter.add(at_ns - self._origin_ns, bad=bad)
            found = counter.is_spent(min_samples)
            spent, judged = spent or found is True, judged or found is not None
        if bad:
            self._note(sample)
        if spent:
            return Verdict.VIOLATED
        if judged and firing:
            self._since, self._attempts = None, (sample.attempt,)
        return Verdict.OK if judged else Verdict.UNCHANGED

    def _note(self, sample: Sample) -> None:
        """Notes a bad sample; one that is the only one in each short window is the first of a breach."""
        if self._since is None or all(counter.short.bad == 1 for counter in self._counters):
            self._since, self._attempts = sample.at, ()
        self._add_evidence(sample)

    def is_bad(self, sample: Sample, verdict: Verdict) -> bool:
        del verdict
        return sample.outcome.is_bad

    @property
    def worst(self) -> BurnCounter:
        """The pair of windows that is nearest its limit, or farthest beyond it."""
        return max(self._counters, key=lambda counter: counter.nearness)

    def stands(self, *, firing: bool) -> tuple[str, float | None]:
        del firing
        counter = self.worst
        windows, limit = counter.limit.windows, counter.limit.ratio
        found = (
            f"{counter.long.ratio:.3%} bad in {windows.long}, {counter.short.ratio:.3%} in {windows.short}"
        )
        return f"{found}, breaks when both are > {limit:.3%}", min(1.0, counter.nearness)

    def breach(self, cause: Cause) -> Cause:
        del cause
        counter, slo = self.worst, self._rule.slo
        windows, pace = counter.limit.windows, counter.long.ratio / slo.error_budget
        said = (
            f"{counter.long.ratio:.3%} of the samples of {windows.long} and {counter.short.ratio:.3%} of those of {windows.short}"
            f" are bad: {pace:.3g} times what {slo.objective} over {slo.window} allows, > {counter.limit.factor:.3g}"
        )
        return Cause("threshold", said)

    def counters(self) -> tuple[int, ...]:
        return tuple([number for counter in self._counters for number in counter.saved()])

    def fits(self, counters: tuple[int, ...]) -> bool:
        saved = iter(counters[1:])
        try:
            for limit in self._rule.burn_limits:
                BurnCounter(limit).resume(saved)
        except ValueError:
            return False
        return next(saved, None) is None

    def resume(self, counters: tuple[int, ...], since: Moment | None) -> None:
        saved = iter(counters)
        for counter in self._counters:
            counter.resume(saved)
        self._since = since

    def saved(self, at: Moment) -> tuple[int, ...]:
        elapsed_ns = 0 if self._origin_ns is None else at.monotonic_ns - self._origin_ns
        return (elapsed_ns, *self.counters())

    def resume_saved(self, saved: tuple[int, ...], since: Moment | None, now: Moment) -> None:
        self._origin_ns = now.monotonic_ns - saved[0]
        self.resume(saved[1:], since)

    def begin_anew(self) -> None:
        """Keeps the counts: silence that counts as good spends nothing, and gives nothing back."""
