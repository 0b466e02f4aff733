"""The knowledge of each channel in SQLite: the last step of each incident that it took, and the last digest of each group."""

from collections.abc import Collection, Iterable, Iterator

import apsw

from .....domain import limits
from .....domain.errors import StoreCorrupt
from .....domain.incidents.notice import LastDelivered
from .....domain.incidents.record import LastDigest
from ...record_rows import GROUPINGS, RecordRow, grouping_text, told_of, told_row
from ...record_state import GroupPlace, Knower, RecordDraft
from ..connection import digest, listed, rows

_OF_INCIDENT = """
SELECT body, told.incident, told.channel, told.sequence, told.at_ns, reminders, memory, grouping, told.digest
FROM chain LEFT JOIN told ON told.incident = chain.incident AND told.channel = chain.channel
WHERE chain.incident = ? AND chain.channel <> '' AND chain.sequence =
    (SELECT max(sequence) FROM chain AS heard WHERE heard.incident = chain.incident AND heard.channel = chain.channel)
ORDER BY chain.channel
"""
_KNOWN = """
SELECT body, told.* FROM json_each(?) AS knower JOIN told ON told.incident = knower.value ->> 0 AND told.channel = knower.value ->> 1
JOIN chain ON chain.incident = told.incident AND chain.channel = told.channel AND chain.sequence = told.sequence
"""
_WRITE = "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_GROUPED = (
    "SELECT * FROM grouped WHERE (channel, grouping) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))"
)


class ToldTable:
    """How and when each channel took its last step of an incident, beside its link of the chain, and written over in place."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def write(self, draft: RecordDraft) -> None:
        """Writes what channels have taken, and when digests were made; those of long ago are forgotten."""
        if draft.told:
            said = map(told_row, draft.told.values())
            self._connection.executemany(_WRITE, ((*row, digest(*row)) for row in said))
        for (channel, grouping), at_ns in draft.digests.items():
            row = (channel, grouping_text(grouping), at_ns)
            self._connection.execute(
                "INSERT OR REPLACE INTO grouped VALUES (?, ?, ?, ?)", (*row, digest(*row))
            )
            self._connection.execute("DELETE FROM grouped WHERE at_ns < ?", (at_ns - limits.DIGESTS_KEPT_NS,))

    def known(self, knowers: Collection[Knower]) -> Iterator[LastDelivered]:
        """Yields the last delivered step of each incident for its channel, where there is any."""
        return map(_told, self._connection.execute(_KNOWN, (listed(knowers),)))

    def grouped(self, groups: Collection[GroupPlace]) -> tuple[LastDigest, ...]:
        """Returns when the last digests of these groups were made."""
        wanted = [(channel, grouping_text(grouping)) for channel, grouping in groups]
        return _digests(rows(self._connection, _GROUPED, (listed(wanted),)))

    def of(self, incident: str) -> tuple[LastDelivered, ...]:
        """Returns the last delivered step of an incident for each channel.

        Raises: StoreCorrupt where it does not read back as it was written.
        """
        return tuple(_told(row) for row in rows(self._connection, _OF_INCIDENT, (incident,)))

    def digests(self) -> tuple[LastDigest, ...]:
        """Returns when the last digest of each group was made.

        Raises: StoreCorrupt where it does not read back as it was written.
        """
        return _digests(rows(self._connection, "SELECT * FROM grouped ORDER BY channel, grouping"))

    def verify(self) -> None:
        """Checks all that a restart builds on. Raises: StoreCorrupt where it does not read back as it was written."""
        self.digests()
        for (name,) in rows(self._connection, "SELECT id FROM incident WHERE is_live"):
            self.of(name)


def _digests(found: Iterable[RecordRow]) -> tuple[LastDigest, ...]:
    made = []
    for channel, grouping, at_ns, seen in found:
        if digest(channel, grouping, at_ns) != seen:
            raise StoreCorrupt(f"the last digest of {grouping} does not read back as it was written")
        made.append(LastDigest(channel, GROUPINGS.decode(grouping), at_ns))
    return tuple(made)


def _told(row: RecordRow) -> LastDelivered:
    body, *said, seen = row
    told = told_of(body, said)
    if digest(*said) != seen or said[2] != told.sequence:
        raise StoreCorrupt(
            f"the last notice of {told.incident_id} to {told.channel} does not read back as it was written"
        )
    return told
