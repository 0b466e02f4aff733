"""Judgement: what an observation amounts to, with and without conditions."""

import msgspec
import pytest
from msgspec import UNSET
from records import NOON
from watchkeeper.domain.conditions.condition import compile_condition
from watchkeeper.domain.conditions.judgement import Expectation
from watchkeeper.domain.limits import DETAIL_CHARACTERS_MAX, FAILED_CONDITIONS_KEPT
from watchkeeper.domain.observation.attempt import AttemptId
from watchkeeper.domain.observation.observation import Measurement, Observation, Phases
from watchkeeper.domain.observation.outcome import INTERNAL_FAULTS, Outcome, Reason
from watchkeeper.domain.observation.sample import sample_without_answer

ATTEMPT = AttemptId("shop", 3, 17)


def judge(observation, *conditions, warn=()):
    expectation = Expectation(*([compile_condition(text) for text in texts] for texts in (conditions, warn)))
    return expectation.judge(ATTEMPT, NOON, observation)


def answered(status=200, **fields):
    return Observation(connected=True, status=status, response_time_ns=5_000_000, **fields)


REFUSED = Observation(connected=False, outcome=Outcome.DOWN, reason=Reason.CONNECTION_REFUSED)
LATE = Observation(connected=False, outcome=Outcome.TIMED_OUT, reason=Reason.TIMED_OUT)
WARNED = answered(None, outcome=Outcome.DEGRADED, reason=Reason.EXIT_STATUS)
FAILED = Observation(outcome=Outcome.DOWN, reason=Reason.EXIT_STATUS, body=b"full")
CUT = answered(body=b"long", body_cut=True)
STOPPED = Observation(outcome=Outcome.CANCELLED, reason=Reason.CANCELLED)

