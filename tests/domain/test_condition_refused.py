"""Texts that are no condition: each is refused when it is compiled, at the character, with what would be right."""

import pytest
from watchkeeper.domain.conditions.condition import ConditionError, compile_condition, evaluate
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.observation.observation import Observation

REFUSED = [
    ("", 1, "no operator"),
    ("[STATUS]", 9, "no operator"),
    ("[STATUS] ? 201", 15, "no operator"),
    ("[STATUS]==201", 9, "blank on both sides, like [STATUS] == 200"),
    ("[STATUS] = 201", 10, "there is no operator '=': write [STATUS] == 201"),
    ("[STATUS]=201", 9, "blank on both sides, like [STATUS] == 200"),
    ("[STATUS] in (200, 201)", 10, "there is no operator 'in': write [STATUS] == any(200, 201)"),
    ("[STATUS] NOT IN any(500)", 10, "there is no operator 'NOT IN': write [STATUS] != any(500)"),
    ("[BODY] =~ /o+k/", 8, "write [BODY] == matches(o+k)"),
    ("[BODY] !~ 'o+k'", 8, "write [BODY] != matches(o+k)"),
    ("[BODY].a contains ok", 10, "write [BODY].a == pat(*ok*)"),
    ("[STATUS] is not 200", 10, "write [STATUS] != 200"),
    ("!has([BODY].x)", 1, "there is no '!': write has([BODY].x) == false"),
    ("not has([BODY].x)", 1, "there is no 'not': write has([BODY].x) == false"),
    ("has([BODY].x)", 14, "write has([BODY].x) == true"),
    (
        "[BODY] == regex(o+k)",
        11,
        "there is no function regex(): write matches() (for the text itself write pat(regex(o+k)))",
    ),
    ("[BODY].a == contains(x)", 13, "there is no function contains(): write pat()"),
    ("[STATUS] ==", 10, "blank on both sides"),
    ("[STATUS] <300", 10, "like [STATUS] < 200"),
    ("[STATUS] == 200 == 200", 17, "a second time"),
    ("[STATUS] == == 200", 13, "a second time"),
    ("1 > 2 <= 3", 1, "'1 > 2' is no number"),
    ("[STATSU] == 200", 1, "did you mean [STATUS]?"),
    ("200 == [RESPONSETIME]", 8, "did you mean [RESPONSE_TIME]?"),
    ("[HEADER].x == 1", 1, "did you mean [HEADERS]?"),
    ("[ANSWER].x == 1", 1, "there is no placeholder [ANSWER]: there are STATUS, CONNECTED, "),
    ("[HEADERS] == 1", 10, "after a dot, like [HEADERS].content-type"),
    ("[HEADERS]. == 1", 10, "after a dot"),
    ("[HEADERS][server] == x", 10, "after a dot"),
    ("[HEADERS].a b == 1", 10, "after a dot"),
    ("[HEADERS].a[-1] == 1", 10, "[HEADERS].set-cookie[0]"),
    (
        "[CERTIFICATE] == 1",
        14,
        "there are [CERTIFICATE].issuer, [CERTIFICATE].chain_expiration, [CERTIFICATE].names",
    ),
    ("[CERTIFICATE].isuer == x", 14, "did you mean [CERTIFICATE].issuer?"),
    ("[CERTIFICATE].issuer[0] == x", 14, "no such part"),
    ("[CERTIFICATE].names > 5", 1, "is no number"),
    ("[CERTIFICATE].issuer > 5", 1, "is no number"),
    ("[STATUS] < 2xx", 12, "2xx stands for several numbers: it goes with == and != only"),
    ("[STATUS] == 299-200", 13, "ends before it begins: write 200-299"),
    ("[STATUS] == any(1, 299-200)", 13, "ends before it begins: write 200-299"),
    ("[BODY] == matches((a)", 19, "cannot be used: missing )"),
    ("[BODY] == matches(a(?!b))", 19, "cannot be used: invalid perl operator: (?!"),
    ("[BODY] == matches(a\\1)", 19, "cannot be used: invalid escape sequence"),
    ("[BODY] == matches(a{900})", 19, "more than 512"),
    ("[BODY] == any(x, matches((a))", 26, "cannot be used: missing )"),
    ("[BODY] < matches(a)", 10, "== and != only"),
    ("Matches([BODY]) == true", 1, "did you mean matches()?"),
    ("[STATUS] == 200 or 301", 17, "there is no 'or' inside a condition: write [STATUS] == any(200, 301)"),
    ("[STATUS] == any(200, 204) or 301", 27, "write [STATUS] == any(200, 204, 301)"),
    (
        "[STATUS] == 200 OR [status] == 301",
        17,
        "there is no 'OR' inside a condition: write [STATUS] == any(200, 301)",
    ),
    ("[BODY] == yes or no", 15, "write [BODY] == any(yes, no) (for the text itself write pat(yes or no))"),
    ("[BODY] == a* or b", 14, "write pat(a\\* or b)"),
    (
        "[STATUS] == 200 || [BODY] == ok",
        17,
        "there is no '||' inside a condition: write any() for several values",
    ),
    ("[STATUS] < 200 or [STATUS] > 300", 16, "a composite target with at_least: 1"),
    ("[STATUS == 200", 1, "write [STATUS]"),
    ("[STATUS].code == 200", 9, "has no parts"),
    ("[STATUS]x == 200", 9, "has no parts"),
    ("[BODY]x == 200", 7, "after a dot"),
    ("[BODY]. == 200", 8, "empty name"),
    ("[BODY].a..b == 1", 10, "empty name"),
    ("[BODY].a[x] == 1", 9, "an index is a number"),
    ("[BODY].a[-1] == 1", 9, "an index is a number"),
    ("[BODY].a[*].b == 1", 9, "an index is a number"),
    ("[BODY].a[0 == 1", 9, "an index is a number"),
    ("[CONTEXT] == 1", 10, "a path follows [CONTEXT]"),
    ("[BODY].x) == 1", 7, "not balanced"),
    ("len([BODY].x == 1", 4, "never closed"),
    ("[BODY] == pat(abc", 14, "never closed"),
    ("[STATUS] == any(1, 2", 16, "never closed"),
    ("[BODY] == pat([)", 15, "the class [ has no end"),
    ("[BODY] == pat(ab\\)", 17, "ends in a backslash"),
    ("[BODY] == any(x, pat([))", 22, "the class [ has no end"),
    ("[BODY] == any()", 15, "lists nothing"),
    ("[STATUS] == any(200, [BODY].x)", 22, "not read inside it"),
    ("[STATUS] == any(200, any(1))", 22, "not read inside it"),
    ("len(abc) == 3", 5, "takes a placeholder"),
    ("has(len([BODY].x)) == true", 5, "takes a placeholder"),
    ("len([BODY].a[x]) == 3", 13, "an index is a number"),
    ("LEN([BODY].x) == 3", 1, "did you mean len()?"),
    ("LEN(x) == 3", 1, "did you mean len()?"),
    (
        "age([BODY].x) == 3",
        1,
        "there is no function age(): there are len(), has(), pat(), matches() and any()",
    ),
    ("[BODY] < pat(a*)", 10, "== and != only"),
    ("any(1, 2) >= [STATUS]", 1, "== and != only"),
    ("pat(a) == pat(b)", 11, "on both sides"),
    ("[RESPONSE_TIME] < potato", 19, "'potato' is no number and no duration"),
    ("potato < [RESPONSE_TIME]", 1, "'potato' is no number"),
    ("[RESPONSE_TIME] < ", 19, "is no number"),
    ("[RESPONSE_TIME] < nan", 19, "is no number"),
    ("[RESPONSE_TIME] < inf", 19, "is no number"),
    ("[STATUS] >= 200 and [STATUS] < 300", 17, "there is no 'and' inside a condition: write two conditions"),
    ("[STATUS] == 200 && [BODY] == ok", 17, "a list of them is and-ed"),
    ("[RESPONSE_TIME] < 300 ms", 19, "above or below it: write 300ms"),
    ("[IP] > 5", 1, "[IP] is no number"),
    ("[CONNECTED] > 0", 1, "[CONNECTED] is no number"),
    ("has([BODY].x) > 0", 1, "is no number"),
    ("[BODY] == " + "x" * 503, 513, "more than the 512"),
    ("[STATUS] == any(" + "1," * 64 + "1)", 145, "more than 64 options"),
]


@pytest.mark.parametrize(("text", "character", "problem"), REFUSED)
def test_nonsense_is_refused_in_place_with_a_hint(text, character, problem):
    with pytest.raises(ConditionError) as caught:
        compile_condition(text)
    assert f": character {character}: " in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(("text", "_character", "_problem"), REFUSED)
def test_evaluating_nonsense_fails_and_never_raises(text, _character, _problem):
    result = evaluate(text, Observation(status=200, body=b"x"))
    assert not result.passed
    with pytest.raises(ConditionError) as caught:
        compile_condition(text)
    assert result.error == str(caught.value)


@pytest.mark.parametrize("text", ["[BODY] == " + "x" * 502, "[STATUS] == any(" + "1," * 63 + "1)"])
def test_the_longest_condition_and_the_longest_list_are_accepted(text):
    assert compile_condition(text).text == text


def test_the_error_is_a_value_error_of_the_configuration():
    with pytest.raises(ValueError, match="no operator") as caught:
        compile_condition("[STATUS]")
    assert isinstance(caught.value, ConfigurationError)
    assert len(caught.value.problems) == 1
