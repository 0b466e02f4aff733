"""The past of one target, read for a page: its latency over a span, what was lost, its days and its uptimes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from ...adapters.stores.history.history import History
from ...adapters.stores.history.stored import Rollup, StoredSample, Summed, Totals, merged
from ...adapters.stores.record_reader import RecordReader
from ...domain.incidents.incident import Incident
from ...domain.observation.evidence import Evidence
from ...domain.observation.outcome import is_answered
from ...domain.read_model.days import DayCounts, FleetDays, ProblemSpan, TargetDays, judged_days
from ...domain.specification.rule import Severity
from ...domain.specification.target import Target
from ...domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_US

PastSample: TypeAlias = StoredSample
"""A sample as the record has it."""
RAW_SAMPLES_MAX = 8_000
"""Samples that one page reads: some 13 ms of work, and an hour of a check every half second. More of them are shown by hours."""
INCIDENTS_SHOWN = 200
EVIDENCE_SHOWN = 5
UPTIMES = (("24 h", 1), ("7 d", 7), ("30 d", 30), ("90 d", 90), ("1 y", 365))
"""The spans whose uptime a page shows, in days."""


class Span(NamedTuple):
    """A span that a page shows, and the parts in which its latency is drawn."""

    length_ns: int
    part_ns: int
    source: str
    """`samples` where these are few enough, `hours` or `days`."""


SPANS = {
    "1h": Span(NS_PER_HOUR, NS_PER_MINUTE, "samples"),
    "24h": Span(NS_PER_DAY, 15 * NS_PER_MINUTE, "samples"),
    "7d": Span(7 * NS_PER_DAY, NS_PER_HOUR, "hours"),
    "30d": Span(30 * NS_PER_DAY, 4 * NS_PER_HOUR, "hours"),
    "90d": Span(90 * NS_PER_DAY, NS_PER_DAY, "days"),
    "1y": Span(365 * NS_PER_DAY, NS_PER_DAY, "days"),
}


class Pace(NamedTuple):
    """How often a target is checked, and how long a sample stands for it."""

    every_ns: int
    stale_after_ns: int


class Part(NamedTuple):
    """The samples of one part of a span; latencies in nanoseconds, None without an answer."""

    since_ns: int
    until_ns: int
    p50_ns: int | None
    p95_ns: int | None
    max_ns: int | None
    samples: int
    bad: int


class TargetPast(NamedTuple):
    """The past of one target as of one reading."""

    since_ns: int
    until_ns: int
    began_ns: int
    """When the first sample was taken, of a target that has none before the span; else the beginning of the span."""
    parts: tuple[Part, ...]
    """Those that have samples, oldest first. Samples before the span have some as far as they still stand for the target in it."""
    incidents: tuple[Incident, ...]
    """The newest 200, newest first; those of drafts are among them."""
    blind: tuple[tuple[int, int], ...]
    """Spans of wall time in which the runtime could not see, that ended in the span."""
    days: TargetDays
    """Its last 90 days, today included."""
    until_day: int
    """The day behind the last of them."""
    uptimes: tuple[tuple[str, float | None], ...]
    samples: tuple[StoredSample, ...]
    """Its newest samples, oldest first, as far as `recent` asked."""
    evidence: tuple[Evidence, ...]
    """The newest pieces of the span, oldest first."""


def read_past(
    reader: RecordReader, target: str, span: Span, pace: Pace, recent_ns: int, now_ns: int
) -> TargetPast:
    """Returns the past of a target; `recent_ns` is how far back its newest samples are wanted. Blocks; some 20 ms of work.

    Raises: StoreError.
    """
    since_ns = now_ns - span.length_ns
    recent_ns = min(recent_ns, RAW_SAMPLES_MAX * pace.every_ns)
    # The last sample before the span stands until the next one is overdue.
    from_ns = since_ns - pace.stale_after_ns
    with reader.history(target) as history:
        is_raw = span.source == "samples" and is_shown_raw(history.hourly, since_ns, now_ns, pace.every_ns)
        samples = history.samples(min(now_ns - recent_ns, from_ns if is_raw else now_ns), now_ns + 1)
        if is_raw:
            parts = tuple(parts_of_samples([each for each in samples if each.at_ns >= from_ns], span.part_ns))
        elif span.source == "days":
            days = history.daily(from_ns - NS_PER_DAY, now_ns)
            parts = tuple(parts_of_rollups(days, span.part_ns))
        else:
            hours = history.hourly(from_ns - NS_PER_HOUR, now_ns)
            parts = tuple(parts_of_rollups(hours, max(span.part_ns, NS_PER_HOUR)))
        began_ns = _began_ns(history, parts[0], since_ns) if parts else since_ns
        totals = history.day_totals(now_ns - (UPTIMES[-1][1] + 1) * NS_PER_DAY, now_ns)
        uptimes = tuple(
            (name, history.uptime(totals, now_ns - length * NS_PER_DAY, now_ns)) for name, length in UPTIMES
        )
        evidence = history.evidence(since_ns, now_ns + 1)[-EVIDENCE_SHOWN:]
    incidents = reader.incidents(target=target, limit=INCIDENTS_SHOWN)
    blind = tuple((each.started_at_ns, each.ended_at_ns) for each in reader.blind(now_ns - 90 * NS_PER_DAY))
    shown = _days(target, totals, incidents, blind, now_ns)
    return TargetPast(
        since_ns=since_ns,
        until_ns=now_ns,
        began_ns=began_ns,
        parts=parts,
        incidents=incidents,
        blind=tuple(each for each in blind if each[1] > since_ns),
        days=shown.of(target),
        until_day=shown.until_day,
        uptimes=uptimes,
        samples=tuple(each for each in samples if each.at_ns >= now_ns - recent_ns),
        evidence=evidence,
    )


def is_shown_raw(
    hourly: Callable[[int, int], Iterable[Summed]], since_ns: int, until_ns: int, every_ns: int
) -> bool:
    """Whether a span has so few samples that they are shown one by one: by its cadence, or of a target that is new, by count."""
    if until_ns - since_ns <= RAW_SAMPLES_MAX * every_ns:
        return True
    return sum(hour.rollup.count for hour in hourly(since_ns - NS_PER_HOUR, until_ns)) <= RAW_SAMPLES_MAX


def _began_ns(history: History, first: Part, since_ns: int) -> int:
    """Returns when the first sample of a span was taken, where its first part begins with it; else the beginning of the span."""
    if first.since_ns <= since_ns:
        return since_ns
    hours = history.hourly(first.since_ns, first.until_ns)
    begin_ns = hours[0].at_ns if hours else first.since_ns
    samples = history.samples(begin_ns, begin_ns + NS_PER_HOUR) if hours else ()
    return max(begin_ns, samples[0].at_ns if samples else begin_ns)


def problem_spans(incidents: Iterable[Incident], now_ns: int) -> Iterator[ProblemSpan]:
    """Yields the span in which each incident was open; those of drafts are left out."""
    for incident in incidents:
        if not incident.draft:
            until_ns = now_ns if incident.resolved_at_ns is None else incident.resolved_at_ns
            is_down = incident.severity is Severity.CRITICAL
            since_ns = incident.opened_at_ns
            yield ProblemSpan(incident.target, since_ns, max(until_ns, since_ns + 1), is_down)


def _days(
    target: str,
    totals: Mapping[int, Totals],
    incidents: Sequence[Incident],
    blind: Sequence[tuple[int, int]],
    now_ns: int,
) -> FleetDays:
    until_day = now_ns // NS_PER_DAY + 1
    since_day = until_day - 90
    counts = {
        day: DayCounts([1], [each.good], [each.bad]) for day, each in totals.items() if day >= since_day
    }
    return judged_days([target], counts, problem_spans(incidents, now_ns), blind, since_day, until_day)


class AttemptPast(NamedTuple):
    """The record of one attempt, by the time at which it began."""

    sample: PastSample | None = None
    evidence: Evidence | None = None
    former_ns: int | None = None
    """The time of the sample before it; None where none is near."""
    later_ns: int | None = None


def read_attempt(reader: RecordReader, target: Target, at_ns: int) -> AttemptPast:
    """Returns what is kept of an attempt, and when those beside it were. Blocks. Raises: StoreError."""
    # A store keeps microseconds.
    at_ns, near_ns = at_ns // NS_PER_US * NS_PER_US, target.stale_after_ns
    around = reader.samples(target.id, at_ns - near_ns, at_ns + near_ns)
    evidence = reader.evidence(target.id, at_ns, at_ns + NS_PER_US)
    return AttemptPast(
        next((each for each in around if each.at_ns == at_ns), None),
        evidence[0] if evidence else None,
        max((each.at_ns for each in around if each.at_ns < at_ns), default=None),
        min((each.at_ns for each in around if each.at_ns > at_ns), default=None),
    )


def parts_of_samples(samples: Sequence[StoredSample], part_ns: int) -> Iterator[Part]:
    """Yields the parts that have samples; parts begin at round times."""
    by_part: dict[int, list[StoredSample]] = {}
    for sample in samples:
        by_part.setdefault(sample.at_ns // part_ns, []).append(sample)
    for number, found in by_part.items():
        took = sorted(
            each.latency_ns
            for each in found
            if each.latency_ns is not None and is_answered(each.outcome, each.reason)
        )
        yield Part(
            number * part_ns,
            (number + 1) * part_ns,
            _share_of(took, 50),
            _share_of(took, 95),
            took[-1] if took else None,
            len(found),
            sum(each.outcome.is_bad for each in found),
        )


def _share_of(rising: Sequence[int], percent: int) -> int | None:
    """Returns the value that so many percent of them do not exceed; None of none."""
    return rising[max(0, -(-percent * len(rising) // 100) - 1)] if rising else None


def parts_of_rollups(found: Iterable[Summed], part_ns: int) -> Iterator[Part]:
    by_part: dict[int, list[Rollup]] = {}
    for summed in found:
        by_part.setdefault(summed.at_ns // part_ns, []).append(summed.rollup)
    for number, rollups in by_part.items():
        whole = rollups[0] if len(rollups) == 1 else merged(rollups)
        longest_ns = whole.latency_max_us * 1_000 if whole.timed else None
        p50_ns, p95_ns = whole.latency_at_ns(0.50), whole.latency_at_ns(0.95)
        begin_ns = number * part_ns
        yield Part(begin_ns, begin_ns + part_ns, p50_ns, p95_ns, longest_ns, whole.count, whole.bad)
