"""The difference that a batch makes, as statements to be sent in one go behind the fence."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from ....domain import limits
from ....domain.incidents.record import Batch, Outgoing
from ..links import Link
from ..record_state import TRANSITION, RecordState
from ..record_state import without_zero_bytes as text
from .connection import Parameters

_CHAIN = "INSERT INTO chain (shard, position, incident, sequence, channel, body, hash) VALUES (%s, %s, %s, %s, %s, %s, %s)"
_MOVE = """
INSERT INTO incident (shard, id, target, rule, sequence, position, is_open, is_live)
VALUES (%s, %s, %s, %s, %s, %s, %s, true)
ON CONFLICT (id, shard) DO UPDATE SET target = excluded.target, sequence = excluded.sequence, position = excluded.position,
    is_open = excluded.is_open, moved_in = excluded.moved_in
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


class _Mark(NamedTuple):
    """How a mark is written over and taken away."""

    write: str
    drop: str


def _mark(table: str, key: str, *columns: str) -> _Mark:
    names = ", ".join(("shard", key, *columns))
    places = ", ".join(["%s"] * (2 + len(columns)))
    said = ", ".join(f"{column} = excluded.{column}" for column in columns)
    return _Mark(
        f"INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT ({key}, shard) DO UPDATE SET {said}",  # noqa: S608 - constants
        f"DELETE FROM {table} WHERE shard = %s AND {key} = %s",  # noqa: S608 - constants
    )


_CHECKPOINT = _mark("checkpoint", "target", "state", "at_ns")
_HEARD = _mark("heard", "target", "at_ns", "missed_at_ns", "run", "run_at_ns")
_PAUSE = _mark("pause", "target", "at_ns", "by")
_LATEST = _mark("latest", "incident", "text")
_SILENCE = _mark("silence", "id", "until_ns", "body")
_ANNOUNCEMENT = """
INSERT INTO announcement (shard, id, created_at_ns, until_ns, body) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (id, created_at_ns, shard) DO UPDATE SET until_ns = excluded.until_ns, body = excluded.body
"""


class Statement(NamedTuple):
    """A statement, and the rows for which it runs, one after the other."""

    sql: str
    rows: list[Parameters]


def statements(
    shard: int, draft: RecordState, batch: Batch, links: Iterable[tuple[Link, bytes]]
) -> list[Statement]:
    """Returns the statements that write what a draft has changed, and what of the batch no rule touches; samples excepted."""
    linked = list(links)
    made = [
        Statement(_CHAIN, [(shard, *msgspec.structs.astuple(link), of) for link, of in linked]),
        Statement(_MOVE, list(_moves(shard, draft, linked))),
        *_notices(shard, draft),
        *_marks(shard, draft),
        *_tries(shard, batch),
        Statement(
            _BLIND,
            [(shard, each.started_at_ns, each.ended_at_ns, text(each.cause)) for each in batch.blind],
        ),
    ]
    touched = _touched(draft, linked)
    if touched:
        made.append(Statement(_IS_LIVE, [(shard, touched)]))
    return [each for each in made if each.rows]


