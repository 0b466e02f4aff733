"""JSON from strangers: bounded, strict, and walked by paths."""

import inspect
import json
import sys
import time
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from watchkeeper.domain.conditions.json_document import compact_json, nested_deeper, parse_json
from watchkeeper.domain.conditions.json_path import find, parse_path
from watchkeeper.domain.conditions.parse_error import ParseError
from watchkeeper.domain.limits import BODY_BYTES_MAX, JSON_DEPTH_MAX, JSON_STEPS_MAX

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"NaN",
        b"[NaN]",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"9" * 5000,
        b'{"a":1}x',
        b'{"a":1,}',
        b'"\xff"',
        b"\xff",
        b'"\\ud800"',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b"[" * 5000 + b"]" * 5000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b"[" * (JSON_DEPTH_MAX + 1) + b"]" * (JSON_DEPTH_MAX + 1),
        b'["' + b'\\"' * 30_000,
    ],
)
def test_a_body_that_is_no_json_within_bounds_is_refused(body):
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_json(body)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * JSON_DEPTH_MAX + b"]" * JSON_DEPTH_MAX,
        b"[" + b",".join([b"[]"] * 500) + b"]",
        b"[" + b",".join([b'{"a":[{}]}'] * 300) + b"]",
        b'["' + b"[{" * 500 + b'"]',
        b'["' + b'\\"[' * 500 + b'"]',
        b"9" * 400,
    ],
)
def test_a_document_within_the_bounds_is_read(body):
    assert parse_json(body) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "deeper"),
    [
        (b"[" * 100, False),
        (b"[" * 101, True),
        (b"[" * 100 + b"]" * 100, False),
        (b"[" * 101 + b"]" * 101, True),
        (b'{"a":' * 101 + b"1" + b"}" * 101, True),
        (b"[{" * 51, True),
        (b"[]" * 101, False),
        (b'"' + b"[" * 101 + b'"', False),
        (b'"\\"' + b"[" * 101 + b'"', False),
    ],
    ids=range(9),
)
def test_levels_are_counted_closed_or_not(body, deeper):
    assert nested_deeper(body, 100) is deeper


def below(frames, call):
    return below(frames - 1, call) if frames else call()


@pytest.mark.parametrize("left", [20, 40, 60])
def test_a_document_that_the_stack_of_the_caller_has_no_room_for_is_refused(left):
    body = b"[" * JSON_DEPTH_MAX + b"]" * JSON_DEPTH_MAX
    frames = sys.getrecursionlimit() - len(inspect.stack(0)) - left
    with pytest.raises(ValueError, match="nested too deep to read here"):
        below(frames, lambda: parse_json(body))


def test_brackets_that_never_close_are_counted_in_no_time():
    body = b"[" * BODY_BYTES_MAX
    before = time.process_time()
    assert nested_deeper(body, JSON_DEPTH_MAX)
    assert time.process_time() - before < 1, "every level is another pass over the body"


def test_of_duplicate_keys_the_last_wins():
    assert parse_json(b'{"a": 1, "a": 2}') == {"a": 2}


@given(documents)
def test_a_document_is_read_as_everybody_reads_it(document):
    assert parse_json(json.dumps(document).encode()) == document
    assert json.loads(compact_json(document)) == document


def nested(openers):
    """One level for each opener, with brackets in texts and an empty neighbour that is one level deeper."""
    body = "1"
    for opener in openers:
        body = f'["]{{[", [], {body}]' if opener == "[" else f'{{"[\\"{{": {{}}, "a": {body}}}'
    return body.encode()


@given(st.lists(st.sampled_from("[{"), min_size=JSON_DEPTH_MAX - 4, max_size=JSON_DEPTH_MAX + 2))
def test_the_depth_is_counted_and_texts_are_not(openers):
    within = len(openers) + 1 <= JSON_DEPTH_MAX
    with nullcontext() if within else pytest.raises(ValueError, match="nested deeper than 100"):
        assert parse_json(nested(openers)) == json.loads(nested(openers))


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("a", ("a",)),
        (".a", ("a",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ("[0].id", (0, "id")),
        (".[0].id", (0, "id")),
        ("rows[1][2]", ("rows", 1, 2)),
        ("first name.x", ("first name", "x")),
        ("ids.0", ("ids", "0")),
        ("a-b_c.é", ("a-b_c", "é")),
        (".".join("a" * JSON_STEPS_MAX), ("a",) * JSON_STEPS_MAX),
    ],
)
def test_a_path_is_keys_and_indexes(path, steps):
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ("", 0),
        (".", 1),
        ("a.", 2),
        ("a..b", 2),
        ("a[x]", 1),
        ("a[-1]", 1),
        ("a[*].b", 1),
        ("a[]", 1),
        ("a[0", 1),
        ("a]", 1),
        ("a[0]b", 4),
        ("a[0.5]", 1),
        (".".join("a" * (JSON_STEPS_MAX + 1)), 2 * JSON_STEPS_MAX),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_in_place(path, position):
    with pytest.raises(ParseError) as caught:
        parse_path(path)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data[1].apps[0].name", "x"),
        ("data[1].apps", [{"name": "x"}]),
        ("data[2]", UNSET),
        ("data.apps", UNSET),
        ("data[0].apps", UNSET),
        ("none", None),
        ("none.more", UNSET),
        ("text[0]", UNSET),
        ("text.more", UNSET),
        ("[0]", UNSET),
    ],
)
def test_a_path_finds_what_stands_there_or_nothing(path, found):
    document = {"data": [None, {"apps": [{"name": "x"}]}], "none": None, "text": "abc"}
    assert find(document, parse_path(path)) == found
