"""The outbox in SQLite: notices, and what became of them."""

from hashlib import sha256
from typing import Any

import apsw
import msgspec

from ....domain.errors import StoreCorrupt, StoreError
from ....domain.incidents.incident import TransitionKind
from ....domain.incidents.notice import Delivery, DeliveryState, Notice, NoticeReason
from ....domain.incidents.record import Outgoing
from ....domain.incidents.told import ChannelBacklog
from .connection import rows
from .incidents import IncidentTable

_COLUMNS = "key, incident, sequence, channel, change, reason, created_at_ns, state, attempts, at_ns, detail"

_BACKLOGS = """
SELECT channel, sum(state = 'pending'), min(CASE state WHEN 'pending' THEN created_at_ns END), sum(state = 'dead')
FROM outbox WHERE state <> 'delivered' GROUP BY channel ORDER BY channel
"""


def digest(*values: object) -> bytes:
    """Covers a row that is overwritten in place and so cannot be a link of the chain."""
    return sha256(msgspec.json.encode(values)).digest()[:16]


class OutboxTable:
    """Writes notices once and moves their delivery; tells the incidents what was heard."""

    def __init__(self, connection: apsw.Connection, incidents: IncidentTable) -> None:
        self._connection = connection
        self._incidents = incidents

    def record(self, notice: Notice) -> None:
        """Adds a notice of a recorded incident; an existing key stays as it is.

        Raises: StoreCorrupt for a key of another notice; StoreError for a notice of a step that is not recorded.
        """
        name, sequence = notice.incident.id, notice.sequence
        row = self._row(notice.key)
        if row is not None:
            if (row[1], row[2], row[3]) != (name, sequence, notice.channel):
                raise StoreCorrupt(f"the key {notice.key} is recorded for another notice")
            return
        if self._incidents.at(name, sequence) != notice.incident:
            raise StoreError(f"notice {notice.key} tells of a step of {name} that is not recorded")
        said = (notice.key, name, sequence, notice.channel, notice.change.value, notice.reason.value)
        first = (notice.created_at_ns, DeliveryState.PENDING.value, 0, notice.created_at_ns, "")
        self._connection.execute(
            f"INSERT INTO outbox ({_COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
            (*said, *first, digest(*said, *first)),
        )

    def deliver(self, delivery: Delivery) -> str:
        """Records the state of a delivery; returns the id of its incident.

        Raises: StoreError for an unknown key.
        """
        row = self._row(delivery.key)
        if row is None:
            raise StoreError(f"there is no notice {delivery.key} to deliver")
        outgoing = self._outgoing(row)
        if delivery.replaces(outgoing.delivery):
            moved = (delivery.state.value, delivery.attempts, delivery.at_ns, delivery.detail)
            self._connection.execute(
                "UPDATE outbox SET state = ?, attempts = ?, at_ns = ?, detail = ?, digest = ? WHERE key = ?",
                (*moved, digest(*row[:7], *moved), delivery.key),
            )
            if delivery.state is DeliveryState.DELIVERED:
                self._incidents.tell(outgoing.notice)
        return outgoing.notice.incident.id

    def dead(self, key: str) -> Outgoing | None:
        """A dead letter; None when there is none under this key."""
        row = self._row(key)
        outgoing = None if row is None else self._outgoing(row)
        if outgoing is None or outgoing.delivery.state is not DeliveryState.DEAD:
            return None
        return outgoing

    def given_up(self) -> tuple[Outgoing, ...]:
        """The dead letters of incidents that are not over for everybody, oldest first."""
        found = self._rows(
            "WHERE state = 'dead' AND incident IN (SELECT id FROM incident WHERE is_live) ORDER BY ordinal"
        )
        return tuple(self._outgoing(row) for row in found)

    def all(self, state: DeliveryState | None = None) -> tuple[Outgoing, ...]:
        """Those in a state, oldest first."""
        wanted = () if state is None else (state.value,)
        found = self._rows(f"{'WHERE state = ?' if wanted else ''} ORDER BY ordinal", *wanted)
        return tuple(self._outgoing(row) for row in found)

    def of(self, incident: str) -> tuple[Outgoing, ...]:
        """Those of an incident, oldest first."""
        return tuple(
            self._outgoing(row) for row in self._rows("WHERE incident = ? ORDER BY ordinal", incident)
        )

    def backlogs(self) -> tuple[ChannelBacklog, ...]:
        """The notices that channels have not taken, for each channel that has any."""
        return tuple(ChannelBacklog(*row) for row in rows(self._connection, _BACKLOGS))

    def verify(self) -> None:
        """Raise StoreCorrupt when a notice that is not delivered does not read back as it was written."""
        for row in self._rows("WHERE state <> 'delivered'"):
            self._outgoing(row)

    def _row(self, key: str) -> tuple[Any, ...] | None:
        return next(iter(self._rows("WHERE key = ?", key)), None)

    def _rows(self, rest: str, *bindings: str) -> list[tuple[Any, ...]]:
        return rows(self._connection, f"SELECT {_COLUMNS}, digest FROM outbox {rest}", bindings)  # noqa: S608 - constants

    def _outgoing(self, row: tuple[Any, ...]) -> Outgoing:
        *said, seen = row
        key, name, sequence, channel, change, reason, created_at_ns, state, attempts, at_ns, detail = said
        if digest(*said) != seen:
            raise StoreCorrupt(f"notice {key} does not read back as it was written")
        incident = self._incidents.at(name, sequence)
        if incident is None:
            raise StoreCorrupt(f"notice {key} tells of a step of {name} that is missing")
        notice = Notice(
            key=key,
            channel=channel,
            change=TransitionKind(change),
            incident=incident,
            reason=NoticeReason(reason),
            created_at_ns=created_at_ns,
        )
        state = DeliveryState(state)
        return Outgoing(notice, Delivery(key=key, state=state, attempts=attempts, at_ns=at_ns, detail=detail))
