"""Conditions: the shown values, the shared parts, and the laws that hold for any text and any body."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from watchkeeper.domain.conditions.condition import ConditionError, compile_condition, evaluate, evaluate_all
from watchkeeper.domain.conditions.facts import PLACEHOLDERS, Facts
from watchkeeper.domain.conditions.value import equal, integer_of, number_of, text_of
from watchkeeper.domain.limits import (
    CONDITION_SHOWN_CHARACTERS_MAX,
    CONDITION_VALUE_CHARACTERS_MAX,
    NUMBER_CHARACTERS_MAX,
)
from watchkeeper.domain.observation.observation import Observation

signs = [" == ", " != ", " <= ", " >= ", " > ", " < "]
words = [
    *(f"[{name}]" for name in PLACEHOLDERS),
    "[HEADERS].a",
    "[CERTIFICATE].names",
    "2xx",
    "200-299",
    "200",
    "1.5",
    "48h",
    "0x1F",
    "true",
    "null",
    "é",
    "\x1b",
]
marks = ["len(", "has(", "pat(", "any(", ")", ".a", "[0]", "[", "]", "*", "?", "\\", ",", " ", "-", "_"]
OF_PARTS = {"HEADERS", "CERTIFICATE", "CONTEXT"}
PARTS = [
    "[HEADERS].a",
    "[HEADERS].a[1]",
    "[CERTIFICATE].names",
    "[CERTIFICATE].issuer",
    "[CERTIFICATE].chain_expiration",
]
calls = [
    "matches({})",
    "any(matches({}), 2xx)",
    "{} or {}",
    "len({})",
    "has({})",
    "pat(*{}*)",
    "any({}, 200)",
    "{}.a",
    "{}[0]",
    "{}.b.c",
]
operands = st.builds(str.format, st.sampled_from(calls), st.sampled_from(words), st.sampled_from(words))
texts = (
    st.builds("{}{}{}".format, operands, st.sampled_from(signs), operands)
    | st.lists(st.sampled_from([*signs, *words, *marks]), max_size=9).map("".join)
    | st.text(max_size=40)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
bodies = st.none() | st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode())
observations = st.builds(
    Observation,
    connected=st.none() | st.booleans(),
    status=st.none() | st.integers(-1, 600),
    body=bodies,
    header=st.none() | st.binary(max_size=40) | st.just(b"HTTP/1.1 200 OK\r\nA: 1\r\na: x\r\n\r\n"),
    certificate_names=st.none() | st.lists(st.text(max_size=5), max_size=2).map(tuple),
    certificate_issuer=st.none() | st.text(max_size=5),
    certificate_chain_expires_in_ns=st.none() | st.integers(-(10**18), 10**18),
    response_time_ns=st.none() | st.integers(0, 10**12),
    ip=st.none() | st.text(max_size=5),
    dns_rcode=st.none() | st.text(max_size=5),
    certificate_expires_in_ns=st.none() | st.integers(-(10**18), 10**18),
    domain_expires_in_ns=st.none() | st.integers(-(10**18), 10**18),
    context=st.none() | st.dictionaries(st.sampled_from("abc"), json_values, max_size=3),
)


@given(texts, observations)
@example("[BODY].a == 1", Observation(body=b"[" * 65_536))
@example("[BODY].a == " + "9" * 400, Observation(body=b'{"a": ' + b"9" * 400 + b"}"))
@example("[BODY] == \ud800", Observation(body=b"x"))
def test_any_text_on_any_facts_gives_one_bounded_line(text, observation):
    result = evaluate(text, observation)
    assert result.passed in {True, False}
    assert not (result.passed and result.error)
    for line in (result.shown, result.error or ""):
        assert line.isprintable()
        assert len(line) <= 2 * CONDITION_SHOWN_CHARACTERS_MAX + 100


@given(texts, observations)
def test_the_same_text_on_the_same_facts_says_the_same(text, observation):
    assert evaluate(text, observation) == evaluate(text, observation)


@given(texts, observations)
def test_a_compiled_condition_and_its_text_agree(text, observation):
    result = evaluate(text, observation)
    try:
        condition = compile_condition(text)
    except ConditionError as error:
        assert result.error == str(error)  # noqa: PT017 - either end is right
    else:
        assert condition.evaluate(observation) == result
        assert evaluate_all((condition, condition), observation) == (result, result)


@given(
    st.sampled_from([f"[{name}]" for name in PLACEHOLDERS if name not in OF_PARTS] + PARTS),
    st.sampled_from(["200", "48h", "any(1, 2)", "pat(*)", "matches(.)", "2xx", "x"]),
    observations,
)
def test_unequal_is_the_opposite_of_equal_when_both_answer(name, expected, observation):
    equal_result = evaluate(f"{name} == {expected}", observation)
    unequal_result = evaluate(f"{name} != {expected}", observation)
    assert equal_result.error == unequal_result.error
    assert equal_result.error or equal_result.passed is not unequal_result.passed


@given(json_values, json_values)
def test_equality_is_symmetric_and_holds_for_itself(one, other):
    assert equal(one, other) is equal(other, one)
    assert equal(one, one) or one != one  # noqa: PLR0124 - NaN alone differs from itself


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(1.5, "1.50", True), ("1.5", "1.50", False), ("5", "0x5", True), (5, "five", False), (True, 1, False)],
)
def test_a_number_meets_a_text_as_a_number_and_two_texts_meet_letter_by_letter(one, other, same):
    assert equal(one, other) is equal(other, one) is same


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5s", 5_000),
        ("+5s", 5_000),
        ("-5s", -5_000),
        ("1500us", 1.5),
        ("-1500us", -1.5),
        ("+5", 5),
        ("-.5e1", -5.0),
        ("s", None),
        ("--5s", None),
        ("5s-", None),
        ("5 s", None),
        ("", None),
        ("1e400", None),
    ],
)
def test_a_text_is_a_duration_in_milliseconds_an_integer_a_float_or_no_number(text, number):
    assert (number_of(text), type(number_of(text))) == (number, type(number))


@pytest.mark.parametrize("start", ["", "0."])
def test_a_number_is_read_up_to_its_length_and_not_beyond(start):
    longest = start + "5".rjust(NUMBER_CHARACTERS_MAX - len(start), "0")
    assert number_of(longest) is not None
    assert number_of(longest + "0") is None


@given(st.integers(-(10**30), 10**30))
def test_an_integer_is_read_in_every_base_it_is_written_in(number):
    for text in (str(number), f"{number:#x}", f"{number:#o}", f"{number:#b}", f"{number:_}"):
        assert integer_of(text) == number_of(text) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_as_it_is_written(number):
    assert number_of(text_of(number)) == number


@pytest.mark.parametrize("text", ["", "0x", "0b2", "08", "1__0", "_1", "1_", "٣", "1 ", "--1", "1" * 129])
def test_a_number_that_go_reads_as_no_integer_is_none_here(text):
    assert integer_of(text) is None


def test_a_long_value_is_cut_with_an_ellipsis():
    shown = evaluate("[BODY] == x", Observation(body=b"y" * 60_000)).shown
    assert shown == f"[BODY] ({'y' * (CONDITION_VALUE_CHARACTERS_MAX - 1)}…) == x"


def test_control_characters_are_escaped_in_what_is_shown():
    shown = evaluate("[BODY] == x", Observation(body=b"a\x1b[31m\nb\xe2\x80\xae\xf0\x9f\x91\x8d")).shown
    assert shown == r"[BODY] (a\x1b[31m\nb\u202e👍) == x"


def test_a_text_too_long_to_compile_is_shown_cut():
    result = evaluate("x" * 100_000, Observation())
    assert result.shown == "x" * (CONDITION_SHOWN_CHARACTERS_MAX - 1) + "…"
    assert "more than the 512" in result.error


def test_a_context_of_unwritable_numbers_is_an_error():
    result = evaluate("[CONTEXT].a == 1", Observation(context={"a": 10**5000}))
    assert "the context is not JSON" in result.error


@pytest.mark.parametrize("text", ["[STATUS] == 200", "[CONNECTED] == true", "[RESPONSE_TIME] < 500ms"])
def test_the_commonest_conditions_hold_for_what_they_name_and_for_nothing_else(text):
    condition = compile_condition(text)
    assert condition.evaluate(Observation(status=200, connected=True, response_time_ns=499_999_999)).passed
    assert not condition.evaluate(
        Observation(status=503, connected=False, response_time_ns=500_000_000)
    ).passed
    assert not condition.evaluate(Observation()).passed


def test_the_body_is_parsed_once_for_many_conditions():
    facts = Facts(Observation(body=b'{"a": [1]}'))
    results = [compile_condition(f"len([BODY].a) > {floor}").judge(facts) for floor in range(3)]
    assert [result.passed for result in results] == [True, False, False]
    assert facts.body is facts.body


def test_results_come_in_the_order_of_the_conditions():
    conditions = [compile_condition(text) for text in ("[STATUS] == 200", "[BODY].up == true", "[IP] == ::1")]
    results = evaluate_all(conditions, Observation(status=200, body=b'{"up": false}'))
    assert [(result.passed, result.shown) for result in results] == [
        (True, "[STATUS] == 200"),
        (False, "[BODY].up (false) == true"),
        (False, "[IP] (INVALID) == ::1"),
    ]


def test_a_passed_condition_shows_its_text_unresolved():
    assert evaluate("  [STATUS] == 200 ", Observation(status=200)).shown == "  [STATUS] == 200 "
