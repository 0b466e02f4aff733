"""Headers, certificates, classes of statuses and expressions in conditions: a table, and laws against a naive evaluator."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from watchkeeper.domain.conditions.condition import evaluate
from watchkeeper.domain.limits import HEADER_BYTES_MAX, HEADER_LINES_MAX
from watchkeeper.domain.observation.observation import Observation

DAY_NS = 86_400 * 10**9
HEADER = (
    b"HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nSet-Cookie: a=1; Path=/\r\nset-cookie:b=2\r\nAge: 17\r\n"
    b"X-Empty:\r\nX-Folded: one\r\n  two\r\nX-Utf: h\xc3\xa9\r\nX-Latin: h\xe9\r\nX.Dot: d\r\n\r\n"
    b"X-Trailer: late\r\n"
)
ANSWER = Observation(status=204, header=HEADER, body=b"queue: 17 jobs\nall well")
PEER = Observation(
    certificate_issuer="C=US, O=Let's Encrypt, CN=R11",
    certificate_names=("shop.example", "*.shop.example", "192.0.2.1"),
    certificate_chain_expires_in_ns=30 * DAY_NS,
)

HOLDS = [
    (ANSWER, "[STATUS] == 2xx"),
    (ANSWER, "[STATUS] == 2XX"),
    (ANSWER, "2xx == [STATUS]"),
    (ANSWER, "[STATUS] == 200-299"),
    (ANSWER, "[STATUS] == 204-204"),
    (ANSWER, "[STATUS] == 200 - 204"),
    (ANSWER, "[STATUS] != 4xx"),
    (ANSWER, "[STATUS] == any(301, 2xx)"),
    (ANSWER, "[STATUS] != any(301, 400-599)"),
    (ANSWER, "[HEADERS].server == nginx"),
    (ANSWER, "[headers].SERVER == nginx"),
    (ANSWER, "[HEADERS].server == pat(ng*)"),
    (ANSWER, "[HEADERS].set-cookie == b=2"),
    (ANSWER, "[HEADERS].set-cookie == matches(Path=/$)"),
    (ANSWER, "[HEADERS].set-cookie != c=3"),
    (ANSWER, "[HEADERS].set-cookie[1] == b=2"),
    (ANSWER, "len([HEADERS].set-cookie) == 2"),
    (ANSWER, "len([HEADERS].server) == 1"),
    (ANSWER, "len([HEADERS].server[0]) == 5"),
    (ANSWER, "[HEADERS].age < 60"),
    (ANSWER, "[HEADERS].age == 17"),
    (ANSWER, "has([HEADERS].x-empty) == true"),
    (ANSWER, "[HEADERS].x-empty == "),
    (ANSWER, "has([HEADERS].x-other) == false"),
    (ANSWER, "has([HEADERS].link) == false"),
    (ANSWER, "has([HEADERS].x-trailer) == false"),
    (ANSWER, "has([HEADERS].set-cookie[2]) == false"),
    (ANSWER, "[HEADERS].x-folded == one two"),
    (ANSWER, "[HEADERS].x-utf == hé"),
    (ANSWER, "[HEADERS].x-latin == hé"),
    (ANSWER, "[HEADERS].x.dot == d"),
    (ANSWER, "[BODY] == matches(queue: \\d+ jobs)"),
    (ANSWER, "[BODY] == matches(^queue.*well$)"),
    (ANSWER, "[BODY] == matches((?i)ALL WELL)"),
    (ANSWER, "[BODY] == matches((?m)^all)"),
    (ANSWER, "[BODY] != matches(^all)"),
    (ANSWER, "[BODY] == any(matches(a, b), matches(well$))"),
    (PEER, "[CERTIFICATE].issuer == pat(*Let's Encrypt*)"),
    (PEER, "[certificate].Issuer == matches(CN=R1\\d$)"),
    (PEER, "[CERTIFICATE].names == shop.example"),
    (PEER, "[CERTIFICATE].names == 192.0.2.1"),
    (PEER, "[CERTIFICATE].names != old.example"),
    (PEER, "[CERTIFICATE].names[0] == shop.example"),
    (PEER, "len([CERTIFICATE].names) == 3"),
    (PEER, "[CERTIFICATE].chain_expiration > 14d"),
    (Observation(header=b"HTTP/1.1 200 OK\r\nA: 5\r\n\r\n", body=b'{"a": "5"}'), "[HEADERS].a == [BODY].a"),
    (Observation(header=b"HTTP/1.1 200 OK\nA: 5\n\n"), "[HEADERS].a == 5"),
]


@pytest.mark.parametrize(("seen", "text"), HOLDS)
def test_a_condition_holds_for_what_it_names(seen, text):
    result = evaluate(text, seen)
    assert (result.passed, result.shown) == (True, text)


FAILS = [
    (ANSWER, "[STATUS] == 3xx", "[STATUS] (204) == 3xx", None),
    (ANSWER, "[STATUS] != 2xx", "[STATUS] (204) != 2xx", None),
    (ANSWER, "[STATUS] == 200-203", "[STATUS] (204) == 200-203", None),
    (ANSWER, "[BODY] == 2xx", "[BODY] (queue: 17 jobs\\nall well) == 2xx", None),
    (ANSWER, "[HEADERS].set-cookie == c", "[HEADERS].set-cookie (a=1; Path=/, b=2) == c", None),
    (ANSWER, "[HEADERS].set-cookie != b=2", "[HEADERS].set-cookie (a=1; Path=/, b=2) != b=2", None),
    (ANSWER, "[HEADERS].x == 1", "[HEADERS].x (INVALID) == 1", "the answer has no header x"),
    (ANSWER, "[HEADERS].x != 1", "[HEADERS].x (INVALID) != 1", "the answer has no header x"),
    (ANSWER, "[HEADERS].age[1] == 1", "[HEADERS].age[1] (INVALID) == 1", "it has 1 value, counted from 0"),
    (ANSWER, "[HEADERS].server < 5", "[HEADERS].server (nginx) < 5", "is no number"),
    (ANSWER, "[HEADERS].set-cookie < 5", "[HEADERS].set-cookie (a=1; Path=/, b=2) < 5", "has 2 values"),
    (ANSWER, "[BODY] == matches(^all)", "[BODY] (queue: 17 jobs\\nall well) == matches(^all)", None),
    (PEER, "[HEADERS].a == 1", "[HEADERS].a (INVALID) == 1", "the probe gave no headers"),
    (ANSWER, "[CERTIFICATE].names == a", "[CERTIFICATE].names (INVALID) == a", "no names of a certificate"),
    (PEER, "[CERTIFICATE].chain_expiration > 60d", "[CERTIFICATE].chain_expiration (720h) > 60d", None),
    (
        PEER,
        "[CERTIFICATE].names == old.example",
        "[CERTIFICATE].names (shop.example, *.shop.example, 192.0.2.1) == old.example",
        None,
    ),
]


@pytest.mark.parametrize(("seen", "text", "shown", "error"), FAILS)
def test_a_failed_condition_shows_what_it_saw(seen, text, shown, error):
    result = evaluate(text, seen)
    assert (result.passed, result.shown) == (False, shown)
    assert (error or "") in (result.error or "")
    assert (error is None) is (result.error is None)


@pytest.mark.parametrize("count", [HEADER_LINES_MAX, HEADER_LINES_MAX + 1])
def test_a_header_is_read_up_to_its_number_of_lines(count):
    seen = Observation(header=b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * count + b"\r\n")
    result = evaluate("[HEADERS].x == 1", seen)
    assert result.passed is (count == HEADER_LINES_MAX)
    assert result.passed or f"more than {HEADER_LINES_MAX} times" in result.error


def test_a_header_of_as_many_lines_as_fit_costs_no_comparison_of_each_with_each():
    half = HEADER_BYTES_MAX // 10
    seen = Observation(header=b"HTTP/1.1 200 OK\r\n" + b"A:1\r\nB:2\r\n" * (half - 5) + b"\r\n")
    assert "more than" in evaluate("[HEADERS].a == [HEADERS].b", seen).error


# Against a naive evaluator.

names = st.sampled_from(["a", "b", "x-a"])
values = st.text("ab1 :", max_size=4)
lines = st.lists(st.tuples(names, values), max_size=6)


def spelled(name, number):
    return name.upper() if number % 2 else name.title()


def header_of(pairs):
    written = [f"{spelled(name, at)}: {value}" for at, (name, value) in enumerate(pairs)]
    return "\r\n".join(["HTTP/1.1 200 OK", *written, "", ""]).encode()


@given(lines, names, st.sampled_from(["==", "!="]), st.sampled_from(["a", "1", "b1", "0x1"]))
def test_headers_are_judged_as_by_a_list_of_pairs(pairs, name, sign, constant):
    result = evaluate(f"[HEADERS].{name} {sign} {constant}", Observation(header=header_of(pairs)))
    found = [value.strip() for key, value in pairs if key == name]
    same = ["a", "b1"].count(constant) or 1
    met = any(value == constant or (same and is_one(value) and is_one(constant)) for value in found)
    assert result.passed is (bool(found) and met is (sign == "=="))
    assert evaluate(f"has([HEADERS].{name}) == true", Observation(header=header_of(pairs))).passed is bool(
        found
    )


def is_one(text):
    return text in {"1", "0x1", "01"}


@given(st.integers(100, 999), st.integers(100, 999), st.integers(100, 999), st.integers(1, 9))
def test_a_status_is_in_a_span_as_its_number_is(status, one, other, hundreds):
    seen, first, last = Observation(status=status), min(one, other), max(one, other)
    assert evaluate(f"[STATUS] == {first}-{last}", seen).passed is (first <= status <= last)
    assert evaluate(f"[STATUS] == {hundreds}xx", seen).passed is (status // 100 == hundreds)
    assert evaluate(f"[STATUS] == any({hundreds}xx, {first}-{last})", seen).passed is (
        status // 100 == hundreds or first <= status <= last
    )


atoms = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", "a|b", "(?:ab|c)", "^", "$", "\\d", "(a*)", "b+", "c?", "a{2}"]
)
patterns = st.lists(atoms, min_size=1, max_size=4).map("".join)


@given(patterns, st.text("abc1\n", max_size=12))
def test_an_expression_is_found_where_a_backtracking_engine_finds_it(pattern, text):
    text = text.strip()
    assume("$" not in pattern or not text.endswith("\n"))
    found = re.search(pattern.replace("$", "\\Z"), text, re.DOTALL) is not None
    assert evaluate(f"[BODY] == matches({pattern})", Observation(body=text.encode())).passed is found


@pytest.mark.parametrize(
    "pattern", ["(a+)+z", ".*.*.*.*=", "(a|a)*z", "(x+x+)+y|(a+a+)+y", "(a|b)*a(a|b){16}c"]
)
def test_an_evil_pattern_on_an_evil_body_ends(pattern):
    """A backtracking engine would not live to see it."""
    body = (b"a" * 40 + b"ab" * 12) * 1_000
    assert evaluate(f"[BODY] != matches({pattern})", Observation(body=body)).passed
