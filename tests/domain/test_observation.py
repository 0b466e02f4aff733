"""Observations: what the host adds is its own no longer."""

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.conditions.condition import evaluate
from watchkeeper.domain.limits import INTEGER_MAX, JSON_DEPTH_MAX
from watchkeeper.domain.observation.observation import Observation, Phases
from watchkeeper.domain.observation.outcome import Outcome, Reason, is_answered
from watchkeeper.domain.observation.returned import observation_of

PLAIN = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def mutable_parts(value):
    """Every list, dict and set inside a value."""
    match value:
        case MappingProxyType():
            return [part for inner in value.values() for part in mutable_parts(inner)]
        case tuple():
            return [part for inner in value for part in mutable_parts(inner)]
        case list() | dict() | set() | bytearray():
            return [value]
        case _:
            return []


@given(st.dictionaries(st.text(max_size=3), PLAIN, max_size=4))
def test_nothing_in_a_context_can_be_changed(context):
    assert mutable_parts(Observation(context=context).context) == []


def test_a_later_change_by_the_host_is_not_seen():
    rows, context = [1], {}
    context["rows"] = rows
    seen = Observation(context=context)
    rows.append(2)
    context["more"] = 3

    assert evaluate("len([CONTEXT].rows) == 1", seen).passed
    assert evaluate("has([CONTEXT].more) == false", seen).passed
    with pytest.raises(TypeError):
        seen.context["rows"] = ()


def test_a_context_that_holds_itself_is_refused():
    context: dict[str, object] = {}
    context["self"] = context
    with pytest.raises(ValueError, match=f"deeper than {JSON_DEPTH_MAX}"):
        Observation(context=context)


def test_a_context_is_nested_as_deeply_as_a_body_may_be_and_not_one_level_more():
    deepest = 5
    for _ in range(JSON_DEPTH_MAX):
        deepest = {"a": deepest}
    assert evaluate(f"len([CONTEXT]{'.a' * 3}) > 0", Observation(context=deepest)).passed
    for one_more in ({"a": deepest}, {"a": [deepest]}):
        with pytest.raises(ValueError, match=f"deeper than {JSON_DEPTH_MAX}"):
            Observation(context=one_more)


@pytest.mark.parametrize(
    ("outcome", "reason", "answered"),
    [
        (Outcome.UP, Reason.OK, True),
        (Outcome.DOWN, Reason.CONDITION_FAILED, True),
        (Outcome.DEGRADED, Reason.EXIT_STATUS, True),
        (Outcome.DOWN, Reason.CONNECTION_REFUSED, False),
        (Outcome.TIMED_OUT, Reason.TIMED_OUT, False),
        (Outcome.UNKNOWN, Reason.EXIT_STATUS, False),
        (Outcome.CANCELLED, Reason.CANCELLED, False),
    ],
)
def test_a_whole_answer_in_time_is_an_answer_right_or_wrong(outcome, reason, answered):
    assert is_answered(outcome, reason) is answered


def test_an_observation_with_context_is_a_valid_report():
    seen = observation_of(Observation(context={"user": {"ids": [5, 7]}, "tags": {1}}))
    assert seen.outcome is Outcome.UP
    assert evaluate("[CONTEXT].user.ids[1] == 7", Observation(context={"user": {"ids": [5, 7]}})).passed


def test_a_context_of_what_is_no_plain_data_is_refused():
    assert observation_of(Observation(context={"x": object()})).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "reported",
    [
        Observation(response_time_ns=-1),
        Observation(response_time_ns=INTEGER_MAX + 1),
        Observation(status=10**30),
        Observation(certificate_expires_in_ns=-(10**30)),
        Observation(phases=Phases(dns_ns=2**70)),
        Observation(ip="x" * 1_000),
    ],
    ids=range(6),
)
def test_a_value_that_no_record_can_hold_is_no_report(reported):
    seen = observation_of(reported)
    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.INVALID_MEASUREMENT)


def test_a_code_that_is_no_character_is_written_as_an_escape():
    seen = observation_of(Observation(ip="\ud800", detail="\ud800"))
    assert (seen.ip, seen.detail) == ("\\ud800", "\\ud800")
