"""Runs: the newest run of a job that has begun and not ended."""

from typing import NamedTuple

import msgspec

from ..observation.outcome import Outcome
from ..time.moment import Moment


class OpenRun(msgspec.Struct, frozen=True, gc=False):
    """A run that has begun. A target has at most one: a new start takes the place of the one before."""

    id: str
    """The id that its job gave it; empty without one."""
    at: Moment
    """When it began."""

    def aged(self, by_ns: int) -> "OpenRun":
        """Returns the run with time added that the monotonic clock has not counted; the wall time of its start stays."""
        return OpenRun(self.id, Moment(self.at.monotonic_ns - by_ns, self.at.wall_ns))


class RunReported(NamedTuple):
    """The figures that the end of a run gives."""

    time_ns: int | None = None
    """How long it took; None where its start is not known."""
    exit_status: int | None = None


def ended_by(run: OpenRun | None, reported: str, outcome: Outcome) -> bool:
    """Whether a report ends the run: a success of another run does not, any failure does, and any report without a run id."""
    return run is not None and (not reported or reported == run.id or outcome is not Outcome.UP)
