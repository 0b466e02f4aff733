"""Rows of PostgreSQL as values of the domain, and the queries that return them in that form."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from ....domain.errors import StoreCorrupt
from ....domain.incidents.delivery_try import DeliveryTry, TryResult
from ....domain.incidents.digest import Digest, Grouping
from ....domain.incidents.incident import Incident, Transition, TransitionKind
from ....domain.incidents.notice import Delivery, DeliveryState, LastDelivered, Notice, NoticeReason
from ....domain.incidents.record import Outgoing
from .connection import BoundedConnection, Parameters, one

AnyIncident = TypeVar("AnyIncident", bound=Incident)
TRANSITIONS = msgspec.json.Decoder(Transition)
INCIDENTS = msgspec.json.Decoder(Incident)
DIGESTS = msgspec.json.Decoder(Digest)
GROUPINGS = msgspec.json.Decoder(Grouping)
_STEPS_TOLD = msgspec.json.Decoder(LastDelivered)

BODY = """
incident JOIN chain ON chain.shard = incident.shard AND chain.position = incident.position
"""
"""Incidents with their newest step."""
OUTGOING = """
SELECT outbox.key, outbox.incident, outbox.sequence, outbox.channel, outbox.change, reason, created_at_ns, state, attempts,
    outbox.at_ns, detail, reminder, remark, digest, chain.body
FROM outbox LEFT JOIN chain ON chain.incident = outbox.incident AND chain.channel = ''
    AND chain.sequence = outbox.sequence AND chain.shard = outbox.shard
"""
OF_INCIDENT = """
WHERE outbox.incident = %s OR key IN (SELECT key FROM member WHERE member.incident = %s) ORDER BY ordinal
"""
OF_KEYS = "WHERE outbox.key = ANY(%s::text[])"
TOLD = """
SELECT body, told.at_ns, told.sequence, reminders, memory, grouping
FROM told JOIN chain ON chain.incident = told.incident AND chain.channel = told.channel
    AND chain.sequence = told.sequence AND chain.shard = told.shard
"""
TRIES = "SELECT key, attempt, channel, at_ns, took_ns, result, detail FROM delivery"


class StepReader:
    """Reads steps with their cause. One of an earlier version, in a store that was copied, says none: that is in the first step."""

    def __init__(self, connection: BoundedConnection) -> None:
        self._connection = connection

    def incident(self, body: str) -> Incident:
        return self.with_cause(INCIDENTS.decode(body))

    def with_cause(self, incident: AnyIncident) -> AnyIncident:
        if incident.cause:
            return incident
        first = incident if incident.sequence == 1 else self._first(incident.id)
        said = first.explanation or first.reason
        return replace(incident, cause=said, latest=said)

    def _first(self, name: str) -> Incident:
        body = one(
            self._connection,
            "SELECT body FROM chain WHERE incident = %s AND channel = '' AND sequence = 1",
            (name,),
        )
        if body is None:
            raise StoreCorrupt(f"{name} has no first step")
        return INCIDENTS.decode(body)

    def outgoing(self, rest: str, said: Parameters = ()) -> tuple[Outgoing, ...]:
        """Returns the notices that a WHERE and an ORDER choose."""
        found = self._connection.execute(f"{OUTGOING} {rest}", said).fetchall()
        return tuple(self.outgoing_of(row) for row in found)

    def outgoing_of(self, row: tuple[Any, ...]) -> Outgoing:
        """Returns the notice of a row of OUTGOING. Raises: StoreCorrupt where its step is missing."""
        key, name, sequence, channel, change, reason, created_at_ns = row[:7]
        state, attempts, at_ns, detail, reminder, remark, digest, body = row[7:]
        if body is None:
            raise StoreCorrupt(f"notice {key} tells of step {sequence} of {name}, which is missing")
        notice = Notice(
            key=key,
            channel=channel,
            change=TransitionKind(change),
            incident=self.incident(body),
            reason=NoticeReason(reason),
            created_at_ns=created_at_ns,
            digest=DIGESTS.decode(digest) if digest else UNSET,
            repeated=reminder or UNSET,
            remark=remark or UNSET,
        )
        delivery = Delivery(
            key=key, state=DeliveryState(state), attempts=attempts, at_ns=at_ns, detail=detail
        )
        return Outgoing(notice, delivery)

    def told(self, rest: str, said: Parameters = ()) -> Iterator[LastDelivered]:
        """Yields the last delivered steps that a WHERE and an ORDER choose."""
        for body, *rest_of_row in self._connection.execute(f"{TOLD} {rest}", said).fetchall():
            yield told_of(body, rest_of_row)


def told_of(body: str, said: Iterable[Any]) -> LastDelivered:
    """Returns a delivered step: its link, and how and when its channel took it last."""
    at_ns, _, reminders, memory, grouping = said
    return replace(
        _STEPS_TOLD.decode(body),
        at_ns=at_ns,
        reminders=reminders,
        memory=memory,
        grouping=GROUPINGS.decode(grouping) if grouping else None,
    )


def try_of(row: tuple[Any, ...]) -> DeliveryTry:
    """Returns the try of a row of TRIES."""
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
