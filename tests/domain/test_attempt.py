"""Attempts: the table of states, every short event sequence walked, and what cancelling comes to."""

from itertools import product

import pytest
from records import NOON
from watchkeeper.domain.observation.attempt import (
    ATTEMPT_TRANSITIONS,
    CANCELLED_STATES,
    AttemptId,
    AttemptState,
    CancelOutcome,
)
from watchkeeper.domain.supervision.schedule import PendingAttempt
from watchkeeper.domain.time.moment import Deadline

QUEUED, RUNNING = AttemptState.QUEUED, AttemptState.RUNNING
NEVER_RAN = {AttemptState.EXPIRED, AttemptState.CANCELLED_BEFORE_START}


def test_the_table_lists_every_state():
    assert set(ATTEMPT_TRANSITIONS) == set(AttemptState)


def test_only_waiting_and_running_go_on():
    assert {state for state, moves in ATTEMPT_TRANSITIONS.items() if moves} == {QUEUED, RUNNING}


def test_every_short_sequence_of_events_ends_once_and_for_good():
    for events in product(AttemptState, repeat=3):
        flight = PendingAttempt(AttemptId("shop", 1, 1), NOON, Deadline(0), 0)
        for event in events:
            before = flight.state
            try:
                flight.move(event)
            except ValueError:
                assert flight.state is before
                continue
            assert before in {QUEUED, RUNNING}
            assert (before is QUEUED) is (event in {RUNNING, *NEVER_RAN})


def test_every_end_can_be_reached():
    reached, frontier = set(), [QUEUED]
    while frontier:
        state = frontier.pop()
        reached.add(state)
        frontier += [move for move in ATTEMPT_TRANSITIONS[state] if move not in reached]
    assert reached == set(AttemptState)


@pytest.mark.parametrize("outcome", CancelOutcome)
def test_each_answer_to_a_cancel_is_an_end_of_a_running_attempt(outcome):
    state = CANCELLED_STATES[outcome]
    assert state in ATTEMPT_TRANSITIONS[RUNNING]
    assert ATTEMPT_TRANSITIONS[state] == ()


def test_no_two_answers_to_a_cancel_end_alike():
    assert len(set(CANCELLED_STATES.values())) == len(CancelOutcome)
