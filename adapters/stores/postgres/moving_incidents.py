"""Open incidents of targets that move from shard to shard: the former shard leaves them, and the present one goes on with them.

A left incident is open and not live: the engine of its shard knows nothing of it, and everybody can read it. Its steps are copied into the
chain of the shard that takes it, so that each chain is whole by itself; those in the former chain stay.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ....domain.cluster.left_incidents import LeftIncident
from ....domain.cluster.placement import ShardTargets
from ....domain.errors import StoreBusy
from ....domain.limits import LEFT_INCIDENTS_AT_ONCE
from ..links import RecordEnd, linked
from ..record_state import Written
from .connection import BoundedConnection
from .fence import Fence

LEFT = "is_open AND NOT is_live"
"""The condition of an incident that waits for the shard on which its target lies."""
_STANDING = "SELECT id, target, is_live FROM incident WHERE shard = %s AND is_open ORDER BY ordinal"
# A digest that is not delivered tells of targets that may stay: such an incident stays with it, and ends here.
_LEAVE = """
UPDATE incident SET is_live = false WHERE shard = %s AND is_open AND id = ANY(%s::text[])
    AND NOT EXISTS (SELECT FROM outbox WHERE outbox.incident = incident.id AND digest <> '' AND state <> 'delivered')
    AND NOT EXISTS (SELECT FROM member JOIN outbox USING (key) WHERE member.incident = incident.id AND state <> 'delivered')
"""
_FREE = """
SELECT shard FROM shard WHERE owner = '' AND shard IN (
    SELECT shard FROM incident WHERE is_open AND is_live AND target = ANY(%(names)s::text[]) AND shard <> %(shard)s)
FOR UPDATE SKIP LOCKED
"""
_OF_TARGETS = "SELECT id FROM incident WHERE is_open AND shard = %s AND target = ANY(%s::text[])"
_KEEP = "UPDATE incident SET is_live = true WHERE shard = %s AND is_open AND id = ANY(%s::text[])"
_FOUND = f"""
SELECT id FROM incident WHERE {LEFT} AND target = ANY(%s::text[]) AND shard <> %s ORDER BY ordinal
"""  # noqa: S608 - a constant
# Of a target that has come back, this chain has the earlier steps already.
_STEPS = """
SELECT chain.incident, chain.sequence, channel, body FROM chain JOIN incident ON id = chain.incident AND incident.shard = chain.shard
WHERE id = ANY(%(names)s::text[]) AND NOT EXISTS (
    SELECT FROM chain AS known WHERE known.incident = chain.incident AND known.channel = chain.channel
        AND known.sequence = chain.sequence AND known.shard = %(shard)s)
ORDER BY ordinal, chain.position
"""
_LOCK = "SELECT FROM incident WHERE id = ANY(%s::text[]) ORDER BY id FOR UPDATE"
_LINK = """
INSERT INTO chain (shard, position, incident, sequence, channel, body, hash) VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
# A rule has one open incident on a target. Where this shard has opened one already, the one that is taken gets another name of its rule,
# which its next steps give back (writing). The owner of the shard goes on with the older one and ends the other.
_TAKE = f"""
UPDATE incident SET shard = asked.shard, is_live = true, moved_in = DEFAULT, position = chain.position,
    rule = CASE WHEN EXISTS (SELECT FROM incident AS other WHERE other.shard = asked.shard AND other.is_open
        AND other.target = incident.target AND other.rule = incident.rule) THEN rule || '/' || id ELSE rule END
FROM (SELECT %s::int AS shard, %s::text AS name) AS asked JOIN chain ON chain.incident = name AND chain.shard = asked.shard
WHERE id = name AND {LEFT} AND channel = '' AND chain.sequence = incident.sequence
"""  # noqa: S608 - a constant
_TAKE_ALONG = (
    """
    UPDATE delivery SET shard = %(shard)s WHERE key IN (
        SELECT key FROM outbox WHERE incident = ANY(%(names)s::text[]) AND digest = '' AND shard <> %(shard)s)
    """,
    "UPDATE outbox SET shard = %(shard)s WHERE incident = ANY(%(names)s::text[]) AND digest = '' AND shard <> %(shard)s",
    "UPDATE told SET shard = %(shard)s WHERE incident = ANY(%(names)s::text[]) AND shard <> %(shard)s",
    "UPDATE latest SET shard = %(shard)s WHERE incident = ANY(%(names)s::text[]) AND shard <> %(shard)s",
)
_WAITING = f"SELECT id, shard, target FROM incident WHERE {LEFT} ORDER BY ordinal LIMIT %s"  # noqa: S608 - a constant


