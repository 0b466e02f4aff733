"""The records of a store: the batch of one transaction, and the state that a restart restores."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec.structs import replace

from ..limits import INTEGER_MAX
from ..observation.evidence import Evidence
from ..observation.sample import Sample
from ..public_value import PublicValue, moment_of
from ..specification.matcher import Matcher, MatchOperator, Selection, is_glob, parsed
from ..specification.target import Target
from ..time.moment import utc
from .announcement import Announcement
from .delivery_try import DeliveryTry
from .digest import Grouping
from .incident import Incident, Transition
from .notice import Delivery, LastDelivered, Notice


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """The state of one target and its rules, as bytes that only the aggregate reads; empty without anything to resume."""

    target: str
    state: bytes
    at_ns: int


class BlindInterval(PublicValue, frozen=True, gc=False):
    """An interval in which the runtime could not observe its targets: suspended, stalled, clock stepped. Wall times."""

    started_at_ns: int
    ended_at_ns: int
    cause: str

    @property
    def started_at(self) -> datetime:
        """The beginning, in UTC."""
        return utc(self.started_at_ns)

    @property
    def ended_at(self) -> datetime:
        """The end, in UTC."""
        return utc(self.ended_at_ns)


class AllTargets(Enum):
    """The type of ALL."""

    ALL = "all targets"


ALL: Final = AllTargets.ALL
"""Stands for every target where a silence names its target."""
EVERY_TARGET = "*"
"""The glob of a silence that matchers alone limit. Earlier versions know no matchers: they mute nothing by it, and not all."""
_ID_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"
_ID_LENGTH = 5
"""Signs of a short id, without those that look alike: two of 200 silences have the same id once in 1,400 times."""
_NOTHING = Selection(
    [Matcher("target", MatchOperator.EQUAL, ""), Matcher("target", MatchOperator.NOT_EQUAL, "")]
)


def joined_intervals(found: Iterable[BlindInterval]) -> list[BlindInterval]:
    """Returns intervals, ordered by their beginning, with those joined that overlap for one cause: each engine of a machine tells of it."""
    joined: list[BlindInterval] = []
    last: dict[str, int] = {}
    for each in found:
        place = last.get(each.cause)
        if place is not None and each.started_at_ns < joined[place].ended_at_ns:
            ended_ns = max(joined[place].ended_at_ns, each.ended_at_ns)
            joined[place] = replace(joined[place], ended_at_ns=ended_ns)
        else:
            last[each.cause] = len(joined)
            joined.append(each)
    return joined


class Silence(PublicValue, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An operator's silence with an end: notices wait, while probing and judging go on."""

    id: str
    target: str | None = None
    """The id of its target, or a glob such as `shop*`; None mutes every target."""
    until_ns: Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    """Wall time; a silence that was ended early has that moment."""
    by: str = ""
    reason: str = ""
    created_at_ns: int | None = None
    """Wall time of its first command, which a later one of the same id keeps; None in records that do not say it."""
    match: tuple[str, ...] = ()
    """Matchers as texts, such as `group=shop`, which must all hold besides."""
    ended_by: str = ""
    """The author of its early end."""

    def selection(self) -> Selection:
        """Returns what it mutes. Matchers that cannot be read, as of a later version, mute nothing: the notices go out."""
        try:
            return Selection([*_of_target(self.target), *parsed(self.match)])
        except ValueError:
            return _NOTHING

    def ended(self, now_ns: int, by: str) -> "Silence":
        """Returns the record of its end by command."""
        return replace(self, until_ns=now_ns, ended_by=by)

    def renamed(self, target: str, former: Collection[str]) -> "Silence":
        """Returns it with the present name of a target in place of former ones, where it names the target itself."""
        return replace(
            self,
            target=target if self.target in former else self.target,
            match=tuple(_renamed(text, target, former) for text in self.match),
        )

    @property
    def former_id(self) -> str | None:
        """The id that earlier versions gave to a silence of the same target; None for one that its author named."""
        if self.match or self.id != silence_id(self.target):
            return None
        return "all targets" if self.target is None else f"target {self.target}"

    def after(self, known: "Silence | None", now_ns: int) -> "Silence":
        """Returns the record of this command, given at `now_ns`, on a silence of the same id that has not ended, if any.

        A command that ends a silence changes nothing else of it but for the author of its end.
        """
        if known is not None and self.until_ns <= now_ns:
            return replace(known, until_ns=self.until_ns, ended_by=self.ended_by or self.by)
        created_at_ns = now_ns if known is None else known.created_at_ns
        return replace(
            self, created_at_ns=created_at_ns if self.created_at_ns is None else self.created_at_ns
        )

    @property
    def created_at(self) -> datetime | None:
        """When it was made, in UTC; None for one of a version that did not record it."""
        return moment_of(self.created_at_ns)

    @property
    def until(self) -> datetime:
        """The end, in UTC."""
        return utc(self.until_ns)

    def __post_init__(self) -> None:
        # The sink retries a batch for ever: one that the store cannot write would block all later ones.
        if abs(self.until_ns) > INTEGER_MAX:
            raise ValueError(
                "a silence ends between the years 1678 and 2262: no other moment can be recorded"
            )


def silence_id(target: str | None, match: Iterable[str] = ()) -> str:
    """Returns the short id of a silence, such as `s-4k2ab`: the same for the same target and matchers in any order."""
    seed = msgspec.json.encode([target, *sorted(set(match))])
    return f"s-{''.join(_ID_SIGNS[byte % len(_ID_SIGNS)] for byte in sha256(seed).digest()[:_ID_LENGTH])}"


