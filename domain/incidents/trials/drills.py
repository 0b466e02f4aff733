"""Drills: incidents without a cause, which take the way of every other one to the channels of a route."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import UNSET

from ...limits import DRILLS_MAX
from ...specification.rule import Severity
from ...specification.target import OWN_NAME
from ...time.moment import Moment
from ..acknowledgement import acknowledged, unacknowledged
from ..incident import Incident, Transition, TransitionKind, incident_id
from .drill import Drill

RULE = "drill"
"""The rule that a drill stands under; no target has it."""
ENDED = "drill_ended"


def drill_id(drill: Drill, now_ns: int) -> str:
    """Returns the id of the incident of a drill that begins now: derived from the route and the moment, as that of any other."""
    return incident_id(OWN_NAME, f"{RULE}/{drill.route}", 0, 0, now_ns)


class Drills:
    """Owns the open drills. It is told the time, and kept for the owner of all incidents."""

    def __init__(self) -> None:
        self._open: dict[str, Incident] = {}

    def restore(self, incidents: Iterable[Incident]) -> None:
        """Takes over the open drills of an earlier run."""
        self._open = {incident.id: incident for incident in incidents}

    def begin(self, name: str, severity: Severity, drill: Drill, now: Moment) -> tuple[Transition, ...]:
        """Opens the incident of a drill. Returns no step where it is open already, and where too many are."""
        if name in self._open or len(self._open) >= DRILLS_MAX:
            return ()
        asked = f", asked for by {drill.by}" if drill.by else ""
        says = f"this is a drill of the route {drill.route}{asked}: nothing is wrong"
        step = Transition(
            id=name,
            sequence=1,
            change=TransitionKind.OPENED,
            target=OWN_NAME,
            rule=RULE,
            severity=severity,
            at_ns=now.wall_ns,
            opened_at_ns=now.wall_ns,
            cause=says,
            latest=says,
            reason=RULE,
            explanation=says,
            drill=drill,
        )
        self._open[name] = step.incident
        return (step,)

    def end(self, name: str, by: str, now: Moment) -> tuple[Transition, ...]:
        """Ends a drill before its time."""
        return (
            (self._ended(name, f"{by} ended the drill" if by else "the drill is over", now),)
            if name in self._open
            else ()
        )

    def expire(self, now: Moment) -> tuple[Transition, ...]:
        """Ends the drills whose time is over."""
        over = [
            name
            for name, incident in self._open.items()
            if incident.drill is UNSET or incident.drill.until_ns <= now.wall_ns
        ]
        return tuple(self._ended(name, "the drill is over", now) for name in over)

    def _ended(self, name: str, says: str, now: Moment) -> Transition:
        incident = self._open.pop(name)
        return Transition.after(
            incident,
            TransitionKind.RESOLVED,
            now.wall_ns,
            # A wall clock that was set back ends no incident before it began.
            resolved_at_ns=max(now.wall_ns, incident.acknowledged_at_ns or incident.opened_at_ns),
            reason=ENDED,
            explanation=says,
        )

    def acknowledge(
        self, incident: str, by: str, now: Moment, *, note: str = "", until_ns: int | None = None, **ends: Any
    ) -> tuple[Transition, ...]:
        """Acknowledges an open drill, as any other incident."""
        return self._step(incident, lambda held: acknowledged(held, by, note, until_ns, now.wall_ns, **ends))

    def unacknowledge(self, incident: str, now: Moment, by: str | None = None) -> tuple[Transition, ...]:
        """Ends the acknowledgement of a drill: `by` withdraws it, or its time is over (None)."""
        return self._step(incident, lambda held: unacknowledged(held, now.wall_ns, by))

    def _step(self, name: str, make: Callable[[Incident], Transition | None]) -> tuple[Transition, ...]:
        held = self._open.get(name)
        step = None if held is None else make(held)
        if step is None:
            return ()
        self._open[name] = step.incident
        return (step,)
