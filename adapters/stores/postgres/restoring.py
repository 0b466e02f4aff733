"""The state that a restart builds on, verified and read from PostgreSQL in one moment."""

from collections.abc import Iterator, Sequence

from ....domain import limits
from ....domain.errors import StoreCorrupt
from ....domain.incidents.notice import DeliveryState
from ....domain.incidents.record import IncidentOpening, LastDigest, Restored
from ....domain.incidents.told import ChannelBacklog
from ..links import FIRST_HASH, RecordEnd, anchor_of, follow
from ..loading import recall
from ..marks import SILENCE, Mark, MarkReader
from ..record_rows import GROUPINGS, RecordRow
from .connection import BoundedConnection, one
from .loading import DatabaseRecord
from .moving_incidents import LEFT
from .rows import BODY, StepReader

LINKS = "SELECT position, incident, sequence, channel, body, hash FROM chain WHERE shard = %s AND position > %s ORDER BY position"
_LIVE = f"SELECT body FROM {BODY} WHERE is_live AND incident.shard = %s ORDER BY ordinal"  # noqa: S608 - a constant
_NOT_LEFT = f"outbox.incident NOT IN (SELECT id FROM incident WHERE {LEFT})"  # noqa: S608 - a constant
_PENDING = f"WHERE state = %s AND outbox.shard = %s AND {_NOT_LEFT} ORDER BY ordinal"
_IS_LEFT = f"SELECT true FROM outbox JOIN incident ON id = outbox.incident WHERE key = %s AND {LEFT}"  # noqa: S608 - a constant
_DEAD = """
WHERE state = 'dead' AND outbox.shard = %s AND (
    outbox.incident IN (SELECT id FROM incident WHERE is_live)
    OR key IN (SELECT key FROM member JOIN incident ON id = member.incident WHERE is_live)) ORDER BY ordinal
"""
_TOLD = """
JOIN incident ON incident.id = told.incident AND incident.shard = told.shard
WHERE is_live AND told.shard = %s ORDER BY incident.ordinal, told.channel
"""
_OPENINGS = """
SELECT incident.id, target, rule, (body::json ->> 'at_ns')::bigint, is_live FROM incident
JOIN chain ON chain.shard = incident.shard AND chain.incident = incident.id AND channel = '' AND chain.sequence = 1
WHERE incident.shard = %s AND (is_live OR ordinal >= coalesce((
    SELECT ordinal FROM incident WHERE shard = %s ORDER BY ordinal DESC OFFSET %s LIMIT 1), 0)) ORDER BY ordinal
"""
_BACKLOGS = """
SELECT channel, count(*) FILTER (WHERE state = 'pending'), min(created_at_ns) FILTER (WHERE state = 'pending'),
    count(*) FILTER (WHERE state = 'dead')
FROM outbox WHERE state <> 'delivered' AND (%s::int IS NULL OR shard = %s) GROUP BY channel ORDER BY channel COLLATE "C"
"""
_MISPLACED = """
SELECT chain.incident FROM chain WHERE chain.shard = %s AND chain.position > %s AND channel = '' AND NOT EXISTS (
    SELECT FROM incident WHERE incident.id = chain.incident AND incident.sequence >= chain.sequence)
UNION ALL
SELECT incident.id FROM incident LEFT JOIN chain ON chain.shard = incident.shard AND chain.position = incident.position
WHERE incident.shard = %s AND (is_live OR incident.position > %s) AND (
    chain.incident IS DISTINCT FROM incident.id OR chain.sequence IS DISTINCT FROM incident.sequence OR channel <> ''
    OR is_open <> (body::json ->> 'change' <> 'resolved'))
LIMIT 1
"""


def verify(connection: BoundedConnection, shard: int, end: RecordEnd, *, whole: bool = False) -> int:
    """Recomputes the links of the chain, of a long one those since an anchor, and looks whether incidents are where it says.

    Returns the number of links. Raises: StoreCorrupt where one is not as it was written.
    """
    start = 0 if whole else anchor_of(end.position, end.position)
    previous = FIRST_HASH if start == 0 else _hash_at(connection, shard, start)
    found = follow(_links(connection, shard, start), start, previous)
    if found != (end.position, end.hash):
        raise StoreCorrupt(f"the chain ends at {found[0]} and its head says {end.position}")
    misplaced = one(connection, _MISPLACED, (shard, start, shard, start))
    if misplaced is not None:
        raise StoreCorrupt(f"incident {misplaced} is not where the chain says")
    return end.position


