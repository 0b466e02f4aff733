"""No regular expression takes exponential time: within a repetition, no repeated end may also be read as the next beginning.

`([0-9.]*[a-z]+)+` can divide `aaaa` in eight ways, and tries all of them where the text does not fit in the end. The bound on the length of
a text is no help: forty characters take hours.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# Private, as no public module says what an expression consists of: `sre_parse`, the public name of the same, is deprecated since 3.11. Where
# a version of Python changes it, this fails at its import or at an item that it does not know, and nothing is let through.
from re import _constants as codes
from re import _parser as parser

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("actors", "adapters", "client", "domain", "host", "launcher", "protocol", "testing", "web")
SIGNS = [*map(chr, range(256)), "…", "μ", "\u2028"]
"""The signs that stand for all others: each class of an expression is held against these."""
REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)
"""Possessive repetitions and atomic groups give nothing back, so that nothing is divided anew."""
NOTHING = {codes.ASSERT, codes.ASSERT_NOT, codes.AT}
ENDS = {(codes.AT, codes.AT_END), (codes.AT, codes.AT_END_STRING)}
"""The end of a text, behind which at most a line end follows."""
MANY = 10
"""A repetition of a group that may come so often is taken for one without an end."""


@cache
def signs_of(item):
    """The signs that an item of one sign fits."""
    expression = re.compile(_one(item), re.DOTALL)
    return frozenset(sign for sign in SIGNS if expression.fullmatch(sign))


def _one(item):
    code, value = item
    if code is codes.ANY:
        return "."
    if code in {codes.LITERAL, codes.NOT_LITERAL}:
        return f"[{'^' if code is codes.NOT_LITERAL else ''}{re.escape(chr(value))}]"
    return f"[{''.join(map(_part, value))}]"


def _part(part):
    code, value = part
    if code is codes.NEGATE:
        return "^"
    if code is codes.LITERAL:
        return re.escape(chr(value))
    if code is codes.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return {
        codes.CATEGORY_DIGIT: r"\d",
        codes.CATEGORY_NOT_DIGIT: r"\D",
        codes.CATEGORY_SPACE: r"\s",
        codes.CATEGORY_NOT_SPACE: r"\S",
        codes.CATEGORY_WORD: r"\w",
        codes.CATEGORY_NOT_WORD: r"\W",
    }[value]


def frozen(items):
    """An expression as tuples, which is what `parser` returns in its own lists."""
    if isinstance(items, parser.SubPattern | list | tuple):
        return tuple(frozen(item) for item in items)
    return items


def branches(item):
    """The sequences that stand for an item which holds others; none for one of a single sign."""
    code, value = item
    if code is codes.SUBPATTERN:
        return [value[3]]
    if code is codes.BRANCH:
        return list(value[1])
    if code is codes.ATOMIC_GROUP:
        return [value]
    return []


def begins(sequence):
    """The signs with which a sequence may begin, and whether it may be empty."""
    found = frozenset()
    for code, value in sequence:
        if (code, value) in ENDS:
            return found | frozenset("\n"), False
        if code in NOTHING:
            continue
        if code in {*REPEATS, codes.POSSESSIVE_REPEAT}:
            signs, may_be_empty = begins(value[2])
            may_be_empty = may_be_empty or value[0] == 0
        elif code is codes.GROUPREF:
            signs, may_be_empty = frozenset(SIGNS), True
        elif inner := branches((code, value)):
            each = [begins(one) for one in inner]
            signs = frozenset().union(*(signs for signs, _ in each))
            may_be_empty = any(is_empty for _, is_empty in each)
        else:
            signs, may_be_empty = signs_of((code, value)), False
        found |= signs
        if not may_be_empty:
            return found, False
    return found, True


def repeated_ends(sequence):
    """The signs of repetitions without an end with which a sequence may end."""
    found = frozenset()
    for code, value in reversed(sequence):
        if code in REPEATS:
            found |= repeated_ends(value[2])
            if value[1] >= MANY:
                found |= begins(value[2])[0]
        elif code is not codes.ATOMIC_GROUP:
            for one in branches((code, value)):
                found |= repeated_ends(one)
        if not begins(((code, value),))[1]:
            break
    return found


def divided(sequence) -> Iterator[str]:
    """Yields, for each repetition of something that ends as it may begin, the signs that can be divided in many ways."""
    for code, value in sequence:
        if code in {*REPEATS, codes.POSSESSIVE_REPEAT}:
            common = repeated_ends(value[2]) & begins(value[2])[0]
            if value[1] >= MANY and common:
                yield "".join(sorted(common))
            yield from divided(value[2])
        elif code in {codes.ASSERT, codes.ASSERT_NOT}:
            yield from divided(value[1])
        for one in branches((code, value)):
            yield from divided(one)


def found_in(pattern):
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    return [*divided(frozen(parser.parse(text)))]


def patterns():
    """The expressions of the product by the place that has them: constants of modules, and those that stand in a call."""
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    for path in files:
        source, place = path.read_text(), path.relative_to(ROOT).as_posix()
        if "import re\n" not in source and "_PATTERN = " not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="re"), attr=verb),
                    args=[ast.Constant(value=str() | bytes() as text), *_],
                ) if verb != "escape":
                    yield f"{place}:{node.lineno}", text
        name = ".".join(["watchkeeper", *Path(place).with_suffix("").parts]).removesuffix(".__init__")
        for constant, value in vars(importlib.import_module(name)).items():
            if isinstance(value, re.Pattern):
                yield f"{place}:{constant}", value.pattern
            elif constant.endswith("_PATTERN") and isinstance(value, str):
                yield f"{place}:{constant}", value


def test_no_expression_divides_a_text_in_exponentially_many_ways():
    found = dict(patterns())
    assert len(found) > 150
    assert {place: signs for place, text in found.items() if (signs := found_in(text))} == {}


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (r"([0-9.]*[a-z]+)+", True),
        (r"(a+)+", True),
        (r"(?:\w+\s*)*", True),
        (r"(a|b+)*", True),
        (r"(?:x(?:[^y]*z?))*", True),
        (r"([0-9.]*[a-z])+", False),
        (r"(\w+\s)*", False),
        (r"(?:[^']|''){0,128}", False),
        (r'"[^"\\]*(?:\\.[^"\\]*)*"', False),
        (r"(?:[a-z]{1,12}(?:/|$))*", False),
        (r"(?>a+)+", False),
        (r"(?:a++)+", False),
        (r"(?:\s*,\s*\d{3})+", False),
    ],
)
def test_the_rule_finds_a_repeated_end_that_may_be_the_next_beginning(text, is_found):
    assert bool(found_in(text)) is is_found
