"""Jobs that report by themselves: when the next report is expected, what runs, and how long the last run took."""

from ..observation.outcome import SILENCES, Reason
from ..public_value import PublicValue
from ..rules.aggregate import Status
from ..specification.probe import Heartbeat
from ..specification.target import Target
from ..time.duration import format_duration
from ..time.occurrences import expected_text, moment_text
from ..units import NS_PER_MS
from .status import TargetStatus

RUN_TIME = "run_time"
"""The measurement of the length of a run, in milliseconds."""


class JobState(PublicValue, frozen=True):
    """The state of one job; times are wall times."""

    expected_ns: int | None
    """When its next report is expected; None where its schedule never comes again."""
    until_ns: int | None
    """When that report is missed."""
    running_since_ns: int | None
    """When its run began that has not ended."""
    run_time_ns: int | None
    """How long the last run took, where its start and its end were reported."""

    def lines(self, heartbeat: Heartbeat, now_ns: int) -> tuple[str, ...]:
        """Returns it for people: `expected 03:00 CET, grace until 04:00`, `running since 03:01 CET`, `last run took 12m`."""
        zone = heartbeat.zone or "UTC"
        said = []
        if self.expected_ns is not None and self.until_ns is not None:
            said.append(expected_text(self.expected_ns, self.until_ns, zone, now_ns))
        if self.running_since_ns is not None:
            said.append(f"running since {moment_text(self.running_since_ns, zone, now_ns)}")
        if self.run_time_ns is not None:
            said.append(f"last run took {format_duration(self.run_time_ns // NS_PER_MS * NS_PER_MS)}")
        return tuple(said)


def job_state(target: Target, reported_ns: int | None, running_since_ns: int | None) -> JobState:
    """Returns the state of a job.

    `reported_ns` is its last report, the moment of the last one that it missed, or the beginning of the wait for the first one;
    None where none of them is known, and nothing can be said of the next one.
    """
    if reported_ns is None:
        return JobState(None, None, running_since_ns, None)
    occurrences = target.heartbeat.occurrences if target.heartbeat else None
    expected_ns = (
        reported_ns + target.every_ns if occurrences is None else occurrences.next_after(reported_ns)
    )
    until_ns = None if expected_ns is None else expected_ns + target.grace_ns
    return JobState(expected_ns, until_ns, running_since_ns, None)


def job_of(target: Target, known: TargetStatus) -> JobState:
    """Returns the state of a job by its newest sample; before the first one of this run, by what an earlier one recorded of it."""
    sample, running_since_ns = known.sample, known.running_since_ns
    if sample is None:
        # The time of a problem is that of its incident, which an earlier run may have opened.
        since_ns = known.since_ns if known.status is Status.UNKNOWN else None
        if known.awaited_since_ns is not None:
            since_ns = known.awaited_since_ns
        return job_state(target, since_ns, running_since_ns)
    reported_ns = sample.at.wall_ns
    if sample.reason is Reason.HEARTBEAT_MISSED:
        # A miss stands at the end of the grace.
        reported_ns -= target.grace_ns
    state = job_state(target, reported_ns, running_since_ns)
    took_ms = next((each.value for each in sample.measurements if each.name == RUN_TIME), None)
    if took_ms is None or sample.reason in SILENCES:
        return state
    return JobState(state.expected_ns, state.until_ns, running_since_ns, round(took_ms * NS_PER_MS))
