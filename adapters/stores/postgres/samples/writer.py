"""Samples on their way into PostgreSQL: numbered, packed into blocks of an hour, with the texts of those that were not simply up."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

from .....domain import limits
from .....domain.incidents.record import Batch, Renamed
from .....domain.observation.outcome import Outcome, Reason
from .....domain.observation.sample import Sample
from .....domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_US
from ...history.source import US_PER_HOUR
from ...history.stored import encoded
from ...record_state import without_zero_bytes as text
from ..connection import BoundedConnection
from .blocks import BlockRow, pack_block

_NEW_TARGETS = """
INSERT INTO target (shard, name) SELECT %s, unnest(%s::text[]) ON CONFLICT (name, shard) DO NOTHING
"""
_TARGETS = "SELECT name, id FROM target WHERE shard = %s"
_NEW_FINDINGS = """
INSERT INTO finding (outcome, reason) SELECT unnest(%s::text[]), unnest(%s::text[]) ON CONFLICT (outcome, reason) DO NOTHING
"""


class Packed(NamedTuple):
    """The samples of a batch as one statement writes them."""

    hours: list[int]
    blocks: list[bytes]
    days: list[int]
    """The days that have had no samples since they were last summed up."""
    at_us: list[int]
    targets: list[int]
    texts: list[str]
    """The explanations of samples that were not up everywhere: moment, target and text, a column each."""
    evidence: list[tuple[Any, ...]]
    """The rows of evidence; nothing of a sample that was left out."""
    renames: list[tuple[str, int]]
    """New names of targets, with their numbers."""
    known: dict[str, int]
    """The numbers of targets after the commit."""
    left_out: int


class SampleWriter:
    """Numbers what rows refer to, and packs samples. The first sample of a target and a microsecond stays, as readers see to.

    A sample outside the years 2000 to 2199 is left out: that is a clock that jumped.
    """

    def __init__(self, connection: BoundedConnection, shard: int) -> None:
        self._connection, self._shard = connection, shard
        self.reload()

    def reload(self) -> None:
        """Reads the numbers, and forgets what a transaction that failed has left behind in memory."""
        self._targets: dict[str, int] = dict(self._rows(_TARGETS, (self._shard,)))
        self._read_findings()
        self.open_days = {
            day for (day,) in self._rows("SELECT day FROM open_day WHERE shard = %s", (self._shard,))
        }

    def _rows(self, query: str, said: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, said).fetchall()

    def _read_findings(self) -> None:
        found = self._rows("SELECT outcome, reason, id FROM finding")
        self._findings = {(outcome, reason): number for outcome, reason, number in found}

    def packed(self, batch: Batch) -> Packed:
        """Returns the samples of a batch. New names get their numbers before the transaction: one that fails leaves mere names."""
        renames, known = self._renamed(batch)
        known = self._numbered(batch, known)
        hours: dict[int, list[BlockRow]] = {}
        unwell: list[tuple[int, int, str]] = []
        kept = 0
        for hour, of_hour in groupby(batch.samples, _hour_of):
            if _admits(hour):
                samples = list(of_hour)
                kept += len(samples)
                hours.setdefault(hour, []).extend(self._packable(hour, samples, known))
                unwell += [_explained(each, known) for each in samples if _has_text(each)]
        at_us, targets, texts = zip(*unwell, strict=True) if unwell else ((), (), ())
        return Packed(
            [*hours],
            [pack_block(rows) for rows in hours.values()],
            sorted({hour // 24 for hour in hours} - self.open_days),
            [*at_us],
            [*targets],
            [*texts],
            [
                (self._shard, each.at_ns // NS_PER_US, known[each.target], encoded(each))
                for each in batch.evidence
                if _admits(each.at_ns // NS_PER_HOUR)
            ],
            renames,
            known,
            len(batch.samples) - kept,
        )

    def written(self, packed: Packed) -> None:
        """Notes what a commit has made durable."""
        self.open_days.update(packed.days)
        self._targets = packed.known

    def _renamed(self, batch: Batch) -> tuple[list[tuple[str, int]], dict[str, int]]:
        """Returns new names with their numbers, and all by name: the first former name gives its samples to one that has none yet."""
        known = dict(self._targets) if batch.renamed else self._targets
        renames = [(each.target, number) for each in batch.renamed for number in _renamed(known, each)]
        return renames, known

    def _numbered(self, batch: Batch, known: dict[str, int]) -> dict[str, int]:
        names = {each.target for each in batch.samples if each.target not in known}
        names |= {each.target for each in batch.evidence if each.target not in known}
        if names:
            self._connection.execute(_NEW_TARGETS, (self._shard, sorted(names)))
            found = dict(self._rows(_TARGETS, (self._shard,)))
            known = known | {name: found[name] for name in names}
        pairs = {(each.outcome, each.reason) for each in batch.samples} - self._findings.keys()
        if pairs:
            outcomes, reasons = zip(*sorted(pairs), strict=True)
            self._connection.execute(_NEW_FINDINGS, (list(map(str, outcomes)), list(map(str, reasons))))
            self._read_findings()
        return known

    def _packable(self, hour: int, samples: list[Sample], targets: dict[str, int]) -> Iterator[BlockRow]:
        """This runs for every sample and is most of what storing one costs in this process."""
        hour_us, ns_per_us = hour * US_PER_HOUR, NS_PER_US
        findings = self._findings
        for sample in samples:
            latency_ns = sample.latency_ns
            yield (
                sample.at.wall_ns // ns_per_us - hour_us,
                targets[sample.target],
                findings[sample.outcome, sample.reason],
                sample.status,
                None if latency_ns is None else latency_ns // ns_per_us,
            )


def _renamed(known: dict[str, int], renamed: Renamed) -> Iterator[int]:
    for name in renamed.former:
        if name in known and renamed.target not in known:
            known[renamed.target] = known.pop(name)
            yield known[renamed.target]


def _has_text(sample: Sample) -> bool:
    """Whether its explanation is kept: it was not up, or not every location saw it so."""
    return sample.outcome is not Outcome.UP or sample.reason is not Reason.OK


def _explained(sample: Sample, known: dict[str, int]) -> tuple[int, int, str]:
    said = text(sample.explanation()[: limits.EXPLANATION_CHARACTERS_MAX])
    return sample.at.wall_ns // NS_PER_US, known[sample.target], said


def _hour_of(sample: Sample) -> int:
    return sample.at.wall_ns // NS_PER_HOUR


def _admits(hour: int) -> bool:
    at_ns = hour // 24 * NS_PER_DAY
    return limits.SAMPLE_WALL_NS_MIN <= at_ns < limits.SAMPLE_WALL_NS_MAX
