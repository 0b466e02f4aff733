"""Rows of PostgreSQL as values of the domain, and the queries that return them in that form."""

from collections.abc import Iterator

from ....domain.incidents.notice import LastDelivered
from ....domain.incidents.record import Outgoing
from ..record_rows import CauseReader, told_of
from .connection import BoundedConnection, Parameters, one

BODY = """
incident JOIN chain ON chain.shard = incident.shard AND chain.position = incident.position
"""
"""Incidents with their newest step."""
STEPS = "incident JOIN chain ON chain.shard = incident.shard AND chain.incident = incident.id"
"""Incidents with all their links: other shards that an incident was on before have some of them, too."""
OUTGOING = """
SELECT outbox.key, outbox.incident, outbox.sequence, outbox.channel, outbox.change, reason, created_at_ns, state, attempts,
    outbox.at_ns, detail, reminder, remark, digest, chain.body
FROM outbox LEFT JOIN chain ON chain.incident = outbox.incident AND chain.channel = ''
    AND chain.sequence = outbox.sequence AND chain.shard = outbox.shard
"""
OF_INCIDENT = """
WHERE outbox.incident = %s OR key IN (SELECT key FROM member WHERE member.incident = %s) ORDER BY ordinal
"""
TOLD = """
SELECT body, told.incident, told.channel, told.sequence, told.at_ns, reminders, memory, grouping
FROM told JOIN chain ON chain.incident = told.incident AND chain.channel = told.channel
    AND chain.sequence = told.sequence AND chain.shard = told.shard
"""
TRIES = "SELECT key, attempt, channel, at_ns, took_ns, result, detail FROM delivery"
_FIRST = "SELECT body FROM chain WHERE incident = %s AND channel = '' AND sequence = 1"


class StepReader(CauseReader):
    """Reads steps, notices and what channels know."""

    def __init__(self, connection: BoundedConnection) -> None:
        super().__init__(lambda name: one(connection, _FIRST, (name,)))
        self._connection = connection

    def notices(self, rest: str, said: Parameters = ()) -> tuple[Outgoing, ...]:
        """Returns the notices that a WHERE and an ORDER choose. Raises: StoreCorrupt where the step of one is missing."""
        found = self._connection.execute(f"{OUTGOING} {rest}", said).fetchall()
        return tuple(self.outgoing_of(row, body) for *row, body in found)

    def last_delivered(self, rest: str, said: Parameters = ()) -> Iterator[LastDelivered]:
        """Yields the last delivered steps that a WHERE and an ORDER choose."""
        for body, *row in self._connection.execute(f"{TOLD} {rest}", said).fetchall():
            yield told_of(body, row)