def left_incidents(connection: BoundedConnection) -> list[LeftIncident]:
    """Returns incidents that wait for another shard, the oldest of many."""
    return [LeftIncident(*row) for row in connection.execute(_WAITING, (LEFT_INCIDENTS_AT_ONCE,)).fetchall()]


def take_incidents(connection: BoundedConnection, fence: Fence, shard: int, names: Iterable[str]) -> None:
    """Takes the incidents of these targets that other shards have left, and those of shards that nobody runs.

    Raises: StoreFenced; StoreBusy where another shard has taken them meanwhile.
    """
    names = sorted(names)
    _leave_for_free(connection, fence, shard, names)
    found = [name for (name,) in connection.execute(_FOUND, (names, shard)).fetchall()]
    if not found:
        return
    asked: dict[str, Any] = {"shard": shard, "names": found}
    links = _links(connection.execute(_STEPS, asked).fetchall(), fence.end)
    end = RecordEnd(links[-1][0], bytes(links[-1][-1]), fence.end.writes) if links else fence.end
    with fence.writing(end):
        connection.execute(_LOCK, (found,))
        with connection.cursor() as cursor:
            cursor.executemany(_LINK, [(shard, *link) for link in links])
        changed = {name for name, *_ in connection.execute(_STEPS, asked).fetchall()}
        for name in found:
            # One by one: each sees which places the ones before it have taken.
            if name in changed or connection.execute(_TAKE, (shard, name)).rowcount != 1:
                raise StoreBusy(f"incident {name} of a target that has moved is changing hands")
        for query in _TAKE_ALONG:
            connection.execute(query, asked)


def _leave_for_free(connection: BoundedConnection, fence: Fence, shard: int, names: list[str]) -> None:
    """Leaves incidents for shards that are free, which would do so at their opening: the lock on their rows keeps owners away."""
    asked = {"shard": shard, "names": names}
    if not connection.execute(_FREE, asked).fetchall():
        return
    with fence.writing():
        for (free,) in connection.execute(_FREE, asked).fetchall():
            leaving = [name for (name,) in connection.execute(_OF_TARGETS, (free, names)).fetchall()]
            _set(connection, _LEAVE, free, leaving)


def _links(rows: Sequence[tuple[Any, ...]], end: RecordEnd) -> list[tuple[Any, ...]]:
    written = [Written(name, sequence, channel, body.encode()) for name, sequence, channel, body in rows]
    return [
        (link.position, link.incident, link.sequence, link.channel, link.body, link_hash)
        for link, link_hash in linked(end.position, end.hash, written)
    ]


def leave_incidents(connection: BoundedConnection, fence: Fence, shard: int, targets: ShardTargets) -> None:
    """Leaves the open incidents of targets that lie on another shard, and keeps those that were left before and lie here by now.

    Raises: StoreFenced where the shard is another owner's by now.
    """
    standing = connection.execute(_STANDING, (shard,)).fetchall()
    leaving = [name for name, target, is_live in standing if is_live and targets.lies_elsewhere(target)]
    kept = [name for name, target, is_live in standing if not is_live and not targets.lies_elsewhere(target)]
    if leaving or kept:
        with fence.writing():
            _set(connection, _LEAVE, shard, leaving)
            _set(connection, _KEEP, shard, kept)


def _set(connection: BoundedConnection, query: str, shard: int, names: Collection[str]) -> None:
    if names:
        connection.execute(query, (shard, list(names)))
