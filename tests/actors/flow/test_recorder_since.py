"""When the shown status of a target began: of a problem with its incident, of anything else as far as it was seen."""

import pytest
from records import NOON, opened
from watchkeeper.domain.incidents.incident import Transition
from watchkeeper.domain.incidents.record import PauseMark
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.protocol.recorder import (
    Committed,
    GetMetrics,
    HeardResumed,
    IncidentsResumed,
    TargetTracked,
    UpResumed,
)

from tests.actors.flow.test_recorder_alone import TRACKED, RecorderAlone, S, judged

PAUSED = TargetTracked("shop", "tcp", True, 60 * S)


def incident(opened_s: float, name="inc_1", severity=Severity.CRITICAL, **fields) -> Transition:
    return opened(name, opened_at_ns=NOON.wall_ns + int(opened_s * S), severity=severity, **fields)


@pytest.fixture
def watching():
    alone = RecorderAlone()
    alone.tell(TRACKED)
    return alone


def seen(watching):
    """The status and the second since noon at which it began."""
    target = watching.target
    return target.status, (target.since_ns - NOON.wall_ns) / S


def sample(watching, after_s, confirmed=Status.UP):
    """One sample at its second, which the recorder hears at once."""
    late_ns = NOON.wall_ns + after_s * S - watching.clock.now.wall_ns
    watching.clock.advance(max(late_ns, 0))
    watching.tell(judged(after_s * S, confirmed=confirmed))


def test_a_target_without_a_sample_is_unknown_since_it_is_watched(watching):
    watching.clock.advance(5 * S)
    assert seen(watching) == (Status.UNKNOWN, 0)


def test_a_status_began_with_its_first_sample_and_not_with_its_last(watching):
    for after_s in (10, 20, 30):
        sample(watching, after_s)
    assert seen(watching) == (Status.UP, 10)


def test_an_outage_began_with_the_first_bad_sample_of_its_incident(watching):
    sample(watching, 10)
    sample(watching, 40, Status.DOWN)
    assert seen(watching) == (Status.DOWN, 40)
    watching.tell(Committed((incident(20),)))
    assert seen(watching) == (Status.DOWN, 20)
    sample(watching, 50, Status.DOWN)
    assert seen(watching) == (Status.DOWN, 20)
    sample(watching, 60)
    assert seen(watching) == (Status.UP, 60)


def test_a_second_incident_does_not_move_the_beginning(watching):
    sample(watching, 40, Status.DOWN)
    watching.tell(Committed((incident(20), incident(35, "inc_2"))))
    watching.tell(Committed((incident(45, "inc_3"),)))
    assert seen(watching) == (Status.DOWN, 20)


def test_a_lesser_problem_that_stays_behind_begins_when_the_greater_ends(watching):
    sample(watching, 10, Status.DEGRADED)
    watching.tell(Committed((incident(5, "slow", Severity.WARNING),)))
    assert seen(watching) == (Status.DEGRADED, 5)
    sample(watching, 20, Status.DOWN)
    watching.tell(Committed((incident(15),)))
    assert seen(watching) == (Status.DOWN, 15)
    sample(watching, 30, Status.DEGRADED)
    assert seen(watching) == (Status.DEGRADED, 30)


@pytest.mark.parametrize("fields", [{"draft": True}, {"severity": Severity.WARNING}])
def test_an_incident_that_does_not_make_the_status_does_not_date_it(watching, fields):
    sample(watching, 40, Status.DOWN)
    watching.tell(Committed((incident(20, **fields),)))
    assert seen(watching) == (Status.DOWN, 40)


def test_an_outage_of_a_former_run_keeps_its_beginning(watching):
    watching.tell(IncidentsResumed((incident(-3_600).incident, incident(-9, target="mail").incident), ()))
    sample(watching, 10, Status.DOWN)
    assert seen(watching) == (Status.DOWN, -3_600)
    sample(watching, 20)
    sample(watching, 30, Status.DOWN)
    assert seen(watching) == (Status.DOWN, 30)


