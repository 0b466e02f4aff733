"""The outbox in SQLite: notices, and what became of them."""

from collections.abc import Collection, Iterable

import apsw

from .....domain.errors import StoreCorrupt
from .....domain.incidents.notice import DeliveryState
from .....domain.incidents.record import Outgoing
from .....domain.incidents.told import ChannelBacklog
from ...record_rows import CauseReader, RecordRow, member_rows, notice_row, rest_row
from ...record_state import RecordDraft
from ..chain import Chain
from ..connection import digest, listed, rows

_COLUMNS = "key, incident, sequence, channel, change, reason, created_at_ns, state, attempts, at_ns, detail"
_MAIN = len(_COLUMNS.split())
"""Columns of a notice in the outbox; the others are in `addition`, where it has any."""
_SELECT = """
SELECT outbox.key, outbox.incident, outbox.sequence, outbox.channel, change, reason, created_at_ns, state, attempts, at_ns,
    detail, outbox.digest, coalesce(reminder, 0), coalesce(remark, ''), coalesce(addition.body, ''), addition.digest, chain.body
FROM outbox LEFT JOIN addition USING (key) LEFT JOIN chain
ON chain.incident = outbox.incident AND chain.channel = '' AND chain.sequence = outbox.sequence
"""
_INSERT = f"INSERT INTO outbox ({_COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
_UPDATE = "UPDATE outbox SET state = ?, attempts = ?, at_ns = ?, detail = ?, digest = ? WHERE key = ?"
_MOVED = 7
"""Where the columns begin that say what became of a notice."""
_LIVE = "SELECT id FROM incident WHERE is_live"
_DEAD = f"""
WHERE state = 'dead' AND (
    outbox.incident IN ({_LIVE}) OR key IN (SELECT key FROM member WHERE member.incident IN ({_LIVE}))) ORDER BY ordinal
"""  # noqa: S608 - a constant
_OF_INCIDENT = """
WHERE outbox.incident = ?1 OR key IN (SELECT key FROM member WHERE member.incident = ?1) ORDER BY ordinal
"""
_BACKLOGS = """
SELECT channel, sum(state = 'pending'), min(CASE state WHEN 'pending' THEN created_at_ns END), sum(state = 'dead')
FROM outbox WHERE state <> 'delivered' GROUP BY channel ORDER BY channel
"""


class OutboxTable:
    """The notices, and what became of them."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._causes = CauseReader(Chain(connection).first)

    def write(self, draft: RecordDraft) -> None:
        """Writes the notices of a draft, new ones as a whole, of others the state of their delivery."""
        for key, outgoing in draft.outbox.items():
            if key in draft.below.outbox:
                self._update(outgoing)
            else:
                self.insert((*notice_row(outgoing), *rest_row(outgoing.notice)))
                if outgoing.notice.digest:
                    self._connection.executemany(
                        "INSERT INTO member VALUES (?, ?)", member_rows(outgoing.notice)
                    )

    def insert(self, row: RecordRow) -> None:
        """Writes a notice with the rest of a reminder, of a digest or of one with a remark."""
        main, rest = row[:_MAIN], (row[0], *row[_MAIN:])
        added = None
        if any(rest[1:]):
            added = digest(*rest)
            self._connection.execute("INSERT INTO addition VALUES (?, ?, ?, ?, ?)", (*rest, added))
        self._connection.execute(_INSERT, (*main, _digest(main, added)))

    def _update(self, outgoing: Outgoing) -> None:
        main, notice, added = notice_row(outgoing), outgoing.notice, None
        if notice.reminder or notice.remark or notice.digest:
            # As it was written: the bytes of an earlier version stay.
            added = self._connection.execute("SELECT digest FROM addition WHERE key = ?", (main[0],)).get
        self._connection.execute(_UPDATE, (*main[_MOVED:], _digest(main, added), main[0]))

    def of_keys(self, keys: Collection[str]) -> tuple[Outgoing, ...]:
        """Returns those of these keys that are there."""
        return self._all("WHERE key IN (SELECT value FROM json_each(?))", listed(keys))

    def given_up(self) -> tuple[Outgoing, ...]:
        """The dead letters of incidents that are not over for everybody, oldest first."""
        return self._all(_DEAD)

    def all(self, state: DeliveryState | None = None) -> tuple[Outgoing, ...]:
        """Those in a state, oldest first."""
        wanted = () if state is None else (state.value,)
        return self._all(f"{'WHERE state = ?' if wanted else ''} ORDER BY ordinal", *wanted)

    def of(self, incident: str) -> tuple[Outgoing, ...]:
        """Those of an incident, oldest first."""
        return self._all(_OF_INCIDENT, incident)

    def backlogs(self) -> tuple[ChannelBacklog, ...]:
        """The notices that channels have not taken, for each channel that has any."""
        return tuple(ChannelBacklog(*row) for row in rows(self._connection, _BACKLOGS))

    def verify(self) -> None:
        """Reads them. Raises: StoreCorrupt where a notice that is not delivered does not read back as it was written."""
        self._all("WHERE state <> 'delivered'")

    def _all(self, rest: str, *bindings: str) -> tuple[Outgoing, ...]:
        return tuple(map(self._outgoing, rows(self._connection, f"{_SELECT} {rest}", bindings)))

    def _outgoing(self, row: RecordRow) -> Outgoing:
        """Returns a notice. Raises: StoreCorrupt where its row, or the rest of it, is not as it was written."""
        *said, body = row
        main, seen, rest, added = said[:_MAIN], said[_MAIN], said[_MAIN + 1 : -1], said[-1]
        if _digest(main, added) != seen or (added is not None and digest(main[0], *rest) != added):
            raise StoreCorrupt(f"notice {main[0]} does not read back as it was written")
        return self._causes.outgoing_of((*main, *rest), body)


def _digest(main: Iterable[object], added: bytes | None) -> bytes:
    """Covers a row of the outbox, and the rest of its notice where there is any."""
    return digest(*main) if added is None else digest(*main, added)