def _of_target(target: str | None) -> list[Matcher]:
    if target is None:
        return []
    return [Matcher.of_glob(target) if is_glob(target) else Matcher("target", MatchOperator.EQUAL, target)]


def _renamed(text: str, target: str, former: Collection[str]) -> str:
    try:
        matcher = Matcher.parse(text)
    except ValueError:
        return text
    if matcher.name != "target" or matcher.is_pattern or matcher.value not in former:
        return text
    return str(replace(matcher, value=target))


class HeardMark(msgspec.Struct, frozen=True, gc=False):
    """When a target was last heard; the empty name stands for the runtime itself."""

    target: str
    at_ns: int | None
    """Wall time; None takes the mark away."""
    missed_at_ns: int | None = None
    """When the newest report that it missed was counted."""
    run: str | None = None
    """The id of its run that has begun and not ended; None without one."""
    run_at_ns: int | None = None
    """When that run began."""


class Renamed(msgspec.Struct, frozen=True, gc=False):
    """A target with the names that it had before: from here on what is recorded under them is its own."""

    target: str
    former: tuple[str, ...]


class PauseMark(PublicValue, frozen=True, gc=False):
    """A commanded pause of a target, which a restart keeps."""

    target: str
    at_ns: int | None
    """Wall time of the command; None takes the mark away."""
    by: str = ""

    @property
    def at(self) -> datetime | None:
        """When it was commanded, in UTC."""
        return moment_of(self.at_ns)


def present_pauses(marks: Iterable[PauseMark], targets: Mapping[str, Target]) -> dict[str, PauseMark]:
    """Returns the pauses of targets that are there, each by the target's present name; a mark may have a former one."""
    present = {name: target.id for target in targets.values() for name in target.former_names}
    present |= {name: name for name in targets}
    return {present[mark.target]: mark for mark in marks if mark.target in present}


class LatestFinding(msgspec.Struct, frozen=True, gc=False, rename={"incident_id": "incident"}):
    """The newest finding of an open incident's rule, between two steps of the incident; each step carries its own."""

    incident_id: str
    text: str


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one transaction: all of them are durable or none."""

    transitions: tuple[Transition, ...] = ()
    notices: tuple[Notice, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    samples: tuple[Sample, ...] = ()
    blind: tuple[BlindInterval, ...] = ()
    silences: tuple[Silence, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    heard: tuple[HeardMark, ...] = ()
    latest: tuple[LatestFinding, ...] = ()
    pauses: tuple[PauseMark, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    """Of samples that this batch or an earlier one has."""
    tries: tuple[DeliveryTry, ...] = ()
    """Begun and answered ones; that of a notice goes along with a delivery."""

    def __len__(self) -> int:
        """Returns the number of records; what only goes along with these is none."""
        return sum(len(getattr(self, name)) for name in self.__struct_fields__ if name not in ALONG)

    @property
    def is_counted(self) -> bool:
        """Whether stores count this batch as a write: it has more than samples, whose loss changes no notice."""
        return len(self) > len(self.samples)

    @property
    def is_light(self) -> bool:
        """Whether it has samples, and at most marks of what was heard beside them, none of which is taken away: most batches by far, which
        stores write on a path of their own.
        """
        has_more = any(map(self.__getattribute__, _BESIDE_LIGHT))
        return self.samples != () and not has_more and all(mark.at_ns is not None for mark in self.heard)


ALONG = frozenset({"heard", "latest", "evidence", "tries"})
"""Parts of a batch that go along with others: a lost one costs no more than a lost sample."""

_BESIDE_LIGHT = tuple(name for name in Batch.__struct_fields__ if name not in {"samples", "heard"})


class Outgoing(PublicValue, frozen=True):
    """A notice of the outbox with the state of its delivery."""

    notice: Notice
    delivery: Delivery


class IncidentOpening(msgspec.Struct, frozen=True, gc=False):
    """When an incident opened: wall time of its first transition."""

    incident_id: str
    target: str
    rule: str
    at_ns: int


class LastDigest(msgspec.Struct, frozen=True):
    """When the last digest of a group was made for a channel: the next one keeps the interval of the group."""

    channel: str
    grouping: Grouping
    at_ns: int
    """Wall time."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """The state that a store restores when it is opened."""

    epoch: int = 1
    """The number of openings of this store; each opening has a higher one."""
    incidents: tuple[Incident, ...] = ()
    """The open incidents, and resolved ones whose end is not yet delivered to some channel."""
    outbox: tuple[Outgoing, ...] = ()
    """The pending notices, oldest first."""
    told: tuple[LastDelivered, ...] = ()
    """The last delivered notices of the incidents above."""
    digests: tuple[LastDigest, ...] = ()
    """The last digest of each group and channel."""
    openings: tuple[IncidentOpening, ...] = ()
    """When the incidents above opened, and those that opened within the last day, oldest first."""
    dead: tuple[Outgoing, ...] = ()
    """The dead letters of the incidents above: only an operator sends them again."""
    given_up: tuple[tuple[str, int], ...] = ()
    """How many dead letters each channel has, those of all incidents; a channel without one is absent."""
    checkpoints: tuple[Checkpoint, ...] = ()
    silences: tuple[Silence, ...] = ()
    """The silences that had not ended at their last write."""
    announcements: tuple[Announcement, ...] = ()
    """The announcements that stand."""
    heard: tuple[HeardMark, ...] = ()
    """When each target was last heard, and until when the last process ran."""
    latest: tuple[LatestFinding, ...] = ()
    """The findings since the last steps of the incidents above."""
    pauses: tuple[PauseMark, ...] = ()
    """The commanded pauses that no command has ended."""
    writes: int | None = None
    """How many counted batches the store has: fewer than were written show that it went back; None is not counted."""
