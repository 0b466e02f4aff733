"""The state of a job that reports by itself, as the API tells it."""

from datetime import datetime

from ...domain.public_value import PublicValue
from ...domain.read_model.job import job_of
from ...domain.read_model.status import TargetStatus
from ...domain.specification.target import Target
from ...domain.time.moment import utc
from ...domain.units import NS_PER_MS


class JobRow(PublicValue, frozen=True, kw_only=True):
    """The state of a job that reports by itself."""

    text: str
    """Everything below for people, in the time zone of its schedule."""
    expected_at: datetime | None
    """When its next report is expected."""
    missed_at: datetime | None
    """When that report is missed, which is the end of the grace."""
    running_since: datetime | None
    run_time_ms: float | None
    """How long the last run took, where its start and its end were reported."""


def job_row(known: Target | None, target: TargetStatus, now_ns: int) -> JobRow | None:
    """Returns the state of a target that reports by itself; None of any other, and of one that is watched no longer."""
    if known is None or known.heartbeat is None:
        return None
    job = job_of(known, target)
    times = (job.expected_ns, job.until_ns, job.running_since_ns)
    expected_at, missed_at, running_since = (None if each is None else utc(each) for each in times)
    return JobRow(
        text="; ".join(job.lines(known.heartbeat, now_ns)),
        expected_at=expected_at,
        missed_at=missed_at,
        running_since=running_since,
        run_time_ms=None if job.run_time_ns is None else job.run_time_ns / NS_PER_MS,
    )
