"""Globs: the syntax of Go's filepath.Match, without its special case of slashes, in linear time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.conditions.glob import Glob
from watchkeeper.domain.conditions.parse_error import ParseError


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("*", "livingroom_123", True),
        ("**", "livingroom_123", True),
        ("living*", "livingroom_123", True),
        ("*living*", "livingroom_123", True),
        ("*123", "livingroom_123", True),
        ("*vin*om*2*", "livingroom_123", True),
        ("livingroom_123", "livingroom_123", True),
        ("livingroom", "livingroom_123", False),
        ("livingroom123", "livingroom_123", False),
        ("*what*", "livingroom_123", False),
        ("*.*", "livingroom_123", False),
        ("room*123", "livingroom_123", False),
        ("", "", True),
        ("", "a", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("ab*ba", "aba", False),
        ("*ab*ab*", "ab-ab", True),
        ("*ab*ab*", "aba", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a?c", "a\nc", True),
        ("a*c", "a\n\nc", True),
        ("a?c", "aéc", True),
        ("?*?", "a", False),
        ("*?b", "aab", True),
        ("*a?c*", "xxabcyy", True),
        ("[a-c]x", "bx", True),
        ("[a-c]x", "dx", False),
        ("[^a-c]x", "dx", True),
        ("[^a-c]x", "ax", False),
        ("[abc]", "c", True),
        ("[a-cx-z]", "y", True),
        (r"[\]]", "]", True),
        (r"[\-]", "-", True),
        ("[!a]", "!", True),
        ("[z-a]", "m", False),
        ("[^z-a]", "m", True),
        ("[.]", "x", False),
        ("[[]", "[", True),
        ("a]b", "a]b", True),
        (r"\*", "*", True),
        (r"\*", "x", False),
        (r"a\[b", "a[b", True),
        (r"\\", "\\", True),
        ("a.c", "abc", False),
        ("*</div>*", "<p><div>x</div></p>", True),
        ("a*b", "a/x/y/b", True),
        ("ab", "a/b", True),
        ("a/b", "ab", True),
        ("?", "/", False),
    ],
)
def test_a_glob_matches_what_it_is_said_to_match(pattern, text, matches):
    assert Glob.compile(pattern).matches(text) is matches


@pytest.mark.parametrize(
    ("pattern", "position"),
    [
        ("[", 0),
        ("a[b", 1),
        ("[]", 1),
        ("[]a]", 1),
        ("[a-]", 3),
        ("[-a]", 1),
        ("[^]", 2),
        ("[a-", 0),
        ("ab\\", 2),
        ("[/]", 1),
    ],
)
def test_a_glob_that_does_not_end_is_refused_in_place(pattern, position):
    with pytest.raises(ParseError) as caught:
        Glob.compile(pattern)
    assert caught.value.position == position


def test_many_stars_take_one_pass_and_no_more():
    assert not Glob.compile("*" + "a*" * 200 + "b*").matches("a" * 60_000)
    assert not Glob.compile("*" + "?a*" * 100 + "?b*").matches("a" * 60_000)
    assert not Glob.compile("*" + "a" * 400 + "b*").matches("a" * 1_000_000)
    assert not Glob.compile("*[ab]*" * 100 + "c").matches("ab" * 30_000 + "d")


def naive_match(pattern, text):
    """The definition, with all its exponential freedom."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive_match(pattern[1:], text[skip:]) for skip in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and naive_match(pattern[1:], text[1:])


@given(st.text("ab?*", max_size=9), st.text("abc", max_size=9))
def test_the_matcher_agrees_with_the_naive_definition(pattern, text):
    assert Glob.compile(pattern).matches(text) is naive_match(pattern, text)


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_classes_of_one_mean_their_character(pattern, text):
    classed = "".join(char if char == "*" else f"[{char}]" for char in pattern)
    assert Glob.compile(classed).matches(text) is naive_match(pattern, text)


@given(st.text(r"ab-^[]\*?/", max_size=12), st.text("ab-^]", max_size=6))
def test_any_pattern_is_compiled_or_refused_in_place(pattern, text):
    try:
        glob = Glob.compile(pattern)
    except ParseError as error:
        assert 0 <= error.position <= len(pattern)  # noqa: PT017 - either end is right
    else:
        assert glob.matches(text) in {True, False}
