"""Incidents: intervals in which a target violates a rule, and their legal transitions."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self

import msgspec
from msgspec import UNSET, UnsetType

from ..line import escaped
from ..public_value import PublicValue, milliseconds, moment_of
from ..specification.metadata import NO_METADATA, TargetMetadata
from ..specification.rule import Severity
from ..time.duration import format_duration
from ..time.moment import utc, wall_text
from ..units import NS_PER_MS
from .trials.drill import Drill


class TransitionKind(StrEnum):
    """The kinds of transitions of an incident."""

    OPENED = "opened"
    CHANGED = "changed"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


_WHILE_OPEN = (TransitionKind.CHANGED, TransitionKind.ACKNOWLEDGED, TransitionKind.RESOLVED)
RECOVERED = "recovered"
"""The reason of an end by good samples."""
INCIDENT_TRANSITIONS: dict[TransitionKind | None, tuple[TransitionKind, ...]] = {
    None: (TransitionKind.OPENED,),
    TransitionKind.OPENED: _WHILE_OPEN,
    TransitionKind.CHANGED: _WHILE_OPEN,
    TransitionKind.ACKNOWLEDGED: _WHILE_OPEN,
    TransitionKind.RESOLVED: (),
}
"""The legal next kinds after each kind; None stands for no incident yet."""


# Several for each open one: they lead to nothing that leads back, and the collector of garbage leaves them alone.
class Incident(
    PublicValue, frozen=True, kw_only=True, rename={"id": "incident"}, omit_defaults=True, gc=False
):
    """The state of an incident. Wall times are nanoseconds since 1970 UTC.

    Its bytes leave out the fields that hold their default, so that those of earlier versions stay the same.
    """

    id: str
    sequence: int
    """The number of the last transition: 1, 2, 3 ... without gaps; order is by sequence, never by time."""
    change: TransitionKind
    """The kind of the last transition."""
    target: str
    rule: str
    severity: Severity
    about: TargetMetadata | UnsetType = UNSET
    """The metadata of the target at the opening; UNSET, and not in the record, where it had none."""
    at_ns: int
    """When the last transition was decided."""
    opened_at_ns: int
    """When the first bad sample was taken."""
    resolved_at_ns: int | None = None
    acknowledged_at_ns: int | None = None
    """When the acknowledgement that stands was first made; None where nobody has seen it, or no longer."""
    acknowledged_by: str | None = None
    acknowledged_until_ns: int | None = None
    """When the acknowledgement ends by itself; None for one that stays until the end of the incident."""
    acknowledged_until_worse: bool = False
    """Whether the acknowledgement ends when the severity rises."""
    note: str = ""
    """The text of the acknowledgement."""
    cause: str = ""
    """The finding of its rule at the opening, in one line for people; no later step changes it."""
    latest: str = ""
    """The newest finding of its rule: it follows the bad samples of an open incident, between its steps, too."""
    reason: str
    """Of the last transition, for programs: a Reason, `no_data`, `threshold`, `acknowledged`, `acknowledgement_ended`,
    `acknowledgement_withdrawn`, `recovered`, `renamed`, `removed`, `retired` or `own_problem`."""
    explanation: str = ""
    """Of the last transition, in one line for people."""
    evidence: tuple[int, ...] = ()
    """Attempt numbers of the samples behind the last transition, oldest first."""
    draft: bool = False
    """Opened by a draft rule: recorded, but no channel receives it."""
    notify: tuple[str, ...] = ()
    """The channels to notify, as configured at the last transition."""

    drill: Drill | UnsetType = UNSET
    """The mark of a drill; UNSET, and not in the record, for an incident that something has caused."""

    @property
    def is_open(self) -> bool:
        return self.change is not TransitionKind.RESOLVED

    @property
    def at(self) -> datetime:
        """When the last transition was decided, in UTC."""
        return utc(self.at_ns)

    @property
    def opened_at(self) -> datetime:
        """When the first bad sample was taken, in UTC."""
        return utc(self.opened_at_ns)

    @property
    def resolved_at(self) -> datetime | None:
        """When it ended, in UTC; None while it is open."""
        return moment_of(self.resolved_at_ns)

    @property
    def acknowledged_at(self) -> datetime | None:
        """When somebody saw it, in UTC; None before, and once that is withdrawn or has ended."""
        return moment_of(self.acknowledged_at_ns)

    @property
    def acknowledged_until(self) -> datetime | None:
        """When the acknowledgement ends by itself, in UTC; None for one without an end."""
        return moment_of(self.acknowledged_until_ns)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data, with `status`, which is `open` or `resolved`, and `lasted_ms` beside the fields."""
        status = "open" if self.is_open else "resolved"
        return {**super().to_dict(), "status": status, "lasted_ms": milliseconds(self.lasted_ns)}

    def __repr__(self) -> str:
        what = f"{escaped(self.target)}/{escaped(self.rule)} {self.change.value} ({self.severity.value})"
        return (
            f"<{type(self).__name__} {self.id} #{self.sequence}: {what} since {wall_text(self.opened_at_ns)}>"
        )

    @property
    def metadata(self) -> TargetMetadata:
        """The group, name, labels, description and links of the target at the opening."""
        return NO_METADATA if self.about is UNSET else self.about

    @property
    def lasted_ns(self) -> int | None:
        """From its opening to its end; None while it is open. Never negative, even where the clock was set back."""
        return None if self.resolved_at_ns is None else max(0, self.resolved_at_ns - self.opened_at_ns)

    @property
    def lasted_ms(self) -> float | None:
        return milliseconds(self.lasted_ns)

    @property
    def lasted(self) -> str | None:
        """The same as a duration, to the millisecond."""
        lasted_ns = self.lasted_ns
        return None if lasted_ns is None else format_duration(lasted_ns // NS_PER_MS * NS_PER_MS)

    @property
    def is_drill(self) -> bool:
        """Whether an operator tries a route out by it, and nothing has caused it."""
        return self.drill is not UNSET

    @property
    def place(self) -> tuple[str, str]:
        """Where it is the only open one: its target and rule. Several drills may run at once, so each has a place of its own."""
        return self.target, f"{self.rule}/{self.id}" if self.is_drill else self.rule

    def summary(self) -> str:
        """Returns the last transition in one line for people, with what the incident is about."""
        said = self.explanation or self.reason
        if not self.cause or self.change is TransitionKind.OPENED:
            return said
        if self.is_open:
            return f"{said}: {self.latest or self.cause}"
        return f"{self.reason if self.reason == RECOVERED else said} after {self.lasted}: {self.cause}"


class Transition(Incident, frozen=True, kw_only=True, gc=False):
    """One step of an incident, stored as the whole incident after the step."""

    @property
    def incident_id(self) -> str:
        return self.id

    @property
    def incident(self) -> Incident:
        """The state of the incident after this step."""
        return Incident(**msgspec.structs.asdict(self))

    @classmethod
    def after(cls, incident: Incident, change: TransitionKind, at_ns: int, **fields: object) -> Self:
        """Returns the next step of an incident, decided at `at_ns` (wall), with the given fields changed."""
        step = {"sequence": incident.sequence + 1, "change": change, "at_ns": at_ns, **fields}
        return cls(**{**msgspec.structs.asdict(incident), **step})

    def may_follow(self, earlier: Incident | None) -> bool:
        """Whether this step is legal after `earlier` (None: as the first step)."""
        if earlier is None:
            return self.sequence == 1 and self.change in INCIDENT_TRANSITIONS[None]
        is_next = self.id == earlier.id and self.sequence == earlier.sequence + 1
        return is_next and self.change in INCIDENT_TRANSITIONS[earlier.change]


def incident_id(target: str, rule: str, run: int, attempt: int, opened_at_ns: int) -> str:
    """Returns the id of an incident: derived from its opening, never random.

    `run` counts the openings of the store and `attempt` the target's attempts within a run, so that a wall clock that
    goes back cannot produce the same id twice.
    """
    seed = f"{target}/{rule}/{run}/{attempt}/{opened_at_ns}".encode()
    return f"inc_{sha256(seed).hexdigest()[:24]}"


def by_target(incidents: Iterable[Incident]) -> dict[str, list[Incident]]:
    """Returns the incidents of each target that has one."""
    found: dict[str, list[Incident]] = {}
    for incident in incidents:
        found.setdefault(incident.target, []).append(incident)
    return found
