"""Incidents: the table of moves walked whole, and ids that are derived."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from records import opened, then
from watchkeeper.domain.incidents.incident import INCIDENT_TRANSITIONS, TransitionKind, incident_id

LENGTH_MAX = 5


def test_the_table_lists_every_change():
    assert set(INCIDENT_TRANSITIONS) == {None, *TransitionKind}


def test_every_short_sequence_is_legal_exactly_by_the_table():
    """All sequences of up to five changes: opened first and once, nothing after resolved."""
    for length in range(1, LENGTH_MAX + 1):
        for changes in product(TransitionKind, repeat=length):
            step, legal = None, True
            for change in changes:
                following = replace(opened(), change=change) if step is None else then(step, change)
                legal = legal and following.may_follow(step)
                step = following
            opens_once = changes[0] is TransitionKind.OPENED and changes.count(TransitionKind.OPENED) == 1
            assert legal is (opens_once and TransitionKind.RESOLVED not in changes[:-1])


@pytest.mark.parametrize("sequence", [0, 1, 3, 4])
def test_a_step_that_skips_or_repeats_a_number_is_illegal(sequence):
    first = opened()
    second = replace(then(first, TransitionKind.CHANGED), sequence=sequence)
    assert not second.may_follow(first)


def test_a_first_step_has_the_number_one():
    assert opened().may_follow(None)
    assert not replace(opened(), sequence=2).may_follow(None)


def test_a_step_of_another_incident_may_not_follow():
    assert not then(opened("inc_2"), TransitionKind.RESOLVED).may_follow(opened("inc_1"))


@pytest.mark.parametrize("change", TransitionKind)
def test_an_incident_is_open_until_it_is_resolved(change):
    assert then(opened(), change).is_open is (change is not TransitionKind.RESOLVED)


PLACES = st.tuples(
    st.text(max_size=5), st.text(max_size=5), st.integers(1, 9), st.integers(1, 9), st.integers(0, 10**18)
)


@given(PLACES, PLACES)
def test_ids_are_derived_from_place_run_attempt_and_start(one, other):
    # A slash is in no id of a target or rule, and only there would two places read the same.
    if "/" in "".join((*one[:2], *other[:2])):
        return
    assert (incident_id(*one) == incident_id(*other)) is (one == other)
