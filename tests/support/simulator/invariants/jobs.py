"""Jobs: a naive judge of schedules and runs, which knows no calendar and no timer."""

from collections.abc import Callable

from msgspec import UNSET
from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.limits import SUSPEND_NS
from watchkeeper.domain.observation.outcome import Reason
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.units import NS_PER_S

from ..cases.jobs import GRACE_S, PERIODS_S, RUN_MAX_S

SCHEDULED = "no heartbeat in time: expected "


class JobRules:
    """Holds misses against the moments of the schedule, the reports and the starts that were sent."""

    def __init__(self, complain: Complain, happened: Callable[[str], None]) -> None:
        self._complain, self._happened = complain, happened
        self._reported_ns: dict[str, int] = {}
        self._starts_ns: dict[str, list[tuple[str, int]]] = {}
        self._ended_ns: dict[tuple[str, str], int] = {}
        self.is_clock_set = False
        """Once it is, the wall times of two moments say nothing of each other."""

    def process_began(self) -> None:
        """Forgets the reports of the process before: those that it did not write may be missed after all."""
        self._reported_ns, self._ended_ns = {}, {}

    def suspended(self, length_ns: int) -> None:
        """Takes note of a suspension: one that is too short to be seen counts for no run, and moves the wall clock."""
        if length_ns < SUSPEND_NS:
            self.is_clock_set = True

    def started(self, target: str, run: str, at_ns: int) -> None:
        """Takes note of a start that a job reports."""
        self._starts_ns.setdefault(target, []).append((run, at_ns))

    def taken(self, sample: Sample) -> None:
        """Checks a sample that the supervisor passes on."""
        at_ns = sample.at.wall_ns
        if sample.reason is Reason.HEARTBEAT_MISSED:
            if sample.detail.startswith(SCHEDULED) and not self.is_clock_set:
                self._missed(sample, at_ns)
        elif sample.reason is Reason.RUN_OVERDUE:
            self._overdue(sample, at_ns)
        elif sample.is_sign_of_life:
            self._reported_ns[sample.target] = max(at_ns, self._reported_ns.get(sample.target, 0))
            if sample.ended_run is not UNSET:
                self._happened("a run ended")
                self._ended_ns[sample.target, sample.ended_run] = at_ns

    def _missed(self, sample: Sample, at_ns: int) -> None:
        self._happened("a moment of a schedule missed")
        expected_ns = at_ns - GRACE_S * NS_PER_S
        if expected_ns % (min(PERIODS_S) * NS_PER_S):
            self._complain("L8", f"{sample} is missed at no moment of a schedule")
        if expected_ns < self._reported_ns.get(sample.target, 0) <= at_ns:
            self._complain("S17", f"{sample} is missed, and was reported in time")

    def _overdue(self, sample: Sample, at_ns: int) -> None:
        if self.is_clock_set:
            return
        began_ns = at_ns - RUN_MAX_S * NS_PER_S
        begun = [run for run, start_ns in self._starts_ns.get(sample.target, ()) if start_ns == began_ns]
        if not begun:
            self._complain("S17", f"{sample} is overdue, and no run began {RUN_MAX_S} s before")
        elif all(self._ended_ns.get((sample.target, run), at_ns) < at_ns for run in begun):
            self._complain("S17", f"{sample} is overdue, and the end of {begun} was taken")
