"""Incidents in SQLite: their transitions, and the place of each in the chain."""

from collections.abc import Collection, Iterator, Sequence

import apsw

from ....domain import limits
from ....domain.errors import StoreCorrupt
from ....domain.incidents.incident import Incident, Transition
from ....domain.incidents.record import IncidentOpening
from ..links import Link
from ..record_rows import TRANSITIONS, CauseReader, moves
from ..record_state import RecordDraft, RulePlace, Step
from .chain import Chain
from .connection import listed

_MOVE = """
INSERT INTO incident (id, target, rule, sequence, position, is_open, is_live) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
ON CONFLICT (id) DO UPDATE SET target = ?2, sequence = ?4, position = ?5, is_open = ?6
"""

_STEPS = """
SELECT body FROM json_each(?) AS step JOIN chain
ON incident = step.value ->> 0 AND channel = '' AND sequence = step.value ->> 1
"""

_PRESENT = """
SELECT count(*) FROM json_each(?) AS step JOIN chain
ON incident = step.value ->> 0 AND channel = '' AND sequence = step.value ->> 1
"""

_STANDING = """
SELECT body FROM json_each(?1) AS name JOIN incident ON incident.id = name.value JOIN chain USING (position)
UNION ALL
SELECT body FROM json_each(?2) AS place JOIN incident ON is_open AND target = place.value ->> 0 AND rule = place.value ->> 1
JOIN chain USING (position)
"""

_OPENINGS = """
SELECT incident.id, incident.target, incident.rule, json_extract(body, '$.at_ns')
FROM incident JOIN chain ON chain.incident = incident.id AND channel = '' AND chain.sequence = 1
WHERE is_live OR ordinal > (SELECT max(ordinal) FROM incident) - ? ORDER BY ordinal
"""

_IS_LIVE = """(is_open
    OR EXISTS (SELECT 1 FROM outbox WHERE outbox.incident = incident.id AND state = 'pending')
    OR EXISTS (
        SELECT 1 FROM member JOIN outbox USING (key) WHERE member.incident = incident.id AND state = 'pending')
    OR EXISTS (
        SELECT 1 FROM chain WHERE chain.incident = incident.id AND channel <> ''
        GROUP BY channel HAVING max(sequence) < incident.sequence))"""

_SETTLE = f"UPDATE incident SET is_live = {_IS_LIVE} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - a constant

_MISPLACED = f"""
SELECT chain.incident FROM chain LEFT JOIN incident ON incident.id = chain.incident
WHERE chain.position > ?1 AND channel = '' AND (incident.id IS NULL OR incident.sequence < chain.sequence)
UNION ALL
SELECT incident.id FROM incident LEFT JOIN chain USING (position)
WHERE (is_live OR incident.position > ?1) AND (
    chain.incident IS NOT incident.id OR chain.sequence IS NOT incident.sequence OR channel <> ''
    OR is_open <> (json_extract(body, '$.change') <> 'resolved') OR is_live <> {_IS_LIVE})
"""  # noqa: S608 - a constant


class IncidentTable(CauseReader):
    """The steps of incidents in the chain, and beside it the place of each incident in it."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(Chain(connection).first)
        self._connection = connection

    def steps(self, wanted: Collection[Step]) -> Iterator[Transition]:
        for (body,) in self._connection.execute(_STEPS, (listed(wanted),)):
            yield TRANSITIONS.decode(body)

    def has_steps(self, wanted: Collection[Step]) -> bool:
        return bool(self._connection.execute(_PRESENT, (listed(wanted),)).get == len(wanted))

    def standing(self, names: Collection[str], places: Collection[RulePlace]) -> Iterator[Incident]:
        """Yields incidents as they stand, and the open ones of these places."""
        for (body,) in self._connection.execute(_STANDING, (listed(names), listed(places))):
            yield self.incident(body)

    def move(self, draft: RecordDraft, links: Sequence[Link]) -> None:
        """Writes the place of each incident after the steps of a draft."""
        self._connection.executemany(
            _MOVE,
            (
                (step.id, *step.place, step.sequence, position, step.is_open)
                for step, position in moves(draft, links)
            ),
        )

    def live(self) -> tuple[Incident, ...]:
        """Open ones, and resolved ones that some channel has not heard the end of, in the order of their opening."""
        rows = self._connection.execute(
            "SELECT body FROM incident JOIN chain USING (position) WHERE is_live ORDER BY ordinal"
        )
        return tuple(self.incident(body) for (body,) in rows)

    def openings(self, since_ns: int) -> tuple[IncidentOpening, ...]:
        """When the live incidents opened, and those of the newest ones that opened since a moment, oldest first."""
        found = [
            IncidentOpening(*row)
            for row in self._connection.execute(_OPENINGS, (limits.OPENINGS_RESTORED_MAX,))
        ]
        live = {incident.id for incident in self.live()}
        return tuple(each for each in found if each.at_ns >= since_ns or each.incident_id in live)

    def settle(self, names: Collection[str]) -> None:
        """Decides anew of which of these incidents a restart has to know: one statement, as a digest has up to 5,000."""
        self._connection.execute(_SETTLE, (listed(names),))

    def verify(self, verified_after: int) -> None:
        """Checks the place of each incident that moved in the verified part of the chain or that a restart restores.

        Raises: StoreCorrupt when an incident is not where the chain says.
        """
        misplaced = self._connection.execute(_MISPLACED, (verified_after,)).fetchone()
        if misplaced is not None:
            raise StoreCorrupt(f"incident {misplaced[0]} is not where the chain says")
