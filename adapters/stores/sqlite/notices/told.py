"""The knowledge of each channel in SQLite: the last step of each incident that it took, and the last digest of each group."""

from typing import Any

import apsw
import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from .....domain import limits
from .....domain.errors import StoreCorrupt
from .....domain.incidents.digest import Grouping
from .....domain.incidents.notice import Delivery, LastDelivered, Notice
from .....domain.incidents.record import LastDigest
from ..chain import Chain
from ..connection import digest, rows

STEPS = msgspec.json.Decoder(LastDelivered)
GROUPINGS = msgspec.json.Decoder(Grouping)

_OF_INCIDENT = """
SELECT body, told.incident, told.channel, told.sequence, told.at_ns, reminders, memory, grouping, told.digest
FROM chain LEFT JOIN told ON told.incident = chain.incident AND told.channel = chain.channel
WHERE chain.incident = ? AND chain.channel <> '' AND chain.sequence =
    (SELECT max(sequence) FROM chain AS heard WHERE heard.incident = chain.incident AND heard.channel = chain.channel)
ORDER BY chain.channel
"""
_KNOWN = """
SELECT incident, max(sequence) FROM chain
WHERE channel = ?1 AND incident IN (SELECT value FROM json_each(?2)) GROUP BY incident
"""
_WRITE = "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_GROUPED = """
INSERT INTO grouped VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET at_ns = ?3, digest = ?4 WHERE at_ns < ?3
"""


class ToldTable:
    """Links of the chain for the steps that channels have taken, and beside them how and when, written over in place."""

    def __init__(self, connection: apsw.Connection, chain: Chain) -> None:
        self._connection = connection
        self._chain = chain

    def tell(self, notice: Notice, delivery: Delivery) -> None:
        """Writes that a channel has taken a notice; a later step that it has taken stands."""
        known = self._known(notice)
        taken = [
            told
            for told in notice.as_delivered(delivery.at_ns, delivery.memory or "")
            if told.sequence >= known.get(told.incident_id, 0)
        ]
        self._chain.append_all(
            (told.incident_id, told.sequence, told.channel, _step(told))
            for told in taken
            if told.sequence > known.get(told.incident_id, 0)
        )
        grouping = "" if notice.digest is UNSET else _text_of(notice.digest.grouping)
        self._connection.executemany(_WRITE, (_row(told, grouping) for told in taken))

    def _known(self, notice: Notice) -> dict[str, int]:
        """Returns the last step of each incident of a notice that its channel has taken; one question for all members."""
        names = msgspec.json.encode([step.incident_id for step in notice.steps]).decode()
        return dict(rows(self._connection, _KNOWN, (notice.channel, names)))

    def begin(self, notice: Notice) -> None:
        """Writes when a digest was made; those of long ago are forgotten."""
        if not notice.digest:
            return
        grouping = _text_of(notice.digest.grouping)
        said = (notice.channel, grouping, notice.created_at_ns)
        self._connection.execute(_GROUPED, (*said, digest(*said)))
        self._connection.execute(
            "DELETE FROM grouped WHERE at_ns < ?", (notice.created_at_ns - limits.DIGESTS_KEPT_NS,)
        )

    def of(self, incident: str) -> tuple[LastDelivered, ...]:
        """Returns the last delivered step of an incident for each channel.

        Raises: StoreCorrupt where it does not read back as it was written.
        """
        return tuple(_told(row) for row in rows(self._connection, _OF_INCIDENT, (incident,)))

    def digests(self) -> tuple[LastDigest, ...]:
        """Returns when the last digest of each group was made.

        Raises: StoreCorrupt where it does not read back as it was written.
        """
        found = rows(self._connection, "SELECT * FROM grouped ORDER BY channel, grouping")
        for *said, seen in found:
            if digest(*said) != seen:
                raise StoreCorrupt(f"the last digest of {said[1]} does not read back as it was written")
        return tuple(
            LastDigest(channel, GROUPINGS.decode(grouping), at_ns) for channel, grouping, at_ns, _ in found
        )

    def verify(self) -> None:
        """Checks all that a restart builds on. Raises: StoreCorrupt where it does not read back as it was written."""
        self.digests()
        for (name,) in rows(self._connection, "SELECT id FROM incident WHERE is_live"):
            self.of(name)


def _step(told: LastDelivered) -> bytes:
    """Returns the link of a step: the part that no later reminder changes."""
    return msgspec.json.encode(replace(told, at_ns=0, reminders=0, memory="", grouping=None))


def _text_of(grouping: Grouping) -> str:
    return msgspec.json.encode(grouping).decode()


def _row(told: LastDelivered, grouping: str) -> tuple[Any, ...]:
    said = (
        told.incident_id,
        told.channel,
        told.sequence,
        told.at_ns,
        told.reminders,
        told.memory,
        grouping,
    )
    return (*said, digest(*said))


def _told(row: tuple[Any, ...]) -> LastDelivered:
    body, *said, seen = row
    step = STEPS.decode(body)
    _, _, sequence, at_ns, reminders, memory, grouping = said
    if digest(*said) != seen or sequence != step.sequence:
        raise StoreCorrupt(
            f"the last notice of {step.incident_id} to {step.channel} does not read back as it was written"
        )
    return replace(
        step,
        at_ns=at_ns,
        reminders=reminders,
        memory=memory,
        grouping=GROUPINGS.decode(grouping) if grouping else None,
    )
