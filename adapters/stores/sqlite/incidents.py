"""Incidents in SQLite: their transitions, and the place of each in the chain."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import apsw
import msgspec
from msgspec.structs import replace

from ....domain import limits
from ....domain.errors import StoreCorrupt, StoreError
from ....domain.incidents.digest import ToldStep
from ....domain.incidents.incident import Incident, Transition
from ....domain.incidents.record import IncidentOpening
from ..record_state import TRANSITION
from .chain import Chain

TRANSITIONS = msgspec.json.Decoder(Transition)
INCIDENTS = msgspec.json.Decoder(Incident)
AnyIncident = TypeVar("AnyIncident", bound=Incident)

_MOVE = """
INSERT INTO incident (id, target, rule, sequence, position, is_open, is_live) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
ON CONFLICT (id) DO UPDATE SET target = ?2, sequence = ?4, position = ?5, is_open = ?6
"""

_STEPS = """
SELECT count(*) FROM json_each(?) AS step JOIN chain
ON incident = step.value ->> 0 AND channel = '' AND sequence = step.value ->> 1
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


class IncidentTable:
    """Writes transitions into the chain, and keeps the place of each incident in it."""

    def __init__(self, connection: apsw.Connection, chain: Chain) -> None:
        self._connection = connection
        self._chain = chain

    def record(self, transition: Transition) -> None:
        """Adds a step that may follow. The same step again is a no-op.

        Raises: StoreCorrupt for another step in its place; StoreError for a step that may not follow.
        """
        name, sequence = transition.incident_id, transition.sequence
        recorded = self._chain.transition(name, sequence)
        if recorded is not None:
            if TRANSITIONS.decode(recorded) != transition:
                raise StoreCorrupt(f"step {sequence} of {name} is recorded otherwise")
            return
        if not transition.may_follow(self.latest(name)):
            raise StoreError(
                f"step {sequence} of {name}, {transition.change}, may not follow what is recorded"
            )
        position = self._chain.append(name, sequence, TRANSITION, msgspec.json.encode(transition))
        self._move(transition, position)
        self._connection.execute("DELETE FROM latest WHERE incident = ?", (name,))

    def latest(self, name: str) -> Incident | None:
        row = self._connection.execute(
            "SELECT body FROM incident JOIN chain USING (position) WHERE id = ?", (name,)
        ).fetchone()
        return None if row is None else self.read(row[0])

    def read(self, body: str) -> Incident:
        """Returns the incident of a step."""
        return self.with_cause(INCIDENTS.decode(body))

    def with_cause(self, incident: AnyIncident) -> AnyIncident:
        """Returns an incident or a step with its cause. One of an earlier version says none: that is in the first step."""
        if incident.cause:
            return incident
        first = incident if incident.sequence == 1 else self._first(incident.id)
        said = first.explanation or first.reason
        return replace(incident, cause=said, latest=said)

    def _first(self, name: str) -> Incident:
        body = self._chain.transition(name, 1)
        if body is None:
            raise StoreCorrupt(f"{name} has no first step")
        return INCIDENTS.decode(body)

    def at(self, name: str, sequence: int) -> Incident | None:
        """The incident as it stood after that step."""
        body = self._chain.transition(name, sequence)
        return None if body is None else self.read(body)

    def live(self) -> tuple[Incident, ...]:
        """Open ones, and resolved ones that some channel has not heard the end of, in the order of their opening."""
        rows = self._connection.execute(
            "SELECT body FROM incident JOIN chain USING (position) WHERE is_live ORDER BY ordinal"
        )
        return tuple(self.read(body) for (body,) in rows)

    def openings(self, since_ns: int) -> tuple[IncidentOpening, ...]:
        """When the live incidents opened, and those of the newest ones that opened since a moment, oldest first."""
        found = [
            IncidentOpening(*row)
            for row in self._connection.execute(_OPENINGS, (limits.OPENINGS_RESTORED_MAX,))
        ]
        live = {incident.id for incident in self.live()}
        return tuple(each for each in found if each.at_ns >= since_ns or each.incident_id in live)

    def has_steps(self, steps: Sequence[ToldStep]) -> bool:
        """Whether all of these steps are recorded: one question, as a digest has up to 5,000."""
        named = msgspec.json.encode([(step.incident_id, step.sequence) for step in steps]).decode()
        return bool(self._connection.execute(_STEPS, (named,)).get == len(steps))

    def settle(self, names: Iterable[str]) -> None:
        """Decide anew of which of these incidents a restart has to know: one statement, as a digest has up to 5,000."""
        self._connection.execute(_SETTLE, (msgspec.json.encode([*names]).decode(),))

    def verify(self, verified_after: int) -> None:
        """Checks the place of each incident that moved in the verified part of the chain or that a restart restores.

        Raises: StoreCorrupt when an incident is not where the chain says.
        """
        misplaced = self._connection.execute(_MISPLACED, (verified_after,)).fetchone()
        if misplaced is not None:
            raise StoreCorrupt(f"incident {misplaced[0]} is not where the chain says")

    def _move(self, transition: Transition, position: int) -> None:
        named = (transition.incident_id, *transition.place)
        try:
            self._connection.execute(_MOVE, (*named, transition.sequence, position, transition.is_open))
        except apsw.ConstraintError as error:
            raise StoreError(f"{transition.target}/{transition.rule} has an open incident already") from error
