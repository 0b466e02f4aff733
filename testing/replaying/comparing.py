"""Comparing a replay with the record: incidents, notices, how soon they come, and the outages that would be missed."""

from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import Any, NamedTuple

from ...domain.specification.rule import Threshold
from ...domain.specification.target import Target
from ...domain.time.duration import format_duration
from ...domain.time.moment import wall_text
from ...domain.units import NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from .harmless import RECORDED_MEASURES
from .recorded import OpenSpan
from .replay import Replayed

OUTAGE_NS = 5 * NS_PER_MINUTE
"""From which length on an incident is an outage that must not be missed."""
SAME_TIME_NS = NS_PER_S
"""A smaller difference is none: the record says when an attempt began and how long its answer took, not when it was judged."""


class PlaceDifference(NamedTuple):
    """How often a rule of a target opened, in the record and in the replay."""

    place: str
    now: int
    new: int
    longest_ns: int
    """The length of the longest incident without a counterpart."""


class ReplayComparison(NamedTuple):
    """The differences between the record and a replay."""

    replayed: Replayed
    now_incidents: int
    new_incidents: int
    places: tuple[PlaceDifference, ...]
    """The rules with another number of incidents."""
    channels: dict[str, tuple[int, int]]
    """By channel its notices, in the record and in the replay."""
    undelivered: int
    """Recorded notices that no receiver has taken; they are in none of these numbers."""
    matched: int
    """Incidents of the record that the replay has, too."""
    later_ns: int | None
    """By how much later the replay has opened these, in the median; below zero: sooner. None without any."""
    missed: tuple[OpenSpan, ...]
    """Outages of the record during which the replay has no incident of the target that anybody is told of."""
    outage_ns: int
    limits: tuple[str, ...]
    """The questions that the record cannot answer for this configuration."""

    @property
    def is_same(self) -> bool:
        """Whether the replay has the incidents and notices of the record."""
        same_notices = all(now == new for now, new in self.channels.values())
        return not self.places and same_notices and abs(self.later_ns or 0) < SAME_TIME_NS


def compare(replayed: Replayed, outage_ns: int = OUTAGE_NS) -> ReplayComparison:
    """Compares a replay with the record that it is of."""
    now = [each for each in replayed.recorded.values() if not each.is_draft]
    new = [each for each in replayed.replayed.values() if not each.is_draft]
    pairs = _pairs(now, new)
    later = [replay.detected_ns - record.detected_ns for record, replay in pairs]
    by_target: dict[str, list[OpenSpan]] = {}
    for each in new:
        by_target.setdefault(each.target, []).append(each)
    known = {target.id for target in replayed.configuration.targets}
    missed = [
        each
        for each in now
        if each.target in known
        and _length_ns(each, replayed.until_ns) >= outage_ns
        and not any(each.overlaps(other) for other in by_target.get(each.target, ()))
    ]
    delivered = [each for each in replayed.told if each.is_delivered]
    return ReplayComparison(
        replayed=replayed,
        now_incidents=len(now),
        new_incidents=len(new),
        places=_places(now, new, replayed.until_ns),
        channels=_channels(replayed, Counter(each.channel for each in delivered)),
        undelivered=len(replayed.told) - len(delivered),
        matched=len(pairs),
        later_ns=round(median(later)) if later else None,
        missed=tuple(missed),
        outage_ns=outage_ns,
        limits=tuple(_limits(replayed)),
    )


def _length_ns(span: OpenSpan, until_ns: int) -> int:
    return (until_ns if span.resolved_ns is None else span.resolved_ns) - span.opened_at_ns


def _pairs(now: Iterable[OpenSpan], new: Iterable[OpenSpan]) -> list[tuple[OpenSpan, OpenSpan]]:
    """Returns incidents of the record with the first of the replay of the same rule that overlaps; each once."""
    left: dict[str, list[OpenSpan]] = {}
    for each in new:
        left.setdefault(each.place, []).append(each)
    pairs = []
    for record in now:
        found = next((each for each in left.get(record.place, ()) if each.overlaps(record)), None)
        if found is not None:
            left[record.place].remove(found)
            pairs.append((record, found))
    return pairs


def _places(now: list[OpenSpan], new: list[OpenSpan], until_ns: int) -> tuple[PlaceDifference, ...]:
    counts = Counter(each.place for each in now), Counter(each.place for each in new)
    rows = []
    for place in sorted(counts[0].keys() | counts[1].keys()):
        if counts[0][place] != counts[1][place]:
            spans = now if counts[0][place] > counts[1][place] else new
            longest = max(_length_ns(each, until_ns) for each in spans if each.place == place)
            rows.append(PlaceDifference(place, counts[0][place], counts[1][place], longest))
    return tuple(rows)


def _channels(replayed: Replayed, told: Counter[str]) -> dict[str, tuple[int, int]]:
    taken = Counter(each.channel for each in replayed.taken)
    names = [channel.id for channel in replayed.configuration.channels]
    return {name: (told[name], taken[name]) for name in (*names, *sorted(told.keys() - set(names)))}


