"""Conditions in the spelling of other monitors and languages: what to write in their place."""

import re
from typing import NoReturn

from .parse_error import ParseError

_EITHER = re.compile(r"\s(or|\|\|)(?=\s)", re.IGNORECASE)
_BOTH = re.compile(r"\s(and|&&)(?=\s)", re.IGNORECASE)
_CALL = re.compile(r"(?<!\S)(?:len|has|pat|matches|any)\(.*?\)(?=\s|$)", re.DOTALL)
_EQUAL = re.compile(r"\s*(\S.*?)\s+==\s+(\S.*?)\s*")
_COMPARED = re.compile(r"\s(?:==|!=|<=|>=|<|>)\s")
_OPERATORS = {
    "=": "==", "===": "==", "is": "==", "eq": "==", "equals": "==", "<>": "!=", "ne": "!=", "is not": "!=",
}  # fmt: skip
_FINDS = {"=~": "==", "~": "==", "~=": "==", "matches": "==", "!~": "!=", "not matches": "!="}
_HOLDS = {"contains": "==", "not contains": "!="}
_LISTS = {"in": "==", "not in": "!="}
_WORDS = sorted((*_OPERATORS, *_FINDS, *_HOLDS, *_LISTS), key=len, reverse=True)
_SPELLED = re.compile(rf"(\S.*?)\s+({'|'.join(map(re.escape, _WORDS))})\s+(\S.*)", re.IGNORECASE | re.DOTALL)
_ABSENT = re.compile(r"(?:!|not\s+)\s*(has\(.*\))", re.IGNORECASE | re.DOTALL)
_FUNCTIONS = {
    "regex": "matches", "regexp": "matches", "re": "matches", "match": "matches", "contains": "pat",
    "glob": "pat", "like": "pat", "in": "any", "oneof": "any", "anyof": "any",
}  # fmt: skip


# `or` and `and`.


def refuse_either(text: str) -> None:
    """Raises: ParseError at an `or` outside of a function, which no condition has."""
    # Most conditions have neither word.
    if "or" not in text.lower() and "||" not in text:
        return
    masked = _CALL.sub(lambda call: "x" * len(call[0]), text)
    if found := _EITHER.search(masked):
        _refuse(text, found[1], found.start(1))


def refuse_both(text: str) -> None:
    """Raises: ParseError at an `and` between two comparisons, which are two conditions."""
    if "and" not in text.lower() and "&&" not in text:
        return
    masked = _CALL.sub(lambda call: "x" * len(call[0]), text)
    for found in _BOTH.finditer(masked):
        if _COMPARED.search(masked, 0, found.start(1)) and _COMPARED.search(masked, found.end(1)):
            problem = (
                f"there is no {found[1]!r} inside a condition: write two conditions, a list of them is and-ed"
            )
            raise ParseError(problem, found.start(1))


def _refuse(text: str, word: str, at: int) -> NoReturn:
    before, after = text[:at], text[at + len(word) :]
    head, tail = _EQUAL.fullmatch(before), _EQUAL.fullmatch(after)
    problem = f"there is no {word!r} inside a condition: write "
    if head and not _COMPARED.search(after):
        said = f"{head[1]} == {_joined(head[2], after.strip())}"
        itself = escaped(f"{head[2]} {word} {after.strip()}")
        problem += f"{said} (for the text itself write pat({itself}))"
    elif head and tail and head[1].upper() == tail[1].upper():
        problem += f"{head[1]} == {_joined(head[2], tail[2])}"
    else:
        problem += (
            "any() for several values of one fact, as in [STATUS] == any(200, 301), "
            "and for one of two facts a target each and a composite target with at_least: 1"
        )
    raise ParseError(problem, at)


def _joined(*values: str) -> str:
    options = [value[4:-1] if value.startswith("any(") and value.endswith(")") else value for value in values]
    return f"any({', '.join(options)})"


def escaped(text: str) -> str:
    """Returns the pattern of `pat()` that matches a text and nothing else."""
    return re.sub(r"([\\*?\[])", r"\\\1", text)


# Operators and functions.


def without_operator(text: str) -> ParseError | None:
    """Returns what to write for a condition in the spelling of others; None where it has no spelling that is known."""
    text = text.strip()
    if absent := _ABSENT.fullmatch(text):
        return ParseError(
            f"there is no {text[0] if text[0] == '!' else 'not'!r}: write {absent[1]} == false", 0
        )
    if text.startswith("has(") and text.endswith(")"):
        return ParseError(f"there is no operator: write {text} == true", len(text))
    found = _SPELLED.fullmatch(text)
    if found is None:
        return None
    left, spelled, right = found.groups()
    word = re.sub(r"\s+", " ", spelled.lower())
    return ParseError(f"there is no operator {spelled!r}: write {left} {_right(word, right)}", found.start(2))


def _right(word: str, right: str) -> str:
    plain = right.strip("\"'")
    if word in _OPERATORS:
        return f"{_OPERATORS[word]} {plain}"
    if word in _FINDS:
        slashed = len(plain) > 1 and plain.startswith("/") and plain.endswith("/")
        return f"{_FINDS[word]} matches({plain[1:-1] if slashed else plain})"
    if word in _HOLDS:
        return f"{_HOLDS[word]} pat(*{plain}*)"
    called = right.lower().startswith("any(") and right.endswith(")")
    listed = right if called else f"any({right.strip('()[]{}')})"
    return f"{_LISTS[word]} {listed}"


def function_for(name: str) -> str:
    """Returns the function of ours that does what one of another name does; empty where none is known."""
    return _FUNCTIONS.get(name.lower(), "")
