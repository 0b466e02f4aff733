"""Values of the record as rows of a database, and such rows as values: one form for every kind of database."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from ...domain import limits
from ...domain.errors import StoreCorrupt
from ...domain.incidents.delivery_try import DeliveryTry, TryResult
from ...domain.incidents.digest import Digest, Grouping
from ...domain.incidents.incident import Incident, Transition, TransitionKind
from ...domain.incidents.notice import Delivery, DeliveryState, LastDelivered, Notice, NoticeReason
from ...domain.incidents.record import Batch, Outgoing
from .links import Link
from .record_state import TRANSITION, RecordDraft

RecordRow: TypeAlias = Sequence[Any]
AnyIncident = TypeVar("AnyIncident", bound=Incident)
TRANSITIONS = msgspec.json.Decoder(Transition)
INCIDENTS = msgspec.json.Decoder(Incident)
GROUPINGS = msgspec.json.Decoder(Grouping)
_DIGESTS = msgspec.json.Decoder(Digest)
_STEPS_TOLD = msgspec.json.Decoder(LastDelivered)


class CauseReader:
    """Reads incidents with their cause. A step of an earlier version says none: that is in the first step."""

    def __init__(self, first: Callable[[str], str | None]) -> None:
        """`first` returns the body of the first step of an incident."""
        self._first = first

    def incident(self, body: str) -> Incident:
        """Returns the incident of a step."""
        return self.with_cause(INCIDENTS.decode(body))

    def with_cause(self, incident: AnyIncident) -> AnyIncident:
        if incident.cause:
            return incident
        first: Incident = incident if incident.sequence == 1 else self._first_of(incident.id)
        said = first.explanation or first.reason
        return replace(incident, cause=said, latest=said)

    def outgoing_of(self, row: RecordRow, body: str | None) -> Outgoing:
        """Returns the notice of a row and its step. Raises: StoreCorrupt where that is missing."""
        if body is None:
            raise StoreCorrupt(f"notice {row[0]} tells of a step of {row[1]} that is missing")
        return _outgoing(row, self.incident(body))

    def _first_of(self, name: str) -> Incident:
        body = self._first(name)
        if body is None:
            raise StoreCorrupt(f"{name} has no first step")
        return INCIDENTS.decode(body)


def moves(draft: RecordDraft, links: Sequence[Link]) -> Iterator[tuple[Transition, int]]:
    """Yields the steps of a draft with the positions of their links, in the order of writing."""
    for link in links:
        if link.channel == TRANSITION:
            yield draft.steps[link.incident, link.sequence], link.position


def grouping_text(grouping: Grouping | None) -> str:
    """Returns a group as its column has it; empty for none."""
    return msgspec.json.encode(grouping).decode() if grouping else ""


def notice_row(outgoing: Outgoing) -> RecordRow:
    """Returns the columns of a notice from `key` to `detail`."""
    notice, delivery = outgoing.notice, outgoing.delivery
    return (
        notice.key,
        notice.incident.id,
        notice.sequence,
        notice.channel,
        notice.change.value,
        notice.reason.value,
        notice.created_at_ns,
        delivery.state.value,
        delivery.attempts,
        delivery.at_ns,
        delivery.detail,
    )


def rest_row(notice: Notice) -> RecordRow:
    """Returns the number of a reminder, the remark and the digest, as they stand behind those columns."""
    digest = msgspec.json.encode(notice.digest).decode() if notice.digest else ""
    return notice.reminder, notice.remark or "", digest


def member_rows(notice: Notice) -> Iterator[RecordRow]:
    """Yields the incidents that a digest tells of, each with its key."""
    return ((step.incident_id, notice.key) for step in notice.steps)


def told_row(told: LastDelivered) -> RecordRow:
    """Returns how and when a channel took a step last."""
    place = (told.incident_id, told.channel, told.sequence)
    return (*place, told.at_ns, told.reminders, told.memory, grouping_text(told.grouping))


def told_of(body: str, row: RecordRow) -> LastDelivered:
    """Returns a delivered step of its link and such a row."""
    _, _, _, at_ns, reminders, memory, grouping = row
    return replace(
        _STEPS_TOLD.decode(body),
        at_ns=at_ns,
        reminders=reminders,
        memory=memory,
        grouping=GROUPINGS.decode(grouping) if grouping else None,
    )


def try_row(each: DeliveryTry) -> RecordRow:
    """Returns the columns of a try."""
    return (each.key, each.attempt, each.channel, each.at_ns, each.took_ns, each.result.value, each.detail)


def forgotten_tries(batch: Batch) -> Iterator[RecordRow]:
    """Yields notices that are tried for days, each with the number up to which its tries go: the first and the newest stay."""
    for each in batch.tries:
        if each.attempt > limits.TRIES_KEPT_PER_NOTICE:
            yield each.key, each.attempt - limits.TRIES_KEPT_PER_NOTICE + 1


def try_of(row: RecordRow) -> DeliveryTry:
    """Returns the try of such a row."""
    key, attempt, channel, at_ns, took_ns, result, detail = row
    return DeliveryTry(
        key=key,
        attempt=attempt,
        channel=channel,
        at_ns=at_ns,
        took_ns=took_ns,
        result=TryResult(result),
        detail=detail,
    )


def _outgoing(row: RecordRow, incident: Incident) -> Outgoing:
    """Returns the notice of both rows, one behind the other."""
    key, _, _, channel, change, reason, created_at_ns, *moved, reminder, remark, digest = row
    state, attempts, at_ns, detail = moved
    notice = Notice(
        key=key,
        channel=channel,
        change=TransitionKind(change),
        incident=incident,
        reason=NoticeReason(reason),
        created_at_ns=created_at_ns,
        digest=_DIGESTS.decode(digest) if digest else UNSET,
        repeated=reminder or UNSET,
        remark=remark or UNSET,
    )
    delivery = Delivery(key=key, state=DeliveryState(state), attempts=attempts, at_ns=at_ns, detail=detail)
    return Outgoing(notice, delivery)
