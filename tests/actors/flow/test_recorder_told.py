"""A status that was told is told again as it is, and never after anything that it shows has changed."""

import pytest
from records import NOON, opened, then
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import BlindInterval, Silence
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.supervision.blindness import SUSPENDED
from watchkeeper.protocol.recorder import (
    BlindnessSeen,
    Committed,
    IncidentsResumed,
    SilencesChanged,
    TargetTracked,
)

from tests.actors.flow.test_recorder_alone import TRACKED, RecorderAlone, S, judged

OPENED = opened()


@pytest.fixture
def told():
    """A recorder of a target with one sample, whose status was told."""
    alone = RecorderAlone()
    alone.tell(TRACKED, judged(0))
    assert alone.target.status is Status.UP
    return alone


def test_a_status_without_a_change_is_the_same_value_for_a_minute(told):
    before = told.target
    told.clock.advance(60 * S)
    assert told.target is before


def test_a_sample_is_told_at_once(told):
    told.tell(judged(S, confirmed=Status.DOWN))
    assert (told.target.status, told.target.samples) == (Status.DOWN, 2)


def test_a_status_that_was_told_grows_stale_without_an_event(told):
    told.clock.advance(60 * S + 1)
    assert told.target.status is Status.UNKNOWN
    told.tell(judged(61 * S))
    assert told.target.status is Status.UP


def test_a_suspension_makes_a_status_stale_that_was_told(told):
    told.tell(BlindnessSeen(BlindInterval(NOON.wall_ns, NOON.wall_ns + 61 * S, SUSPENDED)))
    assert told.target.status is Status.UNKNOWN


def test_a_silence_begins_and_ends_on_a_status_that_was_told(told):
    silence = Silence(id="s", until_ns=NOON.wall_ns + 10 * S)
    told.tell(SilencesChanged((silence,)))
    muted = told.target
    assert muted.silences == (silence,)
    assert told.target is muted
    told.clock.advance(10 * S)
    assert told.target.silences == ()


def test_another_specification_is_told_at_once(told):
    told.tell(TargetTracked("shop", "http", True, 60 * S))
    assert (told.target.kind, told.target.status) == ("http", Status.PAUSED)


def test_incidents_of_a_target_without_a_sample_are_told_at_once():
    alone = RecorderAlone()
    alone.tell(TRACKED)
    assert alone.target.status is Status.UNKNOWN
    alone.tell(IncidentsResumed((OPENED.incident,), ()))
    assert alone.target.status is Status.DOWN
    alone.tell(Committed((then(OPENED, TransitionKind.RESOLVED),)))
    assert alone.target.status is Status.UNKNOWN
    alone.tell(Committed((opened("inc_2"),)))
    assert alone.target.status is Status.DOWN
