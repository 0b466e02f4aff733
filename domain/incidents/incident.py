"""Incidents: spans during which a rule is broken for a target, and their legal moves."""

from enum import StrEnum
from hashlib import sha256
from typing import Self

import msgspec

from ..specification.rule import Severity


class TransitionKind(StrEnum):
    """What a transition does to its incident."""

    OPENED = "opened"
    CHANGED = "changed"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


INCIDENT_TRANSITIONS: dict[TransitionKind | None, tuple[TransitionKind, ...]] = {
    None: (TransitionKind.OPENED,),
    TransitionKind.OPENED: (TransitionKind.CHANGED, TransitionKind.ACKNOWLEDGED, TransitionKind.RESOLVED),
    TransitionKind.CHANGED: (TransitionKind.CHANGED, TransitionKind.ACKNOWLEDGED, TransitionKind.RESOLVED),
    TransitionKind.ACKNOWLEDGED: (
        TransitionKind.CHANGED,
        TransitionKind.ACKNOWLEDGED,
        TransitionKind.RESOLVED,
    ),
    TransitionKind.RESOLVED: (),
}
"""After each change, the changes that may follow; the key None stands for no incident yet."""


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the life of an incident, with the incident as it is after it. Wall times, nanoseconds since 1970 UTC."""

    incident: str
    sequence: int
    """1, 2, 3 ... without gaps within the incident; order is by sequence, never by time."""
    change: TransitionKind
    target: str
    rule: str
    severity: Severity
    at_ns: int
    """When it was decided."""
    opened_at_ns: int
    """When the first bad sample was taken."""
    resolved_at_ns: int | None = None
    acknowledged_at_ns: int | None = None
    acknowledged_by: str | None = None
    reason: str
    """A machine's word: a Reason, `no_data`, `threshold`, `acknowledged`, `recovered`, `removed` or `retired`."""
    explanation: str = ""
    """One line for people."""
    evidence: tuple[int, ...] = ()
    """Attempt numbers of the samples it rests on, oldest first."""
    draft: bool = False
    """Made by a draft rule: recorded, told to nobody."""
    notify: tuple[str, ...] = ()
    """The channels to tell, as configured when it was decided."""

    @property
    def is_open(self) -> bool:
        return self.change is not TransitionKind.RESOLVED

    def may_follow(self, earlier: Self | None) -> bool:
        """Whether this step is legal after `earlier` (None: as the first)."""
        if earlier is None:
            return self.sequence == 1 and self.change in INCIDENT_TRANSITIONS[None]
        return (
            self.incident == earlier.incident_id
            and self.sequence == earlier.sequence + 1
            and self.change in INCIDENT_TRANSITIONS[earlier.change]
        )


Incident = Transition
"""An incident is known by its latest transition, which carries the whole of it."""


def incident_id(target: str, rule: str, run: int, attempt: int, opened_at_ns: int) -> str:
    """The id of an incident: derived, never drawn.

    `run` counts the openings of the store and `attempt` the target's attempts within it, so that a wall clock that
    goes back cannot make an id twice.
    """
    seed = f"{target}/{rule}/{run}/{attempt}/{opened_at_ns}".encode()
    return f"inc_{sha256(seed).hexdigest()[:24]}"
