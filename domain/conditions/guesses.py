"""What other monitors and languages write in place of an operator or a function of ours."""

import re

from .parse_error import ParseError

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
