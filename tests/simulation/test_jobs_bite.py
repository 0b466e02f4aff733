"""The naive judge of schedules and runs detects their violations."""

import pytest
from records import NOON, sample_at
from simulator.invariants.jobs import SCHEDULED, JobRules
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.moment import NS_PER_S


class Judged:
    """The rules with what they say; the second of each sample is that of its minute."""

    def __init__(self):
        self.complaints = []
        self.rules = JobRules(lambda invariant, _: self.complaints.append(invariant), lambda _: None)

    def start(self, second, run="one"):
        self.rules.started("job", run, NOON.wall_ns + second * NS_PER_S)

    def take(self, second, reason=Reason.OK, **fields):
        outcome = Outcome.UP if reason is Reason.OK else Outcome.DOWN
        said = {"target": "job", "outcome": outcome, "reason": reason} | fields
        self.rules.taken(sample_at(round(second * NS_PER_S), **said))

    def miss(self, second):
        self.take(second, Reason.HEARTBEAT_MISSED, detail=f"{SCHEDULED}12:00 CET")

    def hang(self, second):
        self.take(second, Reason.RUN_OVERDUE)


@pytest.fixture
def judged():
    return Judged()


def test_a_miss_at_a_moment_of_a_schedule_and_a_run_that_hangs_are_right(judged):
    judged.take(4)
    judged.miss(12)
    judged.start(20)
    judged.hang(24)
    assert judged.complaints == []


def test_a_miss_at_no_moment_of_a_schedule_is_found(judged):
    judged.miss(13)
    assert judged.complaints == ["L8"]


def test_a_miss_of_what_was_reported_in_time_is_found(judged):
    judged.take(11)
    judged.miss(12)
    assert judged.complaints == ["S17"]


@pytest.mark.parametrize("second", [23, 25])
def test_a_run_that_is_overdue_too_early_or_too_late_is_found(judged, second):
    judged.start(20)
    judged.hang(second)
    assert judged.complaints == ["S17"]


def test_a_run_that_is_overdue_after_its_end_is_found(judged):
    judged.start(20)
    judged.take(21, ended_run="one")
    judged.hang(24)
    assert judged.complaints == ["S17"]


def test_an_end_that_was_lost_with_its_process_is_none(judged):
    judged.start(20)
    judged.take(21, ended_run="one")
    judged.rules.process_began()
    judged.hang(24)
    assert judged.complaints == []
