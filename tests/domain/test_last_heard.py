"""The marks of a heartbeat that a restart resumes: none moves back, and a counted miss is counted by no later process."""

import pytest
from records import NOON, sample_at
from watchkeeper.domain.incidents.record import HeardMark
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.supervision.last_heard import RUNTIME, HeardRegister, LastHeard
from watchkeeper.domain.units import NS_PER_MINUTE, NS_PER_S

STOP_NS = 10 * NS_PER_S
STARTED = NOON.shifted(NS_PER_MINUTE + STOP_NS)
"""The moment at which a process starts, ten seconds after the end of the one before."""
SOON = STARTED.shifted(NS_PER_S)
LATER = STARTED.shifted(2 * NS_PER_S)


def wall(moment):
    return moment.wall_ns


def miss(at=STARTED):
    after_ns = at.since(NOON)
    return sample_at(after_ns, target="job", outcome=Outcome.DOWN, reason=Reason.HEARTBEAT_MISSED)


def report(at):
    return sample_at(at.since(NOON), target="job", outcome=Outcome.UP, reason=Reason.REPORTED)


def settled(register):
    """Returns the statement of the supervisor that takes the marks over."""
    (known,) = [each for each in register.known() if each.target == "job"]
    return known.settled(reports=True)


def mark_of(marks):
    (mark,) = [mark for mark in marks if mark.target == "job"]
    return mark


@pytest.fixture
def register():
    """The register of a second process: the job reported at noon, its miss after half a minute was counted."""
    made = HeardRegister()
    missed_ns = NOON.wall_ns + NS_PER_MINUTE // 2
    runtime = HeardMark(RUNTIME, NOON.wall_ns + NS_PER_MINUTE)
    made.restore([runtime, HeardMark("job", NOON.wall_ns, missed_ns)], STARTED)
    return made


def test_a_miss_stays_counted_when_the_statement_before_it_comes_after_it(register):
    stated = settled(register)
    register.take([miss()], SOON)
    register.note(stated)
    assert mark_of(register.urgent(LATER)) == HeardMark("job", wall(NOON), wall(SOON))


def test_a_report_stays_the_newest_when_the_statement_before_it_comes_after_it(register):
    stated = settled(register)
    register.take([report(SOON)], SOON)
    register.note(stated)
    assert mark_of(register.urgent(LATER)).at_ns == wall(SOON)


def test_a_miss_before_the_statement_is_written_with_the_last_report_of_the_record(register):
    register.take([miss()], SOON)
    assert mark_of(register.urgent(LATER)) == HeardMark("job", wall(NOON), wall(SOON))


def test_a_miss_whose_judgement_was_refused_is_not_noted(register):
    register.note(settled(register))
    register.take([miss()], SOON, are_judged=False)
    assert mark_of(register.urgent(LATER)).missed_at_ns == NOON.wall_ns + NS_PER_MINUTE // 2


def test_a_mark_that_is_written_before_the_statement_leaves_the_stop_to_the_supervisor(register):
    written = mark_of(register.changed(SOON))
    assert written.at_ns == wall(NOON) + STOP_NS
    assert settled(register) == LastHeard("job", NOON, NOON.shifted(NS_PER_MINUTE // 2), reports=True)
    register.note(settled(register))
    assert mark_of(register.urgent(LATER)).at_ns == wall(NOON)