def test_a_pause_of_a_former_run_keeps_its_beginning_whether_its_target_or_the_record_comes_first(watching):
    record = IncidentsResumed((), (), (PauseMark("shop", NOON.wall_ns - 3_600 * S, "ann"),))
    watching.tell(PAUSED, record)
    assert seen(watching) == (Status.PAUSED, -3_600)
    again = RecorderAlone()
    again.tell(record, PAUSED)
    assert seen(again) == (Status.PAUSED, -3_600)


def test_a_silent_target_is_unknown_since_its_sample_became_too_old(watching):
    sample(watching, 10)
    watching.clock.advance(600 * S)
    assert seen(watching) == (Status.UNKNOWN, 70)
    sample(watching, 700)
    assert seen(watching) == (Status.UP, 700)


def test_a_silent_target_with_an_incident_is_down_since_it_opened(watching):
    sample(watching, 10)
    watching.clock.advance(600 * S)
    watching.tell(Committed((incident(75),)))
    assert seen(watching) == (Status.DOWN, 75)


def test_an_outage_goes_on_through_a_silence(watching):
    sample(watching, 10, Status.DOWN)
    watching.tell(Committed((incident(5),)))
    watching.clock.advance(600 * S)
    assert seen(watching) == (Status.DOWN, 5)
    sample(watching, 700, Status.DOWN)
    assert seen(watching) == (Status.DOWN, 5)


def test_a_pause_began_when_it_was_commanded(watching):
    sample(watching, 10)
    watching.clock.advance(20 * S)
    watching.tell(PAUSED)
    watching.clock.advance(20 * S)
    watching.tell(PAUSED)
    assert seen(watching) == (Status.PAUSED, 30)
    watching.tell(TRACKED)
    assert seen(watching) == (Status.UP, 10)
    watching.tell(PAUSED)
    assert seen(watching) == (Status.PAUSED, 50)


def test_a_target_that_was_up_when_the_process_ended_is_up_since_then(watching):
    watching.tell(UpResumed("shop", NOON.wall_ns - 3_600 * S))
    assert seen(watching) == (Status.UNKNOWN, 0)
    sample(watching, 10)
    sample(watching, 20)
    assert seen(watching) == (Status.UP, -3_600)
    sample(watching, 30, Status.DOWN)
    sample(watching, 40)
    assert seen(watching) == (Status.UP, 40)


def test_a_target_that_is_found_otherwise_is_so_since_its_sample(watching):
    watching.tell(UpResumed("shop", NOON.wall_ns - 3_600 * S))
    sample(watching, 10, Status.DEGRADED)
    sample(watching, 20)
    assert seen(watching) == (Status.UP, 20)


def test_an_owner_that_starts_again_changes_no_beginning(watching):
    sample(watching, 10)
    watching.tell(UpResumed("shop", NOON.wall_ns - 3_600 * S))
    sample(watching, 20)
    assert seen(watching) == (Status.UP, 10)


JOB = TargetTracked("job", "heartbeat", False, 3_600 * S)


def job_before(*messages):
    """A heartbeat that an earlier run knew, as the status and the metrics have it."""
    alone = RecorderAlone()
    for message in messages:
        alone.tell(message)
    (figures,) = alone.ask(GetMetrics(True)).targets
    return alone.target, figures


@pytest.mark.parametrize("is_tracked_first", [True, False])
def test_a_job_that_was_up_when_the_process_ended_is_up_before_its_next_report(is_tracked_first):
    up, heard_ns = UpResumed("job", NOON.wall_ns - 3_600 * S), NOON.wall_ns - 60 * S
    first = (JOB, up) if is_tracked_first else (up, JOB)
    target, figures = job_before(*first, HeardResumed("job", heard_ns, heard_ns))
    assert (target.status, target.since_ns, target.heard_ns) == (Status.UP, up.since_ns, heard_ns)
    assert (figures.status, figures.sampled_at_ns) == (Status.UP, heard_ns)


def test_a_job_that_was_never_heard_is_unknown_and_has_no_sample_after_a_restart():
    target, figures = job_before(JOB, HeardResumed("job", NOON.wall_ns - 60 * S, NOON.wall_ns - 60 * S))
    assert (target.status, target.heard_ns) == (Status.UNKNOWN, None)
    assert target.awaited_since_ns == NOON.wall_ns - 60 * S
    assert (figures.status, figures.sampled_at_ns) == (Status.UNKNOWN, None)
