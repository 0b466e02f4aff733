"""The outbox in SQLite: notices, and what became of them."""

from collections.abc import Iterable
from typing import Any

import apsw
import msgspec
from msgspec import UNSET

from .....domain.errors import StoreCorrupt, StoreError
from .....domain.incidents.digest import Digest
from .....domain.incidents.incident import TransitionKind
from .....domain.incidents.notice import Delivery, DeliveryState, Notice, NoticeReason
from .....domain.incidents.record import Outgoing
from .....domain.incidents.told import ChannelBacklog
from ..chain import Chain
from ..connection import digest, rows
from ..incidents import IncidentTable
from .told import ToldTable

_COLUMNS = "key, incident, sequence, channel, change, reason, created_at_ns, state, attempts, at_ns, detail"
_SELECT = f"""
SELECT {_COLUMNS}, outbox.digest, reminder, remark, body, addition.digest FROM outbox LEFT JOIN addition USING (key)
"""  # noqa: S608 - a constant
_LIVE = "SELECT id FROM incident WHERE is_live"
_DEAD = f"""
WHERE state = 'dead' AND (
    incident IN ({_LIVE}) OR key IN (SELECT key FROM member WHERE member.incident IN ({_LIVE}))) ORDER BY ordinal
"""  # noqa: S608 - a constant
_OF_INCIDENT = """
WHERE incident = ?1 OR key IN (SELECT key FROM member WHERE member.incident = ?1) ORDER BY ordinal
"""
DIGESTS = msgspec.json.Decoder(Digest)

_BACKLOGS = """
SELECT channel, sum(state = 'pending'), min(CASE state WHEN 'pending' THEN created_at_ns END), sum(state = 'dead')
FROM outbox WHERE state <> 'delivered' GROUP BY channel ORDER BY channel
"""