def _links(connection: BoundedConnection, shard: int, start: int) -> Iterator[tuple[object, ...]]:
    yield from connection.execute(LINKS, (shard, start))


def _hash_at(connection: BoundedConnection, shard: int, position: int) -> bytes:
    found = one(connection, "SELECT hash FROM chain WHERE shard = %s AND position = %s", (shard, position))
    if found is None:
        raise StoreCorrupt(f"link {position} of the chain is missing")
    return bytes(found)


class Marks(MarkReader):
    """The marks of one shard, or of all."""

    def __init__(self, connection: BoundedConnection, shard: int | None = None) -> None:
        self._connection, self._shard = connection, shard

    def rows(self, mark: Mark) -> Sequence[RecordRow]:
        query = f"SELECT {', '.join(mark.columns)} FROM {mark.table} WHERE %s::int IS NULL OR shard = %s"  # noqa: S608 - constants
        found = sorted(self._connection.execute(query, (self._shard, self._shard)).fetchall())
        # A silence is on every shard.
        return [*{row[0]: row for row in found}.values()] if mark is SILENCE else found


def backlogs(connection: BoundedConnection, shard: int | None = None) -> tuple[ChannelBacklog, ...]:
    """Returns the notices of one shard, or of all, that channels have not taken, for each channel that has any."""
    return tuple(ChannelBacklog(*row) for row in connection.execute(_BACKLOGS, (shard, shard)).fetchall())


def restored(connection: BoundedConnection, shard: int, epoch: int, end: RecordEnd, now_ns: int) -> Restored:
    """Returns the state of a record as it is now."""
    reader, marks = StepReader(connection), Marks(connection, shard)
    live = tuple(reader.incident(body) for (body,) in connection.execute(_LIVE, (shard,)).fetchall())
    return Restored(
        epoch=epoch,
        incidents=live,
        outbox=reader.notices(_PENDING, (DeliveryState.PENDING.value, shard)),
        dead=reader.notices(_DEAD, (shard,)),
        given_up=tuple((each.channel, each.dead) for each in backlogs(connection, shard) if each.dead),
        told=tuple(reader.last_delivered(_TOLD, (shard,))),
        digests=_digests(connection, shard),
        openings=_openings(connection, shard, now_ns),
        checkpoints=marks.checkpoints(),
        silences=marks.silences(now_ns),
        announcements=marks.announcements(now_ns),
        heard=marks.heard(),
        latest=marks.latest(),
        pauses=marks.pauses(),
        writes=end.writes,
    )


def recalled(connection: BoundedConnection, shard: int, epoch: int, key: str) -> Restored | None:
    """Returns a dead letter with its incidents and the last delivered step of each, None where the key is none of this shard by now."""
    if one(connection, _IS_LEFT, (key,)):
        return None
    return recall(DatabaseRecord(connection, shard), epoch, key)


def _digests(connection: BoundedConnection, shard: int) -> tuple[LastDigest, ...]:
    query = 'SELECT channel, grouping, at_ns FROM grouped WHERE shard = %s ORDER BY channel COLLATE "C", grouping COLLATE "C"'
    return tuple(
        LastDigest(channel, GROUPINGS.decode(grouping), at_ns)
        for channel, grouping, at_ns in connection.execute(query, (shard,)).fetchall()
    )


def _openings(connection: BoundedConnection, shard: int, now_ns: int) -> tuple[IncidentOpening, ...]:
    """When the live incidents opened, and those of the newest ones that opened within a day, oldest first."""
    since_ns = now_ns - limits.OPENINGS_RESTORED_NS
    found = connection.execute(_OPENINGS, (shard, shard, limits.OPENINGS_RESTORED_MAX - 1)).fetchall()
    return tuple(
        IncidentOpening(name, target, rule, at_ns)
        for name, target, rule, at_ns, is_live in found
        if is_live or at_ns >= since_ns
    )
