"""Samples as a store returns them: compact values."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, TypeAlias

import msgspec

from ....domain.observation.evidence import Evidence
from ....domain.observation.observation import Phases
from ....domain.observation.outcome import NO_EVIDENCE, Outcome, Reason, is_answered
from ....domain.public_value import PublicValue, milliseconds
from ....domain.read_model.histogram import bucket_of, upper_edge
from ....domain.time.moment import utc
from ....domain.units import NS_PER_US

_SUB_BITS = 2
"""Buckets of latency are at most a quarter wider than the one before."""

FoundRow: TypeAlias = tuple[int, int, int | None, int | None]
"""Microseconds, finding, status, latency in microseconds."""


class StoredSample(PublicValue, frozen=True, gc=False):
    """One sample as it is kept: times to the microsecond, and the explanation of one that was not up everywhere."""

    at_ns: int
    outcome: Outcome
    reason: Reason
    status: int | None = None
    latency_ns: int | None = None
    explanation: str = ""

    @property
    def at(self) -> datetime:
        """When it was taken, in UTC."""
        return utc(self.at_ns)

    @property
    def latency_ms(self) -> float | None:
        return milliseconds(self.latency_ns)


class StoredEvidence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The evidence of a bad sample, as its row has it."""

    ip: str | None
    phases: Phases | None
    failed: tuple[str, ...]
    body: str

    def of(self, target: str, at_us: int) -> Evidence:
        """Returns the evidence of a target's sample."""
        return Evidence(
            target=target,
            at_ns=at_us * NS_PER_US,
            ip=self.ip,
            phases=self.phases,
            failed=self.failed,
            body=self.body,
        )


EVIDENCE = msgspec.msgpack.Decoder(StoredEvidence)


def encoded(evidence: Evidence) -> bytes:
    """Returns the bytes of evidence in its row."""
    return msgspec.msgpack.encode(
        StoredEvidence(evidence.ip, evidence.phases, evidence.failed, evidence.body)
    )


class _Counted(PublicValue, frozen=True, array_like=True, gc=False):
    """The counts that a roll-up begins with."""

    count: int = 0
    good: int = 0
    """Up or degraded."""
    bad: int = 0
    """Down or timed out."""
    unknown: int = 0
    """No evidence: cancelled, or our own trouble."""
    timed: int = 0
    """Those that were answered after a time that was measured."""
    latency_sum_us: int = 0
    latency_max_us: int = 0

    @property
    def uptime(self) -> float | None:
        """The good share of what was evidence; None when nothing was."""
        evidence = self.good + self.bad
        return self.good / evidence if evidence else None

    def _shown(self) -> dict[str, Any]:
        """Returns the counts and the `uptime`, as plain data has them."""
        names = ("count", "good", "bad", "unknown", "uptime")
        return {name: getattr(self, name) for name in names}

    def _max_ms(self) -> float | None:
        return milliseconds(self.latency_max_us * NS_PER_US) if self.timed else None


class Totals(_Counted, frozen=True, array_like=True, gc=False):
    """The head of a roll-up: its counts. The buckets of latency are nine tenths of a roll-up, and not read."""

    @property
    def latency_mean_ns(self) -> int | None:
        """The mean latency of those that were answered; None without any."""
        return self.latency_sum_us * NS_PER_US // self.timed if self.timed else None

    def to_dict(self) -> dict[str, Any]:
        """Returns the counts, the `uptime`, and the mean and longest latency of answers in milliseconds."""
        mean_ms, max_ms = milliseconds(self.latency_mean_ns), self._max_ms()
        return {**self._shown(), "mean_ms": mean_ms, "max_ms": max_ms}

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.count + other.count,
            self.good + other.good,
            self.bad + other.bad,
            self.unknown + other.unknown,
            self.timed + other.timed,
            self.latency_sum_us + other.latency_sum_us,
            max(self.latency_max_us, other.latency_max_us),
        )


class Rollup(_Counted, frozen=True, array_like=True, gc=False):
    """The samples of one target in one hour or one day.

    Its latency is that of answers: how soon a connection was refused, or how long an answer was waited for that never came, is in
    none of its figures, so that a target that is down does not look fast.
    """

    buckets: tuple[tuple[int, int], ...] = ()
    """Latency of what was answered: bucket and count, in rising order."""

    @property
    def totals(self) -> Totals:
        """The same without the buckets."""
        return Totals(*(getattr(self, name) for name in Totals.__struct_fields__))

    def latency_at_ns(self, share: float) -> int | None:
        """The latency that `share` of the answers did not exceed, at most a quarter too high."""
        if not self.timed:
            return None
        seen = [*accumulate(count for _, count in self.buckets)]
        bucket, _ = self.buckets[bisect_left(seen, share * self.timed)]
        return min(upper_edge(bucket, _SUB_BITS), self.latency_max_us) * NS_PER_US

    def latency_at_ms(self, share: float) -> float | None:
        """The same in milliseconds."""
        return milliseconds(self.latency_at_ns(share))

    def to_dict(self) -> dict[str, Any]:
        """Returns the counts, the `uptime`, and latencies of answers in milliseconds: p50, p95 and the longest."""
        p50_ms, p95_ms = self.latency_at_ms(0.50), self.latency_at_ms(0.95)
        return {**self._shown(), "p50_ms": p50_ms, "p95_ms": p95_ms, "max_ms": self._max_ms()}


ROLLUPS = msgspec.msgpack.Decoder(Rollup)
TOTALS = msgspec.msgpack.Decoder(Totals)


class Summed(PublicValue, frozen=True, gc=False):
    """A roll-up and when its span began."""

    at_ns: int
    rollup: Rollup

    @property
    def at(self) -> datetime:
        """When its span began, in UTC."""
        return utc(self.at_ns)


def roll_up(rows: Sequence[FoundRow], findings: Mapping[int, tuple[Outcome, Reason]]) -> Rollup:
    """The roll-up of samples: of all their outcomes, and of the latencies of those that were answered."""
    numbers = Counter([finding for _, finding, _, _ in rows])
    answered = {number for number in numbers if is_answered(*findings[number])}
    latencies_us = [us for _, finding, _, us in rows if us is not None and finding in answered]
    counted = Counter([bucket_of(latency_us, _SUB_BITS) for latency_us in latencies_us])
    outcomes: Counter[Outcome] = Counter()
    for number, count in numbers.items():
        outcomes[findings[number][0]] += count
    unknown = sum(outcomes[outcome] for outcome in NO_EVIDENCE)
    good = outcomes[Outcome.UP] + outcomes[Outcome.DEGRADED]
    return Rollup(
        count=len(rows),
        good=good,
        bad=len(rows) - good - unknown,
        unknown=unknown,
        timed=len(latencies_us),
        latency_sum_us=sum(latencies_us),
        latency_max_us=max(latencies_us, default=0),
        buckets=tuple(sorted(counted.items())),
    )


def merged(rollups: list[Rollup]) -> Rollup:
    """One roll-up of several spans."""
    counted: Counter[int] = Counter()
    for rollup in rollups:
        counted.update(dict(rollup.buckets))
    return Rollup(
        count=sum(rollup.count for rollup in rollups),
        good=sum(rollup.good for rollup in rollups),
        bad=sum(rollup.bad for rollup in rollups),
        unknown=sum(rollup.unknown for rollup in rollups),
        timed=sum(rollup.timed for rollup in rollups),
        latency_sum_us=sum(rollup.latency_sum_us for rollup in rollups),
        latency_max_us=max((rollup.latency_max_us for rollup in rollups), default=0),
        buckets=tuple(sorted(counted.items())),
    )
