"""Invariants of drills: each is one that was asked for, is marked wherever it is told, and stands for nothing real."""

from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import Notice
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.incidents.trials.drills import ENDED

from .violation import Happened


class DrillRules:
    """Checks S43 at every commit; that a drill is told, in order and once, is checked as for every incident (S9, L4)."""

    def __init__(self, durable: Durable, complain: Complain, happened: Happened) -> None:
        self._durable = durable
        self._complain = complain
        self._happened = happened
        self._begun: set[str] = set()

    def begun(self, name: str) -> None:
        """An operator asks for a drill; its incident has this id."""
        self._begun.add(name)

    def committed(self, batch: Batch) -> None:
        """A batch is durable and in the book."""
        for step in batch.transitions:
            if step.is_drill is not (step.incident_id in self._begun):
                self._complain("S43", f"nobody asked for this drill, or its mark is gone: {step}")
            if step.is_drill and step.change is TransitionKind.OPENED:
                running = sum(incident.is_drill for incident in self._durable.open_incidents())
                self._happened("two drills at once" if running > 1 else "drill opened")
            if step.is_drill and step.reason == ENDED:
                self._happened("drill ended")
        for notice in batch.notices:
            self._check_mark(notice)

    def _check_mark(self, notice: Notice) -> None:
        names = {step.incident_id for step in notice.steps}
        if notice.is_drill is not bool(names & self._begun):
            self._complain("S43", f"{notice} tells of a drill without its mark, or marks what is real")
        if notice.is_drill:
            self._happened("digest of a drill" if notice.digest else "drill told")
            if len(names) > 1:
                self._complain("S43", f"the drill shares its digest with others: {sorted(names)}")
