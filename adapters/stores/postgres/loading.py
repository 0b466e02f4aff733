"""The part of a record that a batch touches, read before its transaction: the fence proves that nothing has changed meanwhile."""

import msgspec

from ....domain.incidents.digest import Grouping
from ....domain.incidents.record import Batch
from ..record_state import RecordState, Touched
from .connection import BoundedConnection
from .rows import BODY, OF_KEYS, TRANSITIONS, StepReader

_STEPS = """
SELECT body FROM unnest(%s::text[], %s::bigint[]) AS asked (name, number)
JOIN chain ON incident = name AND channel = '' AND sequence = number AND shard = %s
"""
_INCIDENTS = f"""
SELECT id, incident.target, rule, is_open, body FROM {BODY}
WHERE incident.shard = %s AND (id = ANY(%s::text[])
    OR (is_open AND (target, rule) IN (SELECT * FROM unnest(%s::text[], %s::text[]))))
"""  # noqa: S608 - a constant
_TOLD_OF = """
WHERE told.shard = %s AND told.incident IN (
    SELECT unnest(%s::text[]) UNION SELECT incident FROM outbox WHERE key = ANY(%s::text[])
    UNION SELECT incident FROM member WHERE key = ANY(%s::text[]))
"""
_GROUPED = "SELECT channel, grouping, at_ns FROM grouped WHERE shard = %s AND channel = ANY(%s::text[])"
_GROUPINGS = msgspec.json.Decoder(Grouping)


def load(connection: BoundedConnection, shard: int, batch: Batch) -> RecordState:
    """Returns what a batch is judged by; of the rest of the record nothing is in it."""
    state, touched = RecordState(), Touched.of(batch)
    reader = StepReader(connection)
    _load_steps(connection, shard, touched, state)
    _load_incidents(connection, shard, touched, state, reader)
    if touched.notices:
        keys = list(touched.notices)
        for outgoing in reader.outgoing(OF_KEYS, (keys,)):
            state.outbox[outgoing.notice.key] = outgoing
        names = list({step.incident_id for notice in batch.notices for step in notice.steps})
        for told in reader.told(_TOLD_OF, (shard, names, keys, keys)):
            state.told[told.incident_id, told.channel] = told
    if touched.groups:
        channels = list({channel for channel, _ in touched.groups})
        for channel, grouping, at_ns in connection.execute(_GROUPED, (shard, channels)).fetchall():
            state.digests[channel, _GROUPINGS.decode(grouping)] = at_ns
    return state


def _load_steps(connection: BoundedConnection, shard: int, touched: Touched, state: RecordState) -> None:
    if not touched.steps:
        return
    names, numbers = zip(*touched.steps, strict=True)
    for (body,) in connection.execute(_STEPS, (list(names), list(numbers), shard)).fetchall():
        step = TRANSITIONS.decode(body)
        state.steps[step.incident_id, step.sequence] = step


def _load_incidents(
    connection: BoundedConnection, shard: int, touched: Touched, state: RecordState, reader: StepReader
) -> None:
    if not touched.incidents:
        return
    targets, rules = zip(*touched.places, strict=True)
    asked = (shard, list(touched.incidents), list(targets), list(rules))
    for name, target, rule, is_open, body in connection.execute(_INCIDENTS, asked).fetchall():
        state.latest[name] = reader.incident(body)
        if is_open:
            state.open[target, rule] = name
