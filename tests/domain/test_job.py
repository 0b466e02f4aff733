"""The state of a job as it is told: when it is expected, since when it runs, how long the last run took."""

from datetime import datetime

import pytest
from msgspec.structs import replace
from records import NOON, sample_at
from watchkeeper.domain.observation.observation import Measurement
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.read_model.job import job_of, job_state
from watchkeeper.domain.read_model.status import TargetStatus
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.metadata import NO_METADATA
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S

BERLIN = Heartbeat(schedule="0 3 * * *", zone="Europe/Berlin", grace="1h")
H = 3_600 * NS_PER_S


def ns(text):
    return round(datetime.fromisoformat(text).timestamp()) * NS_PER_S


def job(heartbeat=BERLIN, **fields):
    return Target(id="job", heartbeat=heartbeat, **fields)


def known(sample, status=Status.UP):
    """The status of the job; the wait for its first report began at NIGHT."""
    return TargetStatus(
        id="job",
        kind="heartbeat",
        metadata=NO_METADATA,
        status=status,
        since_ns=NIGHT,
        raw=status,
        paused=False,
        sample=sample,
        attempt=None,
        samples=0,
        missed=0,
    )


NIGHT = ns("2026-03-28T02:30:00+01:00")


def test_a_job_says_what_is_expected_what_runs_and_what_the_last_run_took():
    state = job_state(job(), NIGHT, NIGHT + 12 * NS_PER_S)
    assert state.lines(BERLIN, NIGHT) == (
        "expected 03:00 CET, grace until 04:00",
        "running since 02:30:12 CET",
    )
    took = sample_at(0, target="job", measurements=(Measurement("run_time", 720_000.0, "ms"),))
    assert job_of(job(), known(took)).lines(BERLIN, NOON.wall_ns)[-1] == "last run took 12m"


def test_a_moment_on_the_day_on_which_clocks_change_is_told_in_the_time_of_then():
    state = job_state(job(), ns("2026-03-28T03:10:00+01:00"), None)
    assert state.expected_ns == ns("2026-03-29T03:00:00+02:00")
    assert state.lines(BERLIN, state.expected_ns) == ("expected 03:00 CEST, grace until 04:00",)


@pytest.mark.parametrize("reason", [Reason.OK, Reason.HEARTBEAT_MISSED])
def test_the_next_report_is_counted_from_the_last_one_or_from_the_last_miss(reason):
    at_ns = ns("2026-01-02T04:00:00+01:00")
    outcome = Outcome.UP if reason is Reason.OK else Outcome.DOWN
    sample = sample_at(at_ns - NOON.wall_ns, target="job", outcome=outcome, reason=reason)
    state = job_of(job(), known(sample))
    assert (state.expected_ns, state.until_ns) == (at_ns + 23 * H, at_ns + 24 * H)


def test_a_job_with_a_cadence_is_expected_after_it():
    state = job_state(job(Heartbeat(grace="5m"), every="1h"), NIGHT, None)
    assert (state.expected_ns, state.until_ns) == (NIGHT + H, NIGHT + H + H // 12)


def test_a_job_whose_schedule_never_comes_again_is_not_expected():
    never = Heartbeat(schedule="2020-01-01 03:00")
    assert job_state(job(never), NIGHT, None).lines(never, NIGHT) == ()


def test_a_job_that_has_never_reported_is_expected_from_the_beginning_of_the_wait():
    state = job_of(job(), known(None, Status.UNKNOWN))
    assert (state.expected_ns, state.until_ns) == (NIGHT + H // 2, NIGHT + H + H // 2)


def test_nothing_is_expected_of_a_job_whose_incident_an_earlier_run_has_opened_before_its_first_report():
    assert job_of(job(), known(None, Status.DOWN)).expected_ns is None


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.UP, Status.DOWN])
def test_a_job_is_expected_as_an_earlier_run_waited_for_it_whatever_its_status(status):
    waited = replace(known(None, status), awaited_since_ns=NIGHT + H)
    assert job_of(job(), waited) == job_state(job(), NIGHT + H, None)