ROWS = [
    (answered(), [], Outcome.UP, Reason.OK),
    (answered(399), [], Outcome.UP, Reason.OK),
    (answered(400), [], Outcome.DOWN, Reason.UNEXPECTED_ANSWER),
    (answered(503), ["[STATUS] == 503"], Outcome.UP, Reason.OK),
    (answered(503), ["[RESPONSE_TIME] < 300"], Outcome.UP, Reason.OK),
    (answered(403, body=b"sign in"), ["[BODY] == sign in"], Outcome.UP, Reason.OK),
    (CUT, [], Outcome.UP, Reason.OK),
    (CUT, ["[STATUS] == 200"], Outcome.UP, Reason.OK),
    (CUT, ["[BODY] == pat(long*)"], Outcome.DOWN, Reason.BODY_TOO_LARGE),
    (CUT, ["len([BODY]) > 1", "[STATUS] == 200"], Outcome.DOWN, Reason.BODY_TOO_LARGE),
    (CUT, ["has([BODY].error) == false"], Outcome.DOWN, Reason.BODY_TOO_LARGE),
    (CUT, ["len([BODY]) > 1", "[STATUS] == 201"], Outcome.DOWN, Reason.CONDITION_FAILED),
    (answered(), ["[STATUS] == 500"], Outcome.DOWN, Reason.CONDITION_FAILED),
    (answered(), ["[STATUS] == 200", "[RESPONSE_TIME] < 1"], Outcome.DOWN, Reason.CONDITION_FAILED),
    (WARNED, [], Outcome.DEGRADED, Reason.EXIT_STATUS),
    (WARNED, ["[RESPONSE_TIME] < 1"], Outcome.DOWN, Reason.CONDITION_FAILED),
    (REFUSED, ["[STATUS] == 200"], Outcome.DOWN, Reason.CONNECTION_REFUSED),
    (LATE, ["[STATUS] == 200"], Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (REFUSED, ["[CONNECTED] == false"], Outcome.UP, Reason.OK),
    (LATE, ["[CONNECTED] == false"], Outcome.UP, Reason.OK),
    (REFUSED, ["[CONNECTED] == true"], Outcome.DOWN, Reason.CONNECTION_REFUSED),
    (answered(), ["[CONNECTED] == false"], Outcome.DOWN, Reason.CONDITION_FAILED),
    (FAILED, ["[BODY] != pat(*[connected]*)"], Outcome.DOWN, Reason.EXIT_STATUS),
    (STOPPED, ["[CONNECTED] == false"], Outcome.CANCELLED, Reason.CANCELLED),
]


@pytest.mark.parametrize(("observation", "conditions", "outcome", "reason"), ROWS)
def test_each_observation_amounts_to_one_outcome(observation, conditions, outcome, reason):
    sample = judge(observation, *conditions)
    assert (sample.outcome, sample.reason) == (outcome, reason)


QUICK, CALM, FOUND = "[RESPONSE_TIME] < 1", "[RESPONSE_TIME] < 300", "[STATUS] == 200"
WARNED_ROWS = [
    (answered(), [FOUND], [CALM], Outcome.UP, Reason.OK, ()),
    (answered(), [FOUND], [QUICK], Outcome.DEGRADED, Reason.CONDITION_FAILED, ("[RESPONSE_TIME] (5) < 1",)),
    (answered(), [], [QUICK, CALM], Outcome.DEGRADED, Reason.CONDITION_FAILED, ("[RESPONSE_TIME] (5) < 1",)),
    (answered(500), [FOUND], [QUICK], Outcome.DOWN, Reason.CONDITION_FAILED, ("[STATUS] (500) == 200",)),
    (answered(500), [], [QUICK], Outcome.DOWN, Reason.UNEXPECTED_ANSWER, ()),
    (WARNED, [], [CALM], Outcome.DEGRADED, Reason.EXIT_STATUS, ()),
    (REFUSED, [], [QUICK], Outcome.DOWN, Reason.CONNECTION_REFUSED, ()),
    (LATE, [], [QUICK], Outcome.TIMED_OUT, Reason.TIMED_OUT, ()),
    (STOPPED, [], [QUICK], Outcome.CANCELLED, Reason.CANCELLED, ()),
    (
        CUT,
        [],
        ["[BODY] == x"],
        Outcome.DEGRADED,
        Reason.CONDITION_FAILED,
        (
            "[BODY] (INVALID) == x: the body has more than the 4 bytes that are read of it: raise body_bytes_max",
        ),
    ),
]


@pytest.mark.parametrize(("seen", "conditions", "warn", "outcome", "reason", "failed"), WARNED_ROWS)
def test_a_warning_degrades_an_answer_that_meets_all_conditions(
    seen, conditions, warn, outcome, reason, failed
):
    sample = judge(seen, *conditions, warn=warn)
    assert (sample.outcome, sample.reason, sample.failed) == (outcome, reason, failed)


def test_a_warning_by_the_response_time_alone_says_by_how_much():
    assert judge(answered(), warn=[QUICK]).slow_by_ns == 4_000_000
    assert judge(answered(), FOUND, warn=[QUICK, "[STATUS] == 201"]).slow_by_ns is UNSET


def test_a_warned_sample_keeps_the_beginning_of_the_body():
    assert judge(answered(body=b"slow"), warn=[QUICK]).body == "slow"


@pytest.mark.parametrize("reason", sorted(INTERNAL_FAULTS))
@pytest.mark.parametrize("outcome", Outcome)
def test_an_internal_fault_is_no_evidence_about_the_target(reason, outcome):
    fault = Observation(connected=False, outcome=outcome, reason=reason, detail="why")
    sample = judge(fault, "[CONNECTED] == false")
    assert (sample.outcome, sample.reason, sample.detail) == (Outcome.UNKNOWN, reason, "why")


def test_a_bad_sample_alone_keeps_the_beginning_of_the_body():
    seen = answered(503, body=b"no luck")
    assert judge(seen, "[STATUS] == 200").body == "no luck"
    assert judge(seen, "[STATUS] == 503").body is msgspec.UNSET
    assert judge(answered(503), "[STATUS] == 200").body is msgspec.UNSET


def test_a_failed_condition_shows_what_it_saw():
    sample = judge(answered(500), "[STATUS] == 200", "[RESPONSE_TIME] < 300")
    assert sample.failed == ("[STATUS] (500) == 200",)
    assert sample.explanation() == "condition_failed: [STATUS] (500) == 200"


UNREADABLE = [
    (b"", "[BODY].a (INVALID) == 1: the body is empty"),
    (b"<html>", "[BODY].a (INVALID) == 1: the body is not JSON: "),
    (b'{"b": 2}', "[BODY].a (INVALID) == 1: the body has nothing at [BODY].a"),
    (b'{"a": "\xff"}', "[BODY].a (\ufffd) == 1"),
    (None, "[BODY].a (INVALID) == 1: the probe gave no body"),
    (b'{"a": "many"}', "[BODY].a (many) == 1"),
]


@pytest.mark.parametrize(("body", "shown"), UNREADABLE)
def test_a_value_that_cannot_be_read_is_explained(body, shown):
    sample = judge(answered(body=body), "[BODY].a == 1")
    assert sample.explanation().startswith(f"condition_failed: {shown}")


def test_conditions_that_fail_for_one_cause_say_it_once():
    sample = judge(answered(body=b""), "[BODY].a == 1", "[BODY].b == 2", "[BODY] == up")
    assert sample.failed == (
        "[BODY].a (INVALID) == 1: the body is empty",
        "[BODY].b (INVALID) == 2",
        "[BODY] () == up",
    )


def test_a_sample_without_a_failed_condition_is_explained_by_its_detail_or_its_reason():
    explanations = [
        judge(seen).explanation() for seen in (answered(503), answered(), answered(detail="slow"))
    ]
    assert explanations == ["unexpected_answer: HTTP 503", "ok", "ok: slow"]


def test_of_many_failures_the_first_are_kept():
    conditions = [f"[STATUS] == {number}" for number in range(300, 320)]
    assert len(judge(answered(), *conditions).failed) == FAILED_CONDITIONS_KEPT


def test_a_long_detail_is_cut():
    assert len(judge(answered(detail="x" * 9_999)).detail) == DETAIL_CHARACTERS_MAX


def test_every_fact_that_is_kept_reaches_the_sample():
    phases, figures = Phases(dns_ns=1), (Measurement("load", 0.5),)
    seen = answered(
        ip="127.0.0.1",
        phases=phases,
        measurements=figures,
        certificate_expires_in_ns=9,
        reused_connection=True,
    )
    sample = judge(seen)
    assert (sample.target, sample.epoch, sample.attempt, sample.at) == ("shop", 3, 17, NOON)
    assert (sample.latency_ns, sample.status, sample.ip) == (5_000_000, 200, "127.0.0.1")
    assert (sample.phases, sample.measurements, sample.certificate_expires_in_ns) == (phases, figures, 9)
    assert sample.reused_connection


def test_no_connection_is_called_reused_unless_the_probe_says_so():
    silent = sample_without_answer(ATTEMPT, NOON, Outcome.TIMED_OUT, Reason.TIMED_OUT)
    assert [sample.reused_connection for sample in (judge(answered()), silent)] == [False, False]


@pytest.mark.parametrize(
    ("conditions", "slow_by_ns"),
    [
        (("[RESPONSE_TIME] < 300",), 250_000_000),
        (("300ms >= [response_time]",), 250_000_000),
        (("[RESPONSE_TIME] <= 0.5s", "[STATUS] == 200", "[RESPONSE_TIME] < 100"), 450_000_000),
        (("[RESPONSE_TIME] < 300", "[STATUS] == 201"), UNSET),
        (("[RESPONSE_TIME] > 600",), UNSET),
        (("[RESPONSE_TIME] == 300",), UNSET),
        (("[STATUS] < 200",), UNSET),
        (("[RESPONSE_TIME] < [RESPONSE_TIME]",), UNSET),
        (("[RESPONSE_TIME] < [BODY].limit",), UNSET),
        (("[RESPONSE_TIME] < [STATUS]",), 350_000_000),
    ],
)
def test_an_answer_that_is_too_slow_and_nothing_else_states_by_how_much(conditions, slow_by_ns):
    seen = Observation(connected=True, status=200, response_time_ns=550_000_000, body=b"{}")
    sample = judge(seen, *conditions)
    assert (sample.outcome, sample.slow_by_ns) == (Outcome.DOWN, slow_by_ns)


def test_an_answer_that_is_fast_enough_states_nothing_about_its_time():
    seen = Observation(connected=True, status=200, response_time_ns=5_000_000)
    assert judge(seen, "[RESPONSE_TIME] < 300").slow_by_ns is UNSET
