"""Samples of targets that must fail."""

import pytest
from records import sample_at
from watchkeeper.domain.observation.observation import Phases
from watchkeeper.domain.observation.outcome import Outcome, Reason

TURNED = {
    Outcome.UP: Outcome.DOWN,
    Outcome.DEGRADED: Outcome.DOWN,
    Outcome.DOWN: Outcome.UP,
    Outcome.TIMED_OUT: Outcome.UP,
    Outcome.UNKNOWN: Outcome.UNKNOWN,
    Outcome.CANCELLED: Outcome.CANCELLED,
}


@pytest.mark.parametrize("outcome", Outcome)
def test_an_answer_is_bad_and_a_failure_good_and_no_evidence_stays_none(outcome):
    assert sample_at(0, outcome=outcome).turned().outcome is TURNED[outcome]


def test_an_answer_says_that_it_must_fail():
    turned = sample_at(0, latency_ns=5, status=200, reason=Reason.OK, detail="").turned()
    assert (turned.reason, turned.explanation()) == (
        Reason.UNEXPECTED_ANSWER,
        "unexpected_answer: it must fail, and it is up",
    )
    assert (turned.latency_ns, turned.status) == (5, 200)


def test_a_failure_says_why_it_is_good_and_has_no_response_time():
    refused = sample_at(
        0,
        outcome=Outcome.DOWN,
        reason=Reason.CONNECTION_REFUSED,
        detail="port 23",
        latency_ns=5,
        phases=Phases(dns_ns=1),
        failed=("[CONNECTED] == true",),
        body="x",
    )
    turned = refused.turned()
    assert (turned.reason, turned.failed, turned.latency_ns, turned.phases) == (Reason.OK, (), None, None)
    assert turned.detail == "it fails as it must: connection_refused: [CONNECTED] == true"
    assert not turned.body


def test_a_sample_that_is_no_evidence_stays_as_it_is():
    blind = sample_at(0, outcome=Outcome.UNKNOWN, reason=Reason.BLIND, detail="suspended")
    assert blind.turned() is blind
