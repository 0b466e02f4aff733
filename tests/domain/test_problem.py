"""Problems: the words of a path, of a list that is cut, and of a key that was meant."""

import pytest
from msgspec import inspect
from watchkeeper.domain.limits import PROBLEM_WORD_CHARACTERS_MAX, PROBLEMS_MAX
from watchkeeper.domain.specification.construction.shape_words import mismatch
from watchkeeper.domain.specification.problem import Problem, capped, path_text, quoted, suggestion

LONGEST = "x" * PROBLEM_WORD_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("runtime",), "runtime"),
        (("targets", 0, "http", "url"), "targets[0].http.url"),
        (("a-b_C9",), "a-b_C9"),
        (("headers", "a b", 1), 'headers["a b"][1]'),
        (("", LONGEST + "y"), '[""].' + LONGEST + "y"),
        ((" " + LONGEST,), f'[" {LONGEST[:-2]}\\u2026"]'),
    ],
)
def test_a_path_is_written_as_people_write_it(path, text):
    assert path_text(path) == text


def test_the_problem_of_a_part_names_its_place_in_the_whole():
    problem = Problem(("url",), "is empty", at_key=True, depends_on=(("tls",),))
    assert str(problem.below(("http",))) == "http.url: is empty"
    assert problem.below(("http",)).depends_on == (("http", "tls"),)
    assert problem.below(("http",)).at_key
    assert str(Problem((), "is empty")) == "is empty"


@pytest.mark.parametrize(
    ("count", "more", "kept", "rest"),
    [
        (0, 0, 0, ()),
        (3, 0, 3, ()),
        (PROBLEMS_MAX, 0, PROBLEMS_MAX, ()),
        (PROBLEMS_MAX + 1, 0, PROBLEMS_MAX, ("and 1 more problem",)),
        (PROBLEMS_MAX + 2, 0, PROBLEMS_MAX, ("and 2 more problems",)),
        (3, 1, 3, ("and 1 more problem",)),
        (PROBLEMS_MAX + 1_000, 500, PROBLEMS_MAX, ("and 1,500 more problems",)),
    ],
)
def test_a_list_of_problems_is_cut_and_the_others_are_counted(count, more, kept, rest):
    lines = [f"line {number}" for number in range(count)]
    assert capped(lines, more) == (*lines[:kept], *rest)
    assert more or capped(lines) == capped(lines, 0)


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("evry", ["timeout", "every"], ", did you mean every"),
        ("EVERY", ["every", "ever"], ", did you mean every"),
        ("zzz", ["every"], ""),
        ("zzz", [], ""),
        # Names may be longer than a problem shows: no likeness is looked for, since that would take long.
        (LONGEST, [LONGEST[1:] + "y"], f", did you mean {LONGEST[1:]}y"),
        (LONGEST + "x", [LONGEST + "y"], ""),
    ],
)
def test_a_known_word_is_suggested_where_one_is_close(word, known, said):
    assert suggestion(word, known) == said


def test_a_whole_number_without_bounds_may_be_any():
    assert [mismatch(number, inspect.type_info(int)) for number in (-(10**30), 0, 10**30)] == ["", "", ""]
    assert (
        mismatch("5", inspect.type_info(int))
        == "expected a whole number, got a text: write it without quotes"
    )


def test_a_quoted_word_is_of_bounded_length():
    assert quoted(LONGEST) == repr(LONGEST)
    assert quoted(LONGEST + "x") == repr(LONGEST[:-1] + "…")
