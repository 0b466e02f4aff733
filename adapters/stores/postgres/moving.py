"""The marks of targets that move from shard to shard: the shard on which a target lies by the configuration takes them, at its opening.

An open incident is taken before its marks, and they come along with it (moving_incidents).
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from ....domain.cluster.placement import ShardTargets
from ....domain.incidents.record import Restored
from .connection import BoundedConnection
from .fence import Fence

_IS_THERE = """
SELECT EXISTS (SELECT FROM heard WHERE target = ANY(%(names)s::text[]) AND shard <> %(shard)s)
    OR EXISTS (SELECT FROM pause WHERE target = ANY(%(names)s::text[]) AND shard <> %(shard)s)
    OR EXISTS (SELECT FROM checkpoint WHERE target = ANY(%(names)s::text[]) AND shard <> %(shard)s)
"""
# The marks of an incident that its shard has not left yet wait for it there: taken alone, they would have its miss told again.
_TAKE_HEARD = """
WITH moved AS (
    DELETE FROM heard WHERE target = ANY(%(names)s::text[]) AND shard <> %(shard)s AND NOT EXISTS (
        SELECT FROM incident WHERE incident.target = heard.target AND incident.shard = heard.shard AND is_open)
    RETURNING target, at_ns, missed_at_ns, run, run_at_ns)
INSERT INTO heard (shard, target, at_ns, missed_at_ns, run, run_at_ns)
SELECT DISTINCT ON (target) %(shard)s, target, at_ns, missed_at_ns, run, run_at_ns FROM moved ORDER BY target, at_ns DESC
ON CONFLICT (target, shard) DO UPDATE SET at_ns = excluded.at_ns, missed_at_ns = excluded.missed_at_ns, run = excluded.run,
    run_at_ns = excluded.run_at_ns WHERE excluded.at_ns > heard.at_ns
"""
_TAKE_PAUSES = """
WITH moved AS (
    DELETE FROM pause WHERE target = ANY(%(names)s::text[]) AND shard <> %(shard)s RETURNING target, at_ns, by)
INSERT INTO pause (shard, target, at_ns, by)
SELECT DISTINCT ON (target) %(shard)s, target, at_ns, by FROM moved ORDER BY target, at_ns DESC ON CONFLICT DO NOTHING
"""
_TAKE_CHECKPOINTS = """
WITH moved AS (
    DELETE FROM checkpoint WHERE target = ANY(%(names)s::text[]) AND shard <> %(shard)s AND NOT EXISTS (
        SELECT FROM incident WHERE incident.target = checkpoint.target AND incident.shard = checkpoint.shard AND is_open)
    RETURNING target, state, at_ns)
INSERT INTO checkpoint (shard, target, state, at_ns)
SELECT DISTINCT ON (target) %(shard)s, target, state, at_ns FROM moved ORDER BY target, at_ns DESC ON CONFLICT DO NOTHING
"""
_LEAVE_MISSED = (
    "UPDATE heard SET missed_at_ns = NULL WHERE shard = %(shard)s AND target = ANY(%(names)s::text[])"
)
_LEAVE_CHECKPOINTS = "DELETE FROM checkpoint WHERE shard = %(shard)s AND target = ANY(%(names)s::text[])"


def take_marks(connection: BoundedConnection, fence: Fence, shard: int, names: Iterable[str]) -> None:
    """Takes the marks of these targets from other shards, of several the newest: a shard is only now opened with them.

    Raises: StoreFenced where the shard is another owner's by now.
    """
    asked = {"shard": shard, "names": sorted(names)}
    (is_there,) = connection.execute(_IS_THERE, asked).fetchone() or (False,)
    if is_there:
        _write(connection, fence, (_TAKE_HEARD, _TAKE_PAUSES, _TAKE_CHECKPOINTS), asked)


def leave_marks(
    connection: BoundedConnection, fence: Fence, shard: int, found: Restored, targets: ShardTargets
) -> Restored:
    """Returns a restored state without the marks of targets that lie on another shard, which takes them whenever it is opened.

    Raises: StoreFenced where the shard is another owner's by now.
    """
    kept = {
        name: tuple(mark for mark in getattr(found, name) if not targets.lies_elsewhere(mark.target))
        for name in ("heard", "pauses", "checkpoints")
    }
    ending = {each.target for each in found.incidents if each.is_open and targets.lies_elsewhere(each.target)}
    if ending:
        # Before the incident ends: whoever takes the marks later would find none.
        asked = {"shard": shard, "names": sorted(ending)}
        _write(connection, fence, (_LEAVE_MISSED, _LEAVE_CHECKPOINTS), asked)
    return replace(found, **kept)


def _write(
    connection: BoundedConnection, fence: Fence, queries: Iterable[str], asked: dict[str, Any]
) -> None:
    with fence.writing():
        for query in queries:
            connection.execute(query, asked)
