"""Admission: never more at work than allowed, first come first served, and every place given back."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from watchkeeper.domain.supervision.admission import Admission, AdmissionPolicy


class AdmissionAgainstModel(RuleBasedStateMachine):
    """The model is a count and a list."""

    @initialize(room=st.integers(1, 4))
    def begin(self, room):
        self.room = room
        self.admission = Admission(AdmissionPolicy(in_flight_max=room))
        self.running, self.waiting, self.number = 0, [], 0

    @rule()
    def enter(self):
        self.number += 1
        admitted = self.admission.enter(self.number)
        assert admitted is (self.running < self.room)
        if admitted:
            self.running += 1
        else:
            self.waiting.append(self.number)

    @precondition(lambda self: self.running)
    @rule()
    def leave(self):
        self.admission.leave()
        self.running -= 1

    @rule()
    def take_in(self):
        expected = self.waiting[0] if self.waiting and self.running < self.room else None
        assert self.admission.next() == expected
        if expected is not None:
            self.waiting.pop(0)
            self.running += 1

    @invariant()
    def the_counts_agree(self):
        assert self.admission.running == self.running <= self.room


TestAdmissionAgainstModel = AdmissionAgainstModel.TestCase
TestAdmissionAgainstModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("name", ["in_flight_max", "name"])
def test_an_admission_policy_is_frozen_and_shows_itself(name):
    policy = AdmissionPolicy()
    assert f"{name}=" in repr(policy)
    with pytest.raises(AttributeError):
        setattr(policy, name, 1)
