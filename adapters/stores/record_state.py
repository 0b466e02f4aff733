"""The rules of the record: what a commit may write, and what it leaves behind. Every store keeps them.

A store loads what a batch touches, applies the batch to it, and writes the difference in one transaction.
"""

from collections import ChainMap
from collections.abc import MutableMapping
from typing import Any, NamedTuple, TypeAlias

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


class Written(NamedTuple):
    """A step of an incident, or one that a channel has taken: what a hash chain covers, in the order of writing."""

    incident_id: str
    sequence: int
    channel: str
    body: bytes


class RecordState:
    """The state of a record, all of it or the part that a batch touches."""

    def __init__(self, below: "RecordState | None" = None) -> None:
        """With `below` this is a draft: what it changes lies above that, until it is taken over or let go."""

        def above(name: str) -> MutableMapping[Any, Any]:
            return {} if below is None else ChainMap({}, getattr(below, name))

        self.steps: MutableMapping[Step, Transition] = above("steps")
        self.latest: MutableMapping[str, Incident] = above("latest")
        self.open: MutableMapping[RulePlace, str | None] = above("open")
        self.outbox: MutableMapping[str, Outgoing] = above("outbox")
        self.told: MutableMapping[Knower, LastDelivered] = above("told")
        self.digests: MutableMapping[tuple[str, Grouping], int] = above("digests")
        self.checkpoints: MutableMapping[str, Checkpoint] = above("checkpoints")
        self.silences: MutableMapping[str, Silence] = above("silences")
        self.announcements: MutableMapping[tuple[str, int], Announcement] = above("announcements")
        self.heard: MutableMapping[str, HeardMark] = above("heard")
        self.pauses: MutableMapping[str, PauseMark] = above("pauses")
        self.found: MutableMapping[str, LatestFinding | None] = above("found")

    def take_over(self, draft: "RecordState") -> None:
        """Makes the changes of a draft its own."""
        for name in vars(self):
            getattr(self, name).update(draft.changed(name))

    def changed(self, name: str) -> dict[Any, Any]:
        """Returns what a draft has changed of one part, in the order of the changes."""
        part = getattr(self, name)
        return dict(part.maps[0]) if isinstance(part, ChainMap) else dict(part)


class Touched(NamedTuple):
    """The part of a record that a batch is judged by, as keys of `RecordState`."""

    steps: frozenset[Step]
    incidents: frozenset[str]
    places: frozenset[RulePlace]
    notices: frozenset[str]
    groups: frozenset[tuple[str, Grouping]]

    @classmethod
    def of(cls, batch: Batch) -> "Touched":
        """Returns what is to be loaded before a batch is applied; `told` is that of the incidents and of all steps of the notices."""
        steps = {(each.incident_id, each.sequence) for each in batch.transitions}
        steps |= {(step.incident_id, step.sequence) for notice in batch.notices for step in notice.steps}
        steps |= {(notice.incident.id, notice.sequence) for notice in batch.notices}
        return cls(
            frozenset(steps),
            frozenset(each.incident_id for each in batch.transitions),
            frozenset(each.place for each in batch.transitions),
            frozenset((*(each.key for each in batch.notices), *(each.key for each in batch.deliveries))),
            frozenset((each.channel, each.digest.grouping) for each in batch.notices if each.digest),
        )

    def __bool__(self) -> bool:
        return any(self)


def apply(draft: RecordState, batch: Batch) -> list[Written]:
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


def _write_transition(draft: RecordState, transition: Transition, links: list[Written]) -> None:
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


def _write_notice(draft: RecordState, notice: Notice) -> None:
    recorded = draft.outbox.get(notice.key)
    if recorded is not None:
        if _address(recorded.notice) != _address(notice):
            raise StoreCorrupt(f"the key {notice.key} is recorded for another notice")
        return
    lead = draft.steps.get((notice.incident.id, notice.sequence))
    steps = [draft.steps.get((step.incident_id, step.sequence)) for step in notice.steps]
    if lead is None or lead.incident != notice.incident or None in steps:
        raise StoreError(f"notice {notice.key} tells of a step of {notice.incident.id} that is not recorded")
    if notice.digest:
        place = (notice.channel, notice.digest.grouping)
        draft.digests[place] = max(notice.created_at_ns, draft.digests.get(place, notice.created_at_ns))
    draft.outbox[notice.key] = Outgoing(
        notice,
        Delivery(key=notice.key, state=DeliveryState.PENDING, attempts=0, at_ns=notice.created_at_ns),
    )


def _write_delivery(draft: RecordState, delivery: Delivery, links: list[Written]) -> None:
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


def without_zero_bytes(said: str) -> str:
    """Returns a text as every kind of store takes it: a zero byte, which no text of PostgreSQL may have, is shown by its sign."""
    return said.replace("\0", "␀")


def told_body(told: LastDelivered) -> bytes:
    """Returns the link of a step that a channel has taken: the part that no later reminder changes."""
    return msgspec.json.encode(replace(told, at_ns=0, reminders=0, memory="", grouping=None))


def _address(notice: Notice) -> tuple[str, int, str]:
    return notice.incident.id, notice.sequence, notice.channel
