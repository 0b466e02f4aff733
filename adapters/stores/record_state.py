"""The rules of the record: what a commit may write, and what it leaves behind. Every store keeps them.

A store loads what a batch touches, applies the batch to it, and writes the difference in one transaction.
"""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from ...domain.errors import StoreCorrupt, StoreError
from ...domain.incidents.announcement import Announcement
from ...domain.incidents.digest import Grouping
from ...domain.incidents.incident import Incident, Transition
from ...domain.incidents.notice import Delivery, DeliveryState, LastDelivered, Notice
from ...domain.incidents.record import (
    Batch,
    Checkpoint,
    HeardMark,
    LatestFinding,
    Outgoing,
    PauseMark,
    Silence,
)

TRANSITION = ""
"""Stands where a link about a channel names it."""

Step: TypeAlias = tuple[str, int]
"""The id of an incident and the number of a step of it."""
RulePlace: TypeAlias = tuple[str, str]
"""A target and a rule of it, which have one open incident at most."""
Knower: TypeAlias = tuple[str, str]
"""The id of an incident and a channel that may have heard of it."""
GroupPlace: TypeAlias = tuple[str, Grouping]
"""A channel and a group of its digests."""


class Written(NamedTuple):
    """A step of an incident, or one that a channel has taken: what a hash chain covers, in the order of writing."""

    incident_id: str
    sequence: int
    channel: str
    body: bytes


K = TypeVar("K")
V = TypeVar("V")
_ABSENT: Any = object()


class Changes(dict[K, V]):
    """The changes of a mapping, which stays as it is below them."""

    __slots__ = ("_below",)

    def __init__(self, below: dict[K, V]) -> None:
        self._below = below

    def get(self, key: K, default: Any = None) -> Any:
        found = super().get(key, _ABSENT)
        return self._below.get(key, default) if found is _ABSENT else found


class RecordState:
    """The state of a record, all of it or the part that a batch touches."""

    def __init__(self) -> None:
        self.steps: dict[Step, Transition] = {}
        self.latest: dict[str, Incident] = {}
        self.open: dict[RulePlace, str | None] = {}
        self.outbox: dict[str, Outgoing] = {}
        self.told: dict[Knower, LastDelivered] = {}
        self.digests: dict[GroupPlace, int] = {}
        self.checkpoints: dict[str, Checkpoint] = {}
        self.silences: dict[str, Silence] = {}
        self.announcements: dict[tuple[str, int], Announcement] = {}
        self.heard: dict[str, HeardMark] = {}
        self.pauses: dict[str, PauseMark] = {}
        self.found: dict[str, LatestFinding | None] = {}

    def take_over(self, draft: "RecordDraft") -> None:
        """Makes the changes of a draft its own."""
        for name, part in vars(self).items():
            part.update(getattr(draft, name))


class RecordDraft(RecordState):
    """The changes that a batch makes to a record, which stays as it is below."""

    def __init__(self, below: RecordState, present: Collection[Step] = ()) -> None:
        """`present` are further steps that are recorded, of which no more need be known."""
        super().__init__()
        self.below, self.present = below, present
        # A mark is written over, whatever it was before.
        self.steps, self.latest, self.open = Changes(below.steps), Changes(below.latest), Changes(below.open)
        self.outbox, self.told = Changes(below.outbox), Changes(below.told)
        self.digests = Changes(below.digests)

    def has_steps(self, wanted: set[Step]) -> bool:
        """Whether steps are recorded."""
        return all(self.steps.get(step) is not None for step in wanted.difference(self.present))

    def unsettled(self, linked: Iterable[str]) -> list[str]:
        """Returns the incidents of which a restart may have to know more or less than before: those that have new links, and those of
        notices in another state.
        """
        touched = set(linked)
        for key, outgoing in self.outbox.items():
            before = self.below.outbox.get(key)
            if before is None or before.delivery.state is not outgoing.delivery.state:
                touched.update(step.incident_id for step in outgoing.notice.steps)
        return sorted(touched)


