"""Failures of every kind of probe, many of them: each has a reason of its own, and no descriptor stays open."""

import pytest
from failing_probes import FAILING, ManyFailures
from left_behind import becomes_true, descriptors
from watchkeeper.domain.observation.outcome import Reason
from watchkeeper.domain.specification.probes.kinds import KINDS, UNPROBED

OF_OTHERS = frozenset({"call", "plugin"})
"""A function of the host, and a package, open what they like."""


@pytest.fixture(scope="module")
def many():
    many = ManyFailures()
    yield many
    many.close()


def test_every_kind_of_probe_that_opens_something_is_made_to_fail():
    assert {"http" if kind == "https" else kind for kind in FAILING} == KINDS.keys() - UNPROBED - OF_OTHERS


@pytest.mark.parametrize("kind", FAILING)
def test_many_failures_leave_no_descriptor(many, kind):
    many.fail(kind, 8)
    before = descriptors()

    reasons = many.fail(kind, 60)

    assert becomes_true(lambda: many.turn() or descriptors() <= before)
    assert Reason.PROBE_CRASHED.name not in reasons
