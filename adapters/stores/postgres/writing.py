"""The difference that a batch makes, as statements to be sent in one go behind the fence."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from ....domain import limits
from ....domain.incidents.record import Batch
from ..links import Link
from ..marks import MARKS, Mark, mark_rows
from ..record_rows import (
    RecordRow,
    forgotten_tries,
    grouping_text,
    member_rows,
    moves,
    notice_row,
    rest_row,
    told_row,
    try_row,
)
from ..record_state import RecordDraft
from ..record_state import without_zero_bytes as text
from .connection import Parameters

_CHAIN = "INSERT INTO chain (shard, position, incident, sequence, channel, body, hash) VALUES (%s, %s, %s, %s, %s, %s, %s)"
# An incident that came from another shard may have another name of its rule for as long as that rule has an open one here (moving_incidents).
_MOVE = """
INSERT INTO incident (shard, id, target, rule, sequence, position, is_open, is_live)
VALUES (%s, %s, %s, %s, %s, %s, %s, true)
ON CONFLICT (id, shard) DO UPDATE SET target = excluded.target, sequence = excluded.sequence, position = excluded.position,
    is_open = excluded.is_open, moved_in = excluded.moved_in,
    rule = CASE WHEN excluded.is_open AND EXISTS (SELECT FROM incident AS other WHERE other.shard = excluded.shard AND other.is_open
        AND other.target = excluded.target AND other.rule = excluded.rule AND other.id <> excluded.id)
        THEN incident.rule ELSE excluded.rule END
"""
_NOTICE = """
INSERT INTO outbox (shard, key, incident, sequence, channel, change, reason, created_at_ns, state, attempts, at_ns, detail,
    reminder, remark, digest)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (key, shard) DO UPDATE SET
    state = excluded.state, attempts = excluded.attempts, at_ns = excluded.at_ns, detail = excluded.detail
"""
_MEMBER = "INSERT INTO member (shard, incident, key) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_TOLD = """
INSERT INTO told (shard, incident, channel, sequence, at_ns, reminders, memory, grouping)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (incident, channel, shard) DO UPDATE SET sequence = excluded.sequence, at_ns = excluded.at_ns,
    reminders = excluded.reminders, memory = excluded.memory, grouping = excluded.grouping
"""
_GROUPED = """
INSERT INTO grouped (shard, channel, grouping, at_ns) VALUES (%s, %s, %s, %s)
ON CONFLICT (channel, grouping, shard) DO UPDATE SET at_ns = excluded.at_ns
"""
_FORGET_GROUPS = "DELETE FROM grouped WHERE shard = %s AND at_ns < %s"
_TRY = """
INSERT INTO delivery (shard, key, attempt, channel, at_ns, took_ns, result, detail) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (key, attempt, shard) DO UPDATE SET
    at_ns = excluded.at_ns, took_ns = excluded.took_ns, result = excluded.result, detail = excluded.detail
"""
_FORGET_TRIES = "DELETE FROM delivery WHERE shard = %s AND key = %s AND attempt > 1 AND attempt <= %s"
_BLIND = """
INSERT INTO blind (shard, started_at_ns, ended_at_ns, cause) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_IS_LIVE = """
UPDATE incident SET is_live = is_open
    OR EXISTS (SELECT FROM outbox WHERE outbox.incident = incident.id AND state = 'pending')
    OR EXISTS (SELECT FROM member JOIN outbox USING (key) WHERE member.incident = incident.id AND state = 'pending')
    OR EXISTS (SELECT FROM told WHERE told.incident = incident.id AND told.sequence < incident.sequence)
WHERE shard = %s AND id = ANY(%s::text[])
"""


def _write_mark(mark: Mark) -> str:
    keys = mark.key.split(", ")
    said = ", ".join(f"{column} = excluded.{column}" for column in mark.columns if column not in keys)
    return (
        f"INSERT INTO {mark.table} (shard, {', '.join(mark.columns)}) VALUES (%s{', %s' * len(mark.columns)})"  # noqa: S608 - constants
        f" ON CONFLICT ({mark.key}, shard) DO UPDATE SET {said}"
    )


_WRITE_MARK = {mark: _write_mark(mark) for mark in MARKS.values()}


class Statement(NamedTuple):
    """A statement, and the rows for which it runs, one after the other."""

    sql: str
    rows: list[Parameters]


def statements(
    shard: int, draft: RecordDraft, batch: Batch, links: Sequence[tuple[Link, bytes]]
) -> list[Statement]:
    """Returns the statements that write what a draft has changed, and what of the batch no rule touches; samples excepted."""
    return [each for each in _all(shard, draft, batch, links) if each.rows]


def _all(
    shard: int, draft: RecordDraft, batch: Batch, links: Sequence[tuple[Link, bytes]]
) -> Iterator[Statement]:
    def written(sql: str, rows: Iterable[RecordRow]) -> Statement:
        return Statement(sql, [(shard, *map(_plain, row)) for row in rows])

    outbox = draft.outbox.values()
    digests = [
        each.notice
        for key, each in draft.outbox.items()
        if each.notice.digest and key not in draft.below.outbox
    ]
    yield written(_CHAIN, ((*msgspec.structs.astuple(link), of) for link, of in links))
    yield written(
        _MOVE,
        (
            (step.id, *step.place, step.sequence, position, step.is_open)
            for step, position in moves(draft, [link for link, _ in links])
        ),
    )
    yield written(_NOTICE, ((*notice_row(outgoing), *rest_row(outgoing.notice)) for outgoing in outbox))
    yield written(_MEMBER, (row for notice in digests for row in member_rows(notice)))
    yield written(_TOLD, map(told_row, draft.told.values()))
    groups = draft.digests.items()
    yield written(_GROUPED, ((channel, grouping_text(group), at_ns) for (channel, group), at_ns in groups))
    if groups:
        yield written(_FORGET_GROUPS, [(max(draft.digests.values()) - limits.DIGESTS_KEPT_NS,)])
    for mark, kept, gone in mark_rows(draft):
        yield written(f"DELETE FROM {mark.table} WHERE shard = %s AND {mark.key} = %s", gone)  # noqa: S608 - constants
        yield written(_WRITE_MARK[mark], kept)
    yield written(_TRY, map(try_row, batch.tries))
    yield written(_FORGET_TRIES, forgotten_tries(batch))
    yield written(_BLIND, map(msgspec.structs.astuple, batch.blind))
    if touched := draft.unsettled(link.incident for link, _ in links):
        yield written(_IS_LIVE, [(touched,)])


def _plain(value: Any) -> Any:
    return text(value) if isinstance(value, str) else value
