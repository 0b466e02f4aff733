"""The source of history: the questions that a kind of store answers about its samples, within one transaction."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias

from ....domain.observation.outcome import Outcome, Reason
from ....domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_US
from .stored import FoundRow, StoredSample

US_PER_HOUR = NS_PER_HOUR // NS_PER_US
US_PER_DAY = NS_PER_DAY // NS_PER_US

RowSum: TypeAlias = tuple[int, int, int, int, int, int]
"""Target, finding, and of their samples: the count, the count with a latency, and the sum and the maximum of latencies (us)."""
RecordedNotice: TypeAlias = tuple[str, str, str, str, str, int, str, int, str]
"""Channel, incident, target, rule, kind of step, when it was made, state, number of a reminder, and the body of a digest."""


class SampleSource(Protocol):
    """Hours and days are counted from 1970, and targets and findings are numbers. Spans are half open."""

    def findings(self) -> dict[int, tuple[Outcome, Reason]]:
        """Returns the meanings of the numbers of findings."""
        ...

    def names(self) -> dict[int, str]:
        """Returns the names of targets."""
        ...

    def number_of(self, target: str) -> int | None:
        """Returns the number of a target; None for one without samples."""
        ...

    # The extent of the record.

    def unsealed_hours(self) -> Collection[int]:
        """Returns the hours that may have samples which are in no chunk."""
        ...

    def unsummed_days(self) -> set[int]:
        """Returns the days with samples that are not summed up."""
        ...

    def summed_days(self) -> set[int]:
        """Returns the days that are summed up."""
        ...

    def bounds(self) -> list[tuple[int, int]]:
        """Returns the spans, in hours, of what is summed up by hours and by days; those of nothing are left out."""
        ...

    def newest_chunk(self, first: int, last: int) -> int | None:
        """Returns the newest hour of a span, both ends included, that has a chunk."""
        ...

    def oldest_chunk(self) -> int | None:
        """Returns the oldest hour that has a chunk."""
        ...

    def has_chunk(self, hour: int) -> bool:
        """Returns whether a part of an hour is sealed."""
        ...

    # Of one target, in the order of time.

    def chunks_of(self, target: int | None, first: int, end: int) -> list[tuple[int, bytes]]:
        """Returns the chunks of a span by hour."""
        ...

    def hourly_of(self, target: int | None, first: int, end: int) -> list[tuple[int, bytes]]:
        """Returns the sums of hours of a span."""
        ...

    def daily_of(self, target: int | None, first: int, end: int) -> list[tuple[int, bytes]]:
        """Returns the sums of days of a span of days."""
        ...

    def raw_of(
        self, target: int | None, since_us: int, until_us: int, unsealed: Sequence[int]
    ) -> Iterator[FoundRow]:
        """Yields the samples of a span that lie in `unsealed`, its hours without chunks."""
        ...

    def evidence_of(
        self, target: int | None, since_us: int, until_us: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """Returns the newest evidence of a span, the newest first."""
        ...

    # Of all targets.

    def chunks_at(self, hour: int, targets: Collection[int] | None = None) -> Iterator[tuple[int, bytes]]:
        """Yields the chunks of an hour by target, those of some targets or all."""
        ...

    def newest_raw(
        self, hour: int, begin_us: int, end_us: int, missing: Collection[int]
    ) -> Iterator[tuple[int, FoundRow]]:
        """Yields samples of an unsealed hour, among them the newest of each target that is missing."""
        ...

    def raw_at(self, hour: int) -> dict[int, list[FoundRow]]:
        """Returns the samples of an unsealed hour by target, in the order of time."""
        ...

    def raw_sums(self, hour: int) -> Iterator[RowSum]:
        """Yields the sums of an unsealed hour."""
        ...

    def daily_at(self, day: int) -> Iterator[tuple[int, bytes]]:
        """Yields the sums of a day by target."""
        ...

    def hourly_between(self, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yields the sums of hours by target."""
        ...

    # Texts, steps and notices.

    def explanations(self, at_us: Iterable[int]) -> dict[tuple[int, int], str]:
        """Returns the explanations of samples of these microseconds, by microsecond and target."""
        ...

    def explanations_between(self, begin_us: int, end_us: int) -> Iterator[tuple[int, int, str]]:
        """Yields target, microsecond and text."""
        ...

    def steps_since(self, opened_ns: int) -> Iterator[str | bytes]:
        """Yields the steps, as JSON, of incidents whose first bad sample was taken since a wall time, in their order."""
        ...

    def notices_between(self, since_ns: int, until_ns: int) -> Iterator[RecordedNotice]:
        """Yields the notices that were made in a span of wall time, in their order."""
        ...


class Findable:
    """The tables that a reader of samples loads first: findings, and what is not sealed or summed up yet."""

    def __init__(self, source: SampleSource) -> None:
        self._source = source
        self._findings: Mapping[int, tuple[Outcome, Reason]] = source.findings()
        self._raw_hours = sorted(source.unsealed_hours())
        self._unsummed = source.unsummed_days()

    def _unsealed(self, first: int, end: int) -> list[int]:
        """The hours of a span that have raw samples to be read, oldest first."""
        return [hour for hour in self._raw_hours if first <= hour < end]

    def _stored(self, targets: Iterable[int], found: Collection[FoundRow]) -> Iterator[StoredSample]:
        """A sample for each row; the explanation of one that was not up everywhere is empty where retention has released it."""
        meanings = self._findings
        plain = {number for number, what in meanings.items() if what == (Outcome.UP, Reason.OK)}
        unwell = {row[0] for row in found if row[1] not in plain}
        said = self._source.explanations(unwell)
        for target, (at_us, finding, status, latency_us) in zip(targets, found, strict=False):
            outcome, reason = meanings[finding]
            latency_ns = None if latency_us is None else latency_us * NS_PER_US
            text = "" if finding in plain else said.get((at_us, target), "")
            yield StoredSample(at_us * NS_PER_US, outcome, reason, status, latency_ns, text)
