"""The part of a record that a batch touches, read before its transaction: the fence proves that nothing has changed meanwhile."""

from collections.abc import Collection, Iterator

from ....domain.incidents.incident import Incident, Transition
from ....domain.incidents.notice import LastDelivered
from ....domain.incidents.record import LastDigest, Outgoing
from ..record_rows import GROUPINGS, TRANSITIONS, grouping_text
from ..record_state import GroupPlace, Knower, RulePlace, Step
from .connection import BoundedConnection, one
from .rows import BODY, StepReader

_ASKED = """
FROM unnest(%s::text[], %s::bigint[]) AS asked (name, number)
JOIN chain ON incident = name AND channel = '' AND sequence = number AND shard = %s
"""
_STANDING = f"""
SELECT body FROM {BODY} WHERE incident.shard = %s AND (id = ANY(%s::text[])
    OR (is_open AND (target, rule) IN (SELECT * FROM unnest(%s::text[], %s::text[]))))
"""  # noqa: S608 - a constant
_OF_KEYS = "WHERE outbox.shard = %s AND outbox.key = ANY(%s::text[])"
_KNOWN = """
JOIN unnest(%s::text[], %s::text[]) AS knower (name, channel) ON told.incident = name AND told.channel = knower.channel
WHERE told.shard = %s
"""
_GROUPED = """
SELECT channel, grouping, at_ns FROM grouped
WHERE shard = %s AND (channel, grouping) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""


class DatabaseRecord(StepReader):
    """The record of a shard. It is a `RecordSource`."""

    def __init__(self, connection: BoundedConnection, shard: int) -> None:
        super().__init__(connection)
        self._shard = shard

    def steps(self, wanted: Collection[Step]) -> Iterator[Transition]:
        asked = (*_columns(wanted), self._shard)
        for (body,) in self._connection.execute(f"SELECT body {_ASKED}", asked).fetchall():
            yield TRANSITIONS.decode(body)

    def has_steps(self, wanted: Collection[Step]) -> bool:
        asked = (*_columns(wanted), self._shard)
        return bool(one(self._connection, f"SELECT count(*) {_ASKED}", asked) == len(wanted))

    def standing(self, names: Collection[str], places: Collection[RulePlace]) -> Iterator[Incident]:
        asked = (self._shard, [*names], *_columns(places))
        for (body,) in self._connection.execute(_STANDING, asked).fetchall():
            yield self.incident(body)

    def outgoing(self, keys: Collection[str]) -> tuple[Outgoing, ...]:
        return self.notices(_OF_KEYS, (self._shard, [*keys]))

    def told(self, knowers: Collection[Knower]) -> Iterator[LastDelivered]:
        return self.last_delivered(_KNOWN, (*_columns(knowers), self._shard))

    def digests(self, groups: Collection[GroupPlace]) -> Iterator[LastDigest]:
        wanted = [(channel, grouping_text(grouping)) for channel, grouping in groups]
        for channel, grouping, at_ns in self._connection.execute(_GROUPED, (self._shard, *_columns(wanted))):
            yield LastDigest(channel, GROUPINGS.decode(grouping), at_ns)


def _columns(
    pairs: Collection[tuple[str, int]] | Collection[tuple[str, str]],
) -> tuple[list[object], list[object]]:
    """Returns pairs as `unnest` takes them."""
    return [first for first, _ in pairs], [second for _, second in pairs]
