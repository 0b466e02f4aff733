"""Acknowledgements: the steps that they make of an open incident, and the moments at which they end by themselves."""

from ..time.moment import wall_text
from .incident import Incident, Transition, TransitionKind

ENDED = "acknowledgement_ended"
"""The reason of the step that ends an acknowledgement at its time."""
WITHDRAWN = "acknowledgement_withdrawn"


def acknowledged(
    incident: Incident, by: str, note: str, until_ns: int | None, at_ns: int
) -> Transition | None:
    """Returns the step by which `by` has seen an incident, until a moment or until its end; None where nothing changes.

    The first who has seen it stays. The same person may change the note and the end later: what is left out stays, so that
    a bare repeat changes nothing; the moment of the first time stays, too.
    """
    if until_ns is not None and until_ns <= at_ns:
        return None
    first_ns = incident.acknowledged_at_ns
    if first_ns is not None:
        known = (incident.note, incident.acknowledged_until_ns)
        note, until_ns = note or incident.note, until_ns or incident.acknowledged_until_ns
        if by != incident.acknowledged_by or (note, until_ns) == known:
            return None
    ends = "" if until_ns is None else f" until {wall_text(until_ns)}"
    said = f" ({note})" if note else ""
    return Transition.after(
        incident,
        TransitionKind.ACKNOWLEDGED,
        at_ns,
        acknowledged_at_ns=max(at_ns, incident.opened_at_ns) if first_ns is None else first_ns,
        acknowledged_by=by,
        acknowledged_until_ns=until_ns,
        note=note,
        reason="acknowledged",
        explanation=f"acknowledged by {by}{ends}{said}",
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
        acknowledged_at_ns=None,
        acknowledged_by=None,
        acknowledged_until_ns=None,
        note="",
        reason=ENDED if by is None else WITHDRAWN,
        explanation=f"{of} has ended" if by is None else f"{by} has withdrawn {of}",
    )


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
