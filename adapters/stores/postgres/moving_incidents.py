"""Open incidents of targets that move from shard to shard: the former shard leaves them, and the present one goes on with them.

A left incident is open and not live: the engine of its shard knows nothing of it, and everybody can read it. Its steps are copied into the
chain of the shard that takes it, so that each chain is whole by itself; those in the former chain stay.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from psycopg import errors

from ....domain.cluster.left_incidents import LeftIncident
from ....domain.cluster.placement import ShardTargets
from ....domain.cluster.stamp import read_stamp
from ....domain.errors import StoreBusy
from ....domain.limits import LEFT_INCIDENTS_AT_ONCE, NODE_MOVED_WITHIN_NS
from ....domain.units import NS_PER_S
from ..links import RecordEnd, linked
from ..record_state import Written
from .connection import BoundedConnection, transaction
from .fence import LEASE, Fence

LEFT = "is_open AND NOT is_live"
"""The condition of an incident that waits for the shard on which its target lies."""
_STANDING = "SELECT id, target, is_live FROM incident WHERE shard = %s AND is_open ORDER BY ordinal"
# Incidents of which a channel was told together go on together, or end: one that waits in a digest stays with it, and so do those of a
# group of which some have another shard, or an end that is not told yet, as the last news of a group says that nothing of it is open.
_LEAVE = """
WITH leaving AS (
    SELECT id FROM incident WHERE shard = ANY(%(shards)s::int[]) AND is_open AND is_live AND target = ANY(%(targets)s::text[])
        AND NOT EXISTS (SELECT FROM outbox WHERE outbox.incident = incident.id AND digest <> '' AND state <> 'delivered')
        AND NOT EXISTS (SELECT FROM member JOIN outbox USING (key) WHERE member.incident = incident.id AND state <> 'delivered')
), parting AS (
    SELECT DISTINCT told.shard, channel, grouping FROM incident JOIN told ON told.incident = id AND told.shard = incident.shard
    WHERE incident.shard = ANY(%(shards)s::int[]) AND is_live AND grouping <> '' AND id NOT IN (SELECT id FROM leaving))
UPDATE incident SET is_live = false WHERE shard = ANY(%(shards)s::int[]) AND id IN (SELECT id FROM leaving)
    AND NOT EXISTS (SELECT FROM told JOIN parting USING (shard, channel, grouping) WHERE told.incident = incident.id)
"""
# Shards that nobody runs. While their rows are locked none is claimed: a claim sees another number of commits, and an owner that was frozen
# is fenced by it.
_UNRUN = f"""
UPDATE shard SET commits = commits + 1 WHERE shard IN (
    SELECT shard FROM shard WHERE shard = ANY(%s::int[]) AND (owner = '' OR clock_timestamp() - alive_at >= {LEASE})
    ORDER BY shard FOR UPDATE)
RETURNING shard
"""  # noqa: S608 - a constant
_HAVING = """
SELECT DISTINCT shard FROM incident WHERE is_open AND is_live AND shard <> %s AND target = ANY(%s::text[])
"""
_OWNERS = f"""
SELECT shard, configuration FROM shard WHERE shard = ANY(%s::int[]) AND owner <> '' AND clock_timestamp() - alive_at < {LEASE}
    AND (SELECT clock_timestamp() - alive_at < %s * interval '1 second' FROM shard WHERE shard = %s)
"""  # noqa: S608 - a constant
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
    """Takes the incidents of these targets that other shards have left.

    Raises: StoreFenced; StoreBusy where another shard has taken them meanwhile.
    """
    names = sorted(names)
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
    leaving, kept = _standing(connection, shard, targets)
    if leaving or kept:
        with fence.writing():
            _leave(connection, shard, leaving)
            if kept:
                connection.execute(_KEEP, (shard, kept))


def shards_having(connection: BoundedConnection, shard: int, targets: ShardTargets) -> list[int]:
    """Returns the other shards that have live incidents of the targets of a shard."""
    return [each for (each,) in connection.execute(_HAVING, (shard, sorted(targets.names))).fetchall()]


def leave_for_the_dead(
    connection: BoundedConnection, shard: int, targets: ShardTargets, having: Collection[int]
) -> None:
    """Leaves incidents for shards that nobody runs, before this one is claimed: those for it, and those that it has for others.

    `having` are the `shards_having` those for it.
    """
    leaving, _ = _standing(connection, shard, targets)
    if not having and not leaving:
        return
    # A row that is locked for longer is that of an owner which was frozen in the middle of a commit: the one who claims that shard ends it.
    with suppress(errors.LockNotAvailable), transaction(connection):
        unrun = {each for (each,) in connection.execute(_UNRUN, ([*having, shard],)).fetchall()}
        if shard in unrun:
            _leave(connection, shard, leaving)
        asked = {"shards": sorted(unrun - {shard}), "targets": sorted(targets.names)}
        connection.execute(_LEAVE, asked)


def refuse_early(
    connection: BoundedConnection, shard: int, having: Collection[int], configuration: str
) -> None:
    """Refuses to open a shard while another one, of those `having` an open incident that is to move here, runs by an older configuration:
    judged without it, its target would be told again.

    Raises: StoreBusy, for as long as limits allow since this shard was run last.
    """
    mine = read_stamp(configuration)
    if mine is None or not having:
        return
    for other, said in connection.execute(
        _OWNERS, ([*having], NODE_MOVED_WITHIN_NS / NS_PER_S, shard)
    ).fetchall():
        theirs = read_stamp(said)
        if theirs is not None and mine.is_newer_than(theirs):
            raise StoreBusy(
                f"shard {shard} waits for an open incident of shard {other}, which an older configuration runs yet"
            )


def _standing(
    connection: BoundedConnection, shard: int, targets: ShardTargets
) -> tuple[dict[int, list[str]], list[str]]:
    """Returns the targets with live incidents that lie elsewhere, by shard, and the left incidents of targets that lie here by now."""
    leaving: dict[int, list[str]] = defaultdict(list)
    kept: list[str] = []
    for name, target, is_live in connection.execute(_STANDING, (shard,)).fetchall():
        taker = targets.taker_of(target)
        if is_live and taker != shard:
            leaving[taker].append(target)
        elif taker == shard and not is_live:
            kept.append(name)
    return leaving, kept


def _leave(connection: BoundedConnection, shard: int, leaving: Mapping[int, list[str]]) -> None:
    for names in leaving.values():
        connection.execute(_LEAVE, {"shards": [shard], "targets": names})
