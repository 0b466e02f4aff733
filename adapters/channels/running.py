"""A delivery that a program of its own carries out."""

from ...domain.observation.attempt import CancelOutcome
from ..activity import Activity
from ..programs.runner import RunningProgram


class RunningDelivery(Activity):
    """One attempt under way."""

    _run: RunningProgram
    _outcome: CancelOutcome | None = None

    def cancel(self) -> CancelOutcome:
        """Kills the program; UNKNOWN once it ran, for it may have told somebody."""
        if self._outcome is None:
            ran = self._run.command is not None
            outcome = self._run.cancel()
            killed = ran and outcome is CancelOutcome.WITHOUT_EFFECT
            self._outcome = CancelOutcome.UNKNOWN if killed else outcome
        return self._outcome
