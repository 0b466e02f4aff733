"""The state that a restart builds on, verified and read from PostgreSQL in one moment."""

from collections.abc import Iterator

import msgspec

from ....domain import limits
from ....domain.errors import StoreCorrupt
from ....domain.incidents.announcement import Announcement
from ....domain.incidents.incident import Incident
from ....domain.incidents.notice import DeliveryState
from ....domain.incidents.record import (
    Checkpoint,
    HeardMark,
    IncidentOpening,
    LastDigest,
    LatestFinding,
    PauseMark,
    Restored,
    Silence,
)
from ....domain.incidents.told import ChannelBacklog
from ..links import FIRST_HASH, RecordEnd, anchor_of, follow
from .connection import BoundedConnection, Parameters, one
from .rows import BODY, GROUPINGS, OF_KEYS, StepReader

LINKS = "SELECT position, incident, sequence, channel, body, hash FROM chain WHERE shard = %s AND position > %s ORDER BY position"
_LIVE = f"SELECT body FROM {BODY} WHERE is_live AND incident.shard = %s ORDER BY ordinal"  # noqa: S608 - a constant
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
SELECT chain.incident FROM chain LEFT JOIN incident ON incident.id = chain.incident AND incident.shard = chain.shard
WHERE chain.shard = %s AND chain.position > %s AND channel = '' AND (incident.id IS NULL OR incident.sequence < chain.sequence)
UNION ALL
SELECT incident.id FROM incident LEFT JOIN chain ON chain.shard = incident.shard AND chain.position = incident.position
WHERE incident.shard = %s AND (is_live OR incident.position > %s) AND (
    chain.incident IS DISTINCT FROM incident.id OR chain.sequence IS DISTINCT FROM incident.sequence OR channel <> ''
    OR is_open <> (body::json ->> 'change' <> 'resolved'))
LIMIT 1
"""
_SILENCES = msgspec.json.Decoder(Silence)
_ANNOUNCEMENTS = msgspec.json.Decoder(Announcement)


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


class Marks:
    """The marks of one shard, or of all."""

    def __init__(self, connection: BoundedConnection, shard: int | None = None) -> None:
        self._connection, self._shard = connection, shard

    def _rows(self, query: str, said: Parameters = ()) -> list[tuple[object, ...]]:
        """Runs a query whose last condition is about the shard."""
        condition = "true" if self._shard is None else f"shard = {self._shard}"
        return self._connection.execute(query.format(mine=condition), said).fetchall()

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """All of them, by target."""
        found = self._rows(
            'SELECT target, state, at_ns FROM checkpoint WHERE {mine} ORDER BY target COLLATE "C"'
        )
        return tuple(Checkpoint(*row) for row in found)  # type: ignore[arg-type]  # as the columns are

    def heard(self) -> tuple[HeardMark, ...]:
        """All of them, by target."""
        query = 'SELECT target, at_ns, missed_at_ns, run, run_at_ns FROM heard WHERE {mine} ORDER BY target COLLATE "C"'
        return tuple(HeardMark(*row) for row in self._rows(query))  # type: ignore[arg-type]  # as above

    def pauses(self) -> tuple[PauseMark, ...]:
        """All of them, by target."""
        found = self._rows('SELECT target, at_ns, by FROM pause WHERE {mine} ORDER BY target COLLATE "C"')
        return tuple(PauseMark(*row) for row in found)  # type: ignore[arg-type]  # as above

    def latest(self) -> tuple[LatestFinding, ...]:
        """All of them, by incident."""
        found = self._rows('SELECT incident, text FROM latest WHERE {mine} ORDER BY incident COLLATE "C"')
        return tuple(LatestFinding(*row) for row in found)  # type: ignore[arg-type]  # as above

    def silences(self, now_ns: int) -> tuple[Silence, ...]:
        """Those that end after `now_ns`, by id; of one that several shards have, the first."""
        query = """
        SELECT DISTINCT ON (id COLLATE "C") body FROM silence WHERE until_ns > %s AND {mine} ORDER BY id COLLATE "C", shard
        """
        return tuple(_SILENCES.decode(str(body)) for (body,) in self._rows(query, (now_ns,)))

    def announcements(self, since_ns: int) -> tuple[Announcement, ...]:
        """Those that stand at `since_ns` or end after it, by id."""
        query = 'SELECT body FROM announcement WHERE {mine} ORDER BY id COLLATE "C", created_at_ns'
        read = (_ANNOUNCEMENTS.decode(str(body)) for (body,) in self._rows(query))
        return tuple(each for each in read if each.stands(since_ns))


def backlogs(connection: BoundedConnection, shard: int | None = None) -> tuple[ChannelBacklog, ...]:
    """Returns the notices of one shard, or of all, that channels have not taken, for each channel that has any."""
    return tuple(ChannelBacklog(*row) for row in connection.execute(_BACKLOGS, (shard, shard)).fetchall())


def restored(connection: BoundedConnection, shard: int, epoch: int, end: RecordEnd, now_ns: int) -> Restored:
    """Returns the state of a record as it is now."""
    reader, marks = StepReader(connection), Marks(connection, shard)
    live = tuple(reader.incident(body) for (body,) in connection.execute(_LIVE, (shard,)).fetchall())
    pending = "WHERE state = %s AND outbox.shard = %s ORDER BY ordinal"
    return Restored(
        epoch=epoch,
        incidents=live,
        outbox=reader.outgoing(pending, (DeliveryState.PENDING.value, shard)),
        dead=reader.outgoing(_DEAD, (shard,)),
        given_up=tuple((each.channel, each.dead) for each in backlogs(connection, shard) if each.dead),
        told=tuple(reader.told(_TOLD, (shard,))),
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
    """Returns a dead letter with its incidents and the last delivered step of each, None where the key is none."""
    reader = StepReader(connection)
    found = reader.outgoing(OF_KEYS, ([key],))
    if not found or found[0].delivery.state is not DeliveryState.DEAD:
        return None
    notice = found[0].notice
    names = [step.incident_id for step in notice.steps]
    query = f"SELECT id, body FROM {BODY} WHERE id = ANY(%s::text[]) AND incident.shard = %s"  # noqa: S608 - a constant
    incidents = {
        name: reader.incident(body) for name, body in connection.execute(query, (names, shard)).fetchall()
    }
    told = {
        each.incident_id: each
        for each in reader.told(
            "WHERE told.incident = ANY(%s::text[]) AND told.channel = %s", (names, notice.channel)
        )
    }
    return Restored(
        epoch=epoch,
        incidents=tuple(_known(incidents, name) for name in names),
        outbox=found,
        told=tuple(told[name] for name in names if name in told),
    )


def _known(incidents: dict[str, Incident], name: str) -> Incident:
    if name not in incidents:
        raise StoreCorrupt(f"{name} has no latest step")
    return incidents[name]


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