class OutboxTable:
    """Writes notices once and moves their delivery; tells what was heard."""

    def __init__(self, connection: apsw.Connection, incidents: IncidentTable, told: ToldTable) -> None:
        self._connection = connection
        self._incidents = incidents
        self._told = told

    @classmethod
    def over(cls, connection: apsw.Connection) -> "OutboxTable":
        """Returns the outbox of a connection with the tables that it needs."""
        chain = Chain(connection)
        return cls(connection, IncidentTable(connection, chain), ToldTable(connection, chain))

    def record(self, notice: Notice) -> None:
        """Adds a notice of recorded incidents; an existing key stays as it is.

        Raises: StoreCorrupt for a key of another notice; StoreError for a notice of a step that is not recorded.
        """
        name, sequence = notice.incident.id, notice.sequence
        row = self._row(notice.key)
        if row is not None:
            if (row[1], row[2], row[3]) != (name, sequence, notice.channel):
                raise StoreCorrupt(f"the key {notice.key} is recorded for another notice")
            return
        self._require_steps(notice)
        said = (notice.key, name, sequence, notice.channel, notice.change.value, notice.reason.value)
        first = (notice.created_at_ns, DeliveryState.PENDING.value, 0, notice.created_at_ns, "")
        added = self._add(notice)
        self._connection.execute(
            f"INSERT INTO outbox ({_COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
            (*said, *first, _digest((*said, *first), added)),
        )
        self._told.begin(notice)

    def _require_steps(self, notice: Notice) -> None:
        lead = self._incidents.at(notice.incident.id, notice.sequence)
        if lead != notice.incident or (notice.digest and not self._incidents.has_steps(notice.steps)):
            raise StoreError(
                f"notice {notice.key} tells of a step of {notice.incident.id} that is not recorded"
            )

    def _add(self, notice: Notice) -> bytes | None:
        """Writes the rest of a reminder, of a digest or of a notice with a remark. Returns its digest; None for any other one."""
        if not (notice.reminder or notice.digest or notice.remark):
            return None
        body = msgspec.json.encode(notice.digest).decode() if notice.digest else ""
        said = (notice.key, notice.reminder, notice.remark or "", body)
        added = digest(*said)
        self._connection.execute("INSERT INTO addition VALUES (?, ?, ?, ?, ?)", (*said, added))
        if notice.digest:
            members = ((step.incident_id, notice.key) for step in notice.steps)
            self._connection.executemany("INSERT INTO member VALUES (?, ?)", members)
        return added

    def deliver(self, delivery: Delivery) -> tuple[str, ...]:
        """Records the state of a delivery; returns the ids of the incidents of which a restart may have to know more or less.

        Raises: StoreError for an unknown key.
        """
        row = self._row(delivery.key)
        if row is None:
            raise StoreError(f"there is no notice {delivery.key} to deliver")
        recorded = _delivery(row)
        if not delivery.replaces(recorded):
            return ()
        moved = (delivery.state.value, delivery.attempts, delivery.at_ns, delivery.detail)
        self._connection.execute(
            "UPDATE outbox SET state = ?, attempts = ?, at_ns = ?, detail = ?, digest = ? WHERE key = ?",
            (*moved, _digest((*row[:7], *moved), row[-1]), delivery.key),
        )
        if delivery.state is recorded.state:
            return ()  # another attempt; the members of a digest are not even read
        notice = self._notice(row)
        if delivery.state is DeliveryState.DELIVERED:
            self._told.tell(notice, delivery)
        return tuple(step.incident_id for step in notice.steps)

    def dead(self, key: str) -> Outgoing | None:
        """A dead letter; None when there is none under this key."""
        row = self._row(key)
        outgoing = None if row is None else self._outgoing(row)
        if outgoing is None or outgoing.delivery.state is not DeliveryState.DEAD:
            return None
        return outgoing

    def given_up(self) -> tuple[Outgoing, ...]:
        """The dead letters of incidents that are not over for everybody, oldest first."""
        return tuple(self._outgoing(row) for row in self._rows(_DEAD))

    def all(self, state: DeliveryState | None = None) -> tuple[Outgoing, ...]:
        """Those in a state, oldest first."""
        wanted = () if state is None else (state.value,)
        found = self._rows(f"{'WHERE state = ?' if wanted else ''} ORDER BY ordinal", *wanted)
        return tuple(self._outgoing(row) for row in found)

    def of(self, incident: str) -> tuple[Outgoing, ...]:
        """Those of an incident, oldest first."""
        return tuple(self._outgoing(row) for row in self._rows(_OF_INCIDENT, incident))

    def backlogs(self) -> tuple[ChannelBacklog, ...]:
        """The notices that channels have not taken, for each channel that has any."""
        return tuple(ChannelBacklog(*row) for row in rows(self._connection, _BACKLOGS))

    def verify(self) -> None:
        """Raise StoreCorrupt when a notice that is not delivered, or what channels know, does not read back as it was written."""
        self._told.verify()
        for row in self._rows("WHERE state <> 'delivered'"):
            self._outgoing(row)

    def _row(self, key: str) -> tuple[Any, ...] | None:
        return next(iter(self._rows("WHERE key = ?", key)), None)

    def _rows(self, rest: str, *bindings: str) -> list[tuple[Any, ...]]:
        return rows(self._connection, f"{_SELECT} {rest}", bindings)

    def _outgoing(self, row: tuple[Any, ...]) -> Outgoing:
        delivery = _delivery(row)
        return Outgoing(self._notice(row), delivery)

    def _notice(self, row: tuple[Any, ...]) -> Notice:
        """Returns the notice of a row whose delivery was read, and so verified: the body of a digest is hashed once."""
        key, name, sequence, channel, change, reason, created_at_ns = row[:7]
        reminder, remark, body = row[-4:-1]
        incident = self._incidents.at(name, sequence)
        if incident is None:
            raise StoreCorrupt(f"notice {key} tells of a step of {name} that is missing")
        return Notice(
            key=key,
            channel=channel,
            change=TransitionKind(change),
            incident=incident,
            reason=NoticeReason(reason),
            created_at_ns=created_at_ns,
            digest=DIGESTS.decode(body) if body else UNSET,
            repeated=reminder or UNSET,
            remark=remark or UNSET,
        )


def _delivery(row: tuple[Any, ...]) -> Delivery:
    """Returns the state of a delivery. Raises: StoreCorrupt where the row, or the rest of the notice, is not as it was written."""
    *said, seen, reminder, remark, body, added = row
    key, *_, state, attempts, at_ns, detail = said
    if _digest(said, added) != seen or (added is not None and digest(key, reminder, remark, body) != added):
        raise StoreCorrupt(f"notice {key} does not read back as it was written")
    return Delivery(key=key, state=DeliveryState(state), attempts=attempts, at_ns=at_ns, detail=detail)


def _digest(said: Iterable[object], added: bytes | None) -> bytes:
    """Covers a row of the outbox, and the rest of its notice where there is any."""
    return digest(*said) if added is None else digest(*said, added)
