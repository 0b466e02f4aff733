"""Acknowledgements: the steps that they make of an open incident, and the moments at which they end by themselves."""

from typing import Any

from ..specification.rule import Severity
from ..time.moment import Moment, wall_text
from .incident import Incident, Transition, TransitionKind

ENDED = "acknowledgement_ended"
"""The reason of the step that ends an acknowledgement at its time."""
WITHDRAWN = "acknowledgement_withdrawn"


NOT_SEEN: dict[str, Any] = {
    "acknowledged_at_ns": None,
    "acknowledged_by": None,
    "acknowledged_until_ns": None,
    "acknowledged_until_worse": False,
    "note": "",
}
"""The fields of an incident that nobody has seen."""


def acknowledged(
    incident: Incident,
    by: str,
    note: str,
    until_ns: int | None,
    at_ns: int,
    *,
    until_worse: bool | None = None,
) -> Transition | None:
    """Returns the step by which `by` has seen an incident, until a moment, until its severity rises or until its end.

    None where nothing changes. The first who has seen it stays. The same person may change the note and the end later: what
    is left out stays, so that a bare repeat changes nothing; the moment of the first time stays, too.
    """
    if until_ns is not None and until_ns <= at_ns:
        return None
    first_ns = incident.acknowledged_at_ns
    if first_ns is not None:
        known = (incident.note, incident.acknowledged_until_ns, incident.acknowledged_until_worse)
        note, until_ns = note or incident.note, until_ns or incident.acknowledged_until_ns
        until_worse = incident.acknowledged_until_worse if until_worse is None else until_worse
        if by != incident.acknowledged_by or (note, until_ns, until_worse) == known:
            return None
    ends = [] if until_ns is None else [wall_text(until_ns)]
    if until_worse:
        ends.append("its severity rises")
    until = f" until {' or '.join(ends)}" if ends else ""
    said = f" ({note})" if note else ""
    return Transition.after(
        incident,
        TransitionKind.ACKNOWLEDGED,
        at_ns,
        acknowledged_at_ns=max(at_ns, incident.opened_at_ns) if first_ns is None else first_ns,
        acknowledged_by=by,
        acknowledged_until_ns=until_ns,
        acknowledged_until_worse=bool(until_worse),
        note=note,
        reason="acknowledged",
        explanation=f"acknowledged by {by}{until}{said}",
    )


def unacknowledged(incident: Incident, at_ns: int, by: str | None = None) -> Transition | None:
    """Returns the step after which nobody has seen an incident: withdrawn by `by`, or ended at its time (None).

    None where nothing changes: where nobody has seen it, and where the end is later than `at_ns` (wall).
    """
    until_ns = incident.acknowledged_until_ns
    if incident.acknowledged_at_ns is None:
        return None
    if by is None and (until_ns is None or until_ns > at_ns):
        return None
    of = f"the acknowledgement of {incident.acknowledged_by}"
    return Transition.after(
        incident,
        TransitionKind.CHANGED,
        at_ns,
        **NOT_SEEN,
        reason=ENDED if by is None else WITHDRAWN,
        explanation=f"{of} has ended" if by is None else f"{by} has withdrawn {of}",
    )


def outgrown(incident: Incident, severity: Severity) -> dict[str, Any]:
    """Returns the fields that a new severity changes of an acknowledgement that ends when the severity rises; else none."""
    order = tuple(Severity)
    rises = order.index(severity) > order.index(incident.severity)
    return NOT_SEEN if rises and incident.acknowledged_until_worse else {}


class UnjudgedIncident:
    """An open incident of a target that is not there: of a former run, or of a node with another configuration. It can be seen all the same."""

    def __init__(self, incident: Incident) -> None:
        self.incident = incident

    def acknowledge(
        self,
        incident: str,
        by: str,
        now: Moment,
        *,
        note: str = "",
        until_ns: int | None = None,
        until_worse: bool | None = None,
    ) -> tuple[Transition, ...]:
        """Acknowledges it, as a target does for its own. Returns no step where it is another one."""
        if incident != self.incident.id:
            return ()
        return self._kept(
            acknowledged(self.incident, by, note, until_ns, now.wall_ns, until_worse=until_worse)
        )

    def unacknowledge(self, incident: str, now: Moment, by: str | None = None) -> tuple[Transition, ...]:
        """Ends its acknowledgement: `by` withdraws it, or its time is over (None)."""
        return (
            self._kept(unacknowledged(self.incident, now.wall_ns, by)) if incident == self.incident.id else ()
        )

    def _kept(self, step: Transition | None) -> tuple[Transition, ...]:
        if step is None:
            return ()
        self.incident = step.incident
        return (step,)


class AcknowledgementEnds:
    """The ends of the acknowledgements of open incidents, each until it is due."""

    def __init__(self) -> None:
        self._ends: dict[str, int] = {}

    def follow(self, incident: Incident) -> bool:
        """Notes the end of an incident's acknowledgement. Returns whether there is one to wait for."""
        until_ns = incident.acknowledged_until_ns if incident.is_open else None
        if until_ns is None:
            self._ends.pop(incident.id, None)
            return False
        self._ends[incident.id] = until_ns
        return True

    @property
    def next_ns(self) -> int | None:
        """The wall time of the first end; None without any."""
        return min(self._ends.values(), default=None)

    def take_due(self, now_ns: int) -> tuple[str, ...]:
        """Returns the incidents whose acknowledgements have ended by `now_ns` (wall), and forgets these ends."""
        due = tuple(incident for incident, until_ns in self._ends.items() if until_ns <= now_ns)
        for incident in due:
            del self._ends[incident]
        return due
