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


class Incident(msgspec.Struct, frozen=True, kw_only=True, rename={"id": "incident"}):
    """An incident as it stands. Wall times are nanoseconds since 1970 UTC."""

    id: str
    sequence: int
    """The number of the transition that led here: 1, 2, 3 ... without gaps; order is by sequence, never by time."""
    change: TransitionKind
    """The kind of that transition."""
    target: str
    rule: str
    severity: Severity
    at_ns: int
    """When that transition was decided."""
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
    """Made by a draft rule: recorded, and no channel receives it."""
    notify: tuple[str, ...] = ()
    """The channels to notify, as configured when it was decided."""

    @property
    def is_open(self) -> bool:
        return self.change is not TransitionKind.RESOLVED


class Transition(Incident, frozen=True, kw_only=True):
    """One step in the life of an incident, written as the whole incident after it."""

    @property
    def incident_id(self) -> str:
        return self.id

    @property
    def incident(self) -> Incident:
        """The incident as it stands after this step."""
        return Incident(**msgspec.structs.asdict(self))

    @classmethod
    def after(cls, incident: Incident, change: TransitionKind, at_ns: int, **fields: object) -> Self:
        """The next step of an incident, decided at `at_ns`, with the given fields changed."""
        step = {"sequence": incident.sequence + 1, "change": change, "at_ns": at_ns, **fields}
        return cls(**{**msgspec.structs.asdict(incident), **step})

    def may_follow(self, earlier: Incident | None) -> bool:
        """Whether this step is legal after `earlier` (None: as the first)."""
        if earlier is None:
            return self.sequence == 1 and self.change in INCIDENT_TRANSITIONS[None]
        return (
            self.id == earlier.id
            and self.sequence == earlier.sequence + 1
            and self.change in INCIDENT_TRANSITIONS[earlier.change]
        )


def incident_id(target: str, rule: str, run: int, attempt: int, opened_at_ns: int) -> str:
    """The id of an incident: derived, never drawn.

    `run` counts the openings of the store and `attempt` the target's attempts within it, so that a wall clock that
    goes back cannot make an id twice.
    """
    seed = f"{target}/{rule}/{run}/{attempt}/{opened_at_ns}".encode()
    return f"inc_{sha256(seed).hexdigest()[:24]}"
