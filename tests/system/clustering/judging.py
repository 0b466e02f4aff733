"""The judgement: what was told, against what the script has done. Each outage is told once, and so is its end."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.system.clustering.ledger import Told
from tests.system.clustering.script import Outage

LATE_S = 2.5
"""An incident begins with a check that was answered during the outage, or with checks of a busy machine right before it."""
KEY_ARRIVALS_MAX = 2
SLOW = "timed_out"
UNTOLD_S = 15.0


class Span(NamedTuple):
    """A stretch of time, in seconds since 1970."""

    began_at: float
    ended_at: float

    def meets(self, other: "Span") -> bool:
        return self.began_at < other.ended_at and other.began_at < self.ended_at


class Blind(NamedTuple):
    """A stretch of time in which targets had no owner that watched them."""

    began_at: float
    ended_at: float
    targets: frozenset[str] | None = None
    """None: all of them."""


class Finding(NamedTuple):
    """Something that must not be."""

    kind: str
    """`lost`, `twice`, `unfounded`, `repeated` or `former`: a new notice of a node that was the owner no more."""
    at: float
    said: str
    target: str = ""
    since: float = 0.0
    """The begin of the outage, where the finding is about one."""


class Verdict(NamedTuple):
    """The judgement of a run, or of a part of it."""

    outages: int
    judged: int
    """Those that were watched for long enough to be told for certain, whatever happened to the watchers."""
    findings: list[Finding]
    repeated: int
    """Keys that arrived twice, as they may."""
    told_again: int
    """Outages that were told again under new keys, after a database that went back in time."""
    slow: int = 0
    """Incidents of targets that answered too late, as the machine was busy: they and their time are not judged."""

    def count(self, kind: str) -> int:
        return sum(each.kind == kind for each in self.findings)


class _Incident(NamedTuple):
    """The notices of one incident."""

    opened_at: float
    keys: dict[str, set[str]]
    """By change."""
    cause: str
    ends: list[float]
    """The times at which it was told that it had ended."""

    @property
    def ended_at(self) -> float:
        return max(self.ends, default=self.opened_at + UNTOLD_S)


class Known(NamedTuple):
    """The times that a judgement has to know of."""

    needed_s: float = 4.0
    """The time in which a watched target is found to be down, or up again."""
    early_s: float = 3.0
    """The time before an outage in which its incident may begin, by checks that came too late on a busy machine."""
    blind: tuple[Blind, ...] = ()
    """A node was at fault, and its shards had no owner that watched."""
    rewound: tuple[Span, ...] = ()
    """A database that went back in time may have lost it."""

    def of(self, target: str, further: Iterable[Blind]) -> "Known":
        """Returns what concerns one target, with further times without a watch."""
        mine = [each for each in self.blind if each.targets is None or target in each.targets]
        return self._replace(blind=(*mine, *further))

    def is_certain(self, began_at: float, ended_at: float) -> bool:
        """Whether an owner has watched the targets for long enough in a stretch of time."""
        span, longest, at = Span(began_at, ended_at), 0.0, began_at
        for each in sorted(self.blind, key=lambda each: each.began_at):
            if span.meets(Span(each.began_at, each.ended_at)):
                longest, at = max(longest, each.began_at - at), max(at, each.ended_at)
        return max(longest, ended_at - at) >= self.needed_s


def judge(
    outages: Sequence[Outage],
    told: Sequence[Told],
    arrivals: Mapping[str, int],
    known: Known,
) -> Verdict:
    """Judges every outage that is over."""
    findings: list[Finding] = []
    judged = told_again = 0
    incidents = _incidents(told)
    of_target: dict[str, list[Outage]] = defaultdict(list)
    for outage in sorted(outages, key=lambda each: each.began_at):
        of_target[outage.target].append(outage)
    slow = 0
    for target, each in of_target.items():
        late = {name: one for name, one in incidents.get(target, {}).items() if SLOW in one.cause}
        slow += len(late)
        here = known.of(
            target, (Blind(one.opened_at - known.needed_s, one.ended_at) for one in late.values())
        )
        # The last one has no end yet by which a later incident could be told apart.
        for group, until in _groups(each, here):
            since, span = group[0].began_at - known.early_s, Span(group[0].began_at, group[-1].ended_at)
            mine = {
                name: one
                for name, one in incidents.get(target, {}).items()
                if since <= one.opened_at < until and name not in late
            }
            if any(span.meets(lost) for lost in known.rewound):
                told_again += max(0, len(mine) - len(group))
                continue
            certain = sum(here.is_certain(outage.began_at, outage.ended_at) for outage in group)
            judged += certain
            findings += _of_group(target, group, certain, mine, known.early_s)
    findings += [
        Finding("repeated", one.arrived_at, f"{one.key} arrived {arrivals[one.key]} times")
        for one in told
        if arrivals[one.key] > KEY_ARRIVALS_MAX
    ]
    repeated = sum(count > 1 for count in arrivals.values())
    return Verdict(len(outages), judged, findings, repeated, told_again, slow)


def _incidents(told: Iterable[Told]) -> dict[str, dict[str, _Incident]]:
    found: dict[str, dict[str, _Incident]] = defaultdict(dict)
    for each in told:
        incident = found[each.target].setdefault(
            each.incident, _Incident(each.opened_at, defaultdict(set), each.cause, [])
        )
        incident.keys[each.change].add(each.key)
        if each.change == "resolved":
            incident.ends.append(each.arrived_at)
    return found


def _groups(outages: list[Outage], known: Known) -> Iterator[tuple[list[Outage], float]]:
    """Yields outages of one target that may have been seen as one, with the time at which the next ones begin."""
    group: list[Outage] = []
    for outage in outages:
        if group and known.is_certain(group[-1].ended_at, outage.began_at):
            yield group, outage.began_at - known.early_s
            group = []
        group.append(outage)
    if group:
        yield group, group[-1].ended_at + LATE_S


def _of_group(
    target: str, group: list[Outage], certain: int, mine: dict[str, _Incident], early_s: float
) -> Iterator[Finding]:
    at, named = group[-1].ended_at, f"{target} from {group[0].began_at:.1f} to {group[-1].ended_at:.1f}"
    if certain and not mine:
        yield Finding("lost", at, f"{named}: not told", target, group[0].began_at)
    if len(mine) > len(group):
        yield Finding(
            "twice",
            at,
            f"{named}: {len(mine)} incidents {sorted(mine)} of {len(group)} outages",
            target,
            group[0].began_at,
        )
    for name, incident in mine.items():
        for change in ("opened", "resolved"):
            keys = incident.keys.get(change, set())
            if not keys:
                yield Finding(
                    "lost", at, f"{named}: {name} has no notice {change}", target, group[0].began_at
                )
            elif len(keys) > 1:
                yield Finding(
                    "twice", at, f"{named}: {name} {change} under {sorted(keys)}", target, group[0].began_at
                )
        if not any(one.began_at - early_s <= incident.opened_at <= one.ended_at + LATE_S for one in group):
            yield Finding(
                "unfounded", at, f"{named}: {name} opened at {incident.opened_at:.1f}: {incident.cause}"
            )


def late_s(
    told: Sequence[Told], outages: Sequence[Outage], during: Span, detected_s: float, early_s: float
) -> float:
    """Returns how long after a span the last turn was told that happened well within it; 0 without one."""
    latest = 0.0
    for outage in outages:
        for change, at in (("opened", outage.began_at), ("resolved", outage.ended_at)):
            if during.began_at <= at <= during.ended_at - detected_s:
                arrived = [
                    each.arrived_at
                    for each in told
                    if each.target == outage.target
                    and each.change == change
                    and outage.began_at - early_s <= each.opened_at <= outage.ended_at + LATE_S
                ]
                latest = max(latest, min(arrived, default=during.ended_at) - during.ended_at)
    return latest