def _moves(shard: int, draft: RecordState, linked: list[tuple[Link, bytes]]) -> Iterator[Parameters]:
    """Yields the place of each incident after its last step in this commit."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for link, _ in linked:
        if link.channel == TRANSITION:
            first.setdefault(link.incident, link.position)
            last[link.incident] = link.position
    latest = draft.changed("latest")
    # Those that end come first: another one of the same rule may open in the same commit.
    for name in sorted(last, key=lambda name: (latest[name].is_open, first[name])):
        incident = latest[name]
        target, rule = incident.place
        yield shard, name, target, rule, incident.sequence, last[name], incident.is_open


def _notices(shard: int, draft: RecordState) -> Iterator[Statement]:
    changed: dict[str, Outgoing] = draft.changed("outbox")
    yield Statement(_NOTICE, [_notice(shard, outgoing) for outgoing in changed.values()])
    yield Statement(
        _MEMBER,
        [
            (shard, step.incident_id, outgoing.notice.key)
            for outgoing in changed.values()
            if outgoing.notice.digest
            for step in outgoing.notice.steps
        ],
    )
    told = draft.changed("told").values()
    yield Statement(
        _TOLD,
        [
            (
                shard,
                each.incident_id,
                each.channel,
                each.sequence,
                each.at_ns,
                each.reminders,
                text(each.memory),
                msgspec.json.encode(each.grouping).decode() if each.grouping else "",
            )
            for each in told
        ],
    )
    groups = draft.changed("digests")
    yield Statement(
        _GROUPED,
        [
            (shard, channel, msgspec.json.encode(grouping).decode(), at_ns)
            for (channel, grouping), at_ns in groups.items()
        ],
    )
    if groups:
        yield Statement(_FORGET_GROUPS, [(shard, max(groups.values()) - limits.DIGESTS_KEPT_NS)])


def _notice(shard: int, outgoing: Outgoing) -> Parameters:
    notice, delivery = outgoing.notice, outgoing.delivery
    return (
        shard,
        notice.key,
        notice.incident.id,
        notice.sequence,
        notice.channel,
        notice.change.value,
        notice.reason.value,
        notice.created_at_ns,
        delivery.state.value,
        delivery.attempts,
        delivery.at_ns,
        text(delivery.detail),
        notice.reminder,
        "" if notice.remark is UNSET else text(notice.remark),
        msgspec.json.encode(notice.digest).decode() if notice.digest else "",
    )


def _marks(shard: int, draft: RecordState) -> Iterator[Statement]:
    def both(mark: _Mark, name: str, is_kept: str, *columns: str) -> Iterator[Statement]:
        kept, gone = [], []
        for key, value in draft.changed(name).items():
            if value is None or getattr(value, is_kept) in {None, b""}:
                gone.append((shard, key))
            else:
                kept.append((shard, key, *(_plain(getattr(value, column)) for column in columns)))
        yield Statement(mark.drop, gone)
        yield Statement(mark.write, kept)

    yield from both(_CHECKPOINT, "checkpoints", "state", "state", "at_ns")
    yield from both(_HEARD, "heard", "at_ns", "at_ns", "missed_at_ns", "run", "run_at_ns")
    yield from both(_PAUSE, "pauses", "at_ns", "at_ns", "by")
    yield from both(_LATEST, "found", "text", "text")
    yield Statement(
        _SILENCE.write,
        [
            (shard, each.id, each.until_ns, msgspec.json.encode(each).decode())
            for each in draft.changed("silences").values()
        ],
    )
    yield Statement(
        _ANNOUNCEMENT,
        [
            (shard, each.id, each.created_at_ns, each.until_ns, msgspec.json.encode(each).decode())
            for each in draft.changed("announcements").values()
        ],
    )


def _plain(value: Any) -> Any:
    return text(value) if isinstance(value, str) else value


def _tries(shard: int, batch: Batch) -> Iterator[Statement]:
    yield Statement(
        _TRY,
        [
            (
                shard,
                each.key,
                each.attempt,
                each.channel,
                each.at_ns,
                each.took_ns,
                each.result.value,
                text(each.detail),
            )
            for each in batch.tries
        ],
    )
    yield Statement(
        _FORGET_TRIES,
        [
            (shard, each.key, each.attempt - limits.TRIES_KEPT_PER_NOTICE + 1)
            for each in batch.tries
            if each.attempt > limits.TRIES_KEPT_PER_NOTICE
        ],
    )


def _touched(draft: RecordState, linked: list[tuple[Link, bytes]]) -> list[str]:
    """Returns the incidents of which a restart may have to know more or less."""
    touched = {link.incident for link, _ in linked}
    for key, outgoing in draft.changed("outbox").items():
        before = draft.outbox.maps[1].get(key)  # type: ignore[attr-defined]  # that of a draft lies above another
        if before is None or before.delivery.state is not outgoing.delivery.state:
            touched.update(step.incident_id for step in outgoing.notice.steps)
    return sorted(touched)