def apply(draft: RecordDraft, batch: Batch) -> list[Written]:
    """Writes a batch into a draft. Returns the links that it adds to a hash chain. The same batch again adds none.

    Raises: StoreError for what may not follow, after which the record may be used on; StoreCorrupt where the record has
        something else in the same place.
    """
    links: list[Written] = []
    for transition in batch.transitions:
        _write_transition(draft, transition, links)
    for notice in batch.notices:
        _write_notice(draft, notice)
    for delivery in batch.deliveries:
        _write_delivery(draft, delivery, links)
    draft.checkpoints.update({checkpoint.target: checkpoint for checkpoint in batch.checkpoints})
    draft.heard.update({mark.target: mark for mark in batch.heard})
    draft.pauses.update({mark.target: mark for mark in batch.pauses})
    draft.found.update({finding.incident_id: finding for finding in batch.latest})
    draft.silences.update({silence.id: silence for silence in batch.silences})
    draft.announcements.update({(each.id, each.created_at_ns): each for each in batch.announcements})
    return links


def _write_transition(draft: RecordDraft, transition: Transition, links: list[Written]) -> None:
    name, place = transition.incident_id, transition.place
    recorded = draft.steps.get((name, transition.sequence))
    if recorded is not None:
        if recorded != transition:
            raise StoreCorrupt(f"step {transition.sequence} of {name} is recorded otherwise")
        return
    if not transition.may_follow(draft.latest.get(name)):
        raise StoreError(
            f"step {transition.sequence} of {name}, {transition.change}, may not follow what is recorded"
        )
    if transition.is_open and draft.open.get(place) not in {None, name}:
        raise StoreError(f"{transition.target}/{transition.rule} has an open incident already")
    before = draft.latest.get(name)
    if before is not None:
        draft.open[before.place] = None
    draft.open[place] = name if transition.is_open else None
    draft.steps[name, transition.sequence] = transition
    draft.found[name] = None
    draft.latest[name] = transition.incident
    links.append(Written(name, transition.sequence, TRANSITION, msgspec.json.encode(transition)))


def _write_notice(draft: RecordDraft, notice: Notice) -> None:
    recorded = draft.outbox.get(notice.key)
    if recorded is not None:
        if _address(recorded.notice) != _address(notice):
            raise StoreCorrupt(f"the key {notice.key} is recorded for another notice")
        return
    lead = draft.steps.get((notice.incident.id, notice.sequence))
    if lead is None or lead.incident != notice.incident or not draft.has_steps(told_steps(notice)):
        raise StoreError(f"notice {notice.key} tells of a step of {notice.incident.id} that is not recorded")
    if notice.digest:
        place = (notice.channel, notice.digest.grouping)
        draft.digests[place] = max(notice.created_at_ns, draft.digests.get(place, notice.created_at_ns))
    draft.outbox[notice.key] = Outgoing(
        notice,
        Delivery(key=notice.key, state=DeliveryState.PENDING, attempts=0, at_ns=notice.created_at_ns),
    )


def _write_delivery(draft: RecordDraft, delivery: Delivery, links: list[Written]) -> None:
    recorded = draft.outbox.get(delivery.key)
    if recorded is None:
        raise StoreError(f"there is no notice {delivery.key} to deliver")
    if not delivery.replaces(recorded.delivery):
        return
    draft.outbox[delivery.key] = Outgoing(recorded.notice, replace(delivery, memory=UNSET))
    if delivery.state is not DeliveryState.DELIVERED:
        return
    for told in recorded.notice.as_delivered(delivery.at_ns, delivery.memory or ""):
        knower = (told.incident_id, told.channel)
        earlier = draft.told.get(knower)
        if earlier is None or earlier.sequence <= told.sequence:
            draft.told[knower] = told
        if earlier is None or earlier.sequence < told.sequence:
            links.append(Written(told.incident_id, told.sequence, told.channel, told_body(told)))


def told_steps(notice: Notice) -> set[Step]:
    """Returns the steps that a notice tells of."""
    return {(step.incident_id, step.sequence) for step in notice.steps}


def without_zero_bytes(said: str) -> str:
    """Returns a text as every kind of store takes it: a zero byte, which no text of PostgreSQL may have, is shown by its sign."""
    return said.replace("\0", "␀")


def told_body(told: LastDelivered) -> bytes:
    """Returns the link of a step that a channel has taken: the part that no later reminder changes."""
    return msgspec.json.encode(replace(told, at_ns=0, reminders=0, memory="", grouping=None))


def _address(notice: Notice) -> tuple[str, int, str]:
    return notice.incident.id, notice.sequence, notice.channel