def _limits(replayed: Replayed) -> Iterable[str]:
    """Yields what the record cannot say about this configuration."""
    yield "conditions were judged when the samples were taken: a change of `expect`, `warn` or a probe shows nothing here"
    yield "samples come as they were taken: a change of `every`, `retry_every`, `timeout` or of a heartbeat's schedule shows nothing"
    yield "the configuration is taken as if it had been in force all the time: changes of the running one are in no record"
    yield "every receiver takes each notice at once: refusals and retries show nothing"
    if windows := sorted(_windows(replayed.configuration.targets)):
        shortest = format_duration(replayed.restart_ns)
        yield (
            f"a restart shows as a gap of {shortest} and more in the samples of all targets; at a shorter one these rules began with "
            f"an empty window, and here it goes on: {', '.join(windows)}"
        )
    if composites := [each.id for each in replayed.configuration.targets if each.kind == "composite"]:
        yield f"composed as they were at the time, whatever their members are now: {', '.join(composites)}"
    if unread := sorted(_unrecorded(replayed.configuration.targets)):
        yield f"no sample keeps what these rules measure, so that they never speak: {', '.join(unread)}"
    if replayed.unknown:
        yield f"no samples of {', '.join(replayed.unknown)}"
    if replayed.left:
        yield f"not in the configuration, and not judged: {', '.join(replayed.left)}"
    if replayed.unmatched:
        yield f"{replayed.unmatched} recorded acknowledgements have no incident here"


def _unrecorded(targets: Iterable[Target]) -> Iterable[str]:
    for target in targets:
        for rule in target.judged_rules:
            if isinstance(rule, Threshold) and rule.measure not in RECORDED_MEASURES:
                yield f"{target.id}/{rule.id} ({rule.measure})"


def _windows(targets: Iterable[Target]) -> Iterable[str]:
    for target in targets:
        for rule in target.judged_rules:
            if isinstance(rule, Threshold) and rule.measure in RECORDED_MEASURES and rule.window != 1:
                yield f"{target.id}/{rule.id}"


def report_lines(found: ReplayComparison) -> Iterable[str]:
    """Yields the comparison for people."""
    replayed = found.replayed
    span = f"{wall_text(replayed.since_ns)} to {wall_text(replayed.until_ns)}"
    yield f"{span}, {replayed.samples:,} samples"
    yield f"{'':<12}{'now':>7}{'new':>7}"
    of = "   " + ", ".join(map(_place_text, found.places)) if found.places else ""
    yield f"{'incidents':<12}{found.now_incidents:>7}{found.new_incidents:>7}{of}"
    now, new = (sum(each[side] for each in found.channels.values()) for side in (0, 1))
    of = ", ".join(f"{name} {told} -> {taken}" for name, (told, taken) in found.channels.items())
    yield f"{'notices':<12}{now:>7}{new:>7}   {of}"
    if found.undelivered:
        yield f"{'':<12}{found.undelivered:>7}{'':>7}   of the record were taken by no receiver"
    missed = f"{len(found.missed)} outages of {format_duration(found.outage_ns)} and more missed"
    yield f"{'detected':<12}{_later_text(found)}; {missed}"
    for each in found.missed:
        length = format_duration(_length_ns(each, replayed.until_ns) // NS_PER_S * NS_PER_S)
        yield f"  missed: {each.place} from {wall_text(each.opened_at_ns)}, {length}"
    for text in found.limits:
        yield f"note: {text}"


def _place_text(place: PlaceDifference) -> str:
    sign = "-" if place.new < place.now else "+"
    length = format_duration(place.longest_ns // NS_PER_S * NS_PER_S)
    return f"{sign} {place.place} {abs(place.new - place.now)} (the longest {length})"


def _later_text(found: ReplayComparison) -> str:
    if found.later_ns is None:
        return "no incident is in both"
    later_ns = round(found.later_ns / NS_PER_MS) * NS_PER_MS
    if abs(later_ns) < SAME_TIME_NS:
        return f"at the same time in the median of {found.matched}"
    word = "later" if later_ns > 0 else "sooner"
    return f"{format_duration(abs(later_ns))} {word} in the median of {found.matched}"


def as_document(found: ReplayComparison) -> dict[str, Any]:
    """Returns the comparison as plain data with stable keys."""
    replayed = found.replayed
    return {
        "since": wall_text(replayed.since_ns),
        "until": wall_text(replayed.until_ns),
        "samples": replayed.samples,
        "same": found.is_same,
        "incidents": {"now": found.now_incidents, "new": found.new_incidents},
        "rules": [
            {"rule": each.place, "now": each.now, "new": each.new, "longest_ms": each.longest_ns / NS_PER_MS}
            for each in found.places
        ],
        "notices": {name: {"now": now, "new": new} for name, (now, new) in found.channels.items()},
        "undelivered": found.undelivered,
        "detected_later_ms": None if found.later_ns is None else found.later_ns / NS_PER_MS,
        "matched": found.matched,
        "missed": [
            {
                "rule": each.place,
                "opened_at": wall_text(each.opened_at_ns),
                "length_ms": _length_ns(each, replayed.until_ns) / NS_PER_MS,
            }
            for each in found.missed
        ],
        "limits": list(found.limits),
    }
