"""Plain scalars by the YAML 1.2 core schema: `no`, `on` and `12:30` are texts, `010` is ten."""

import json
import re
from math import isfinite
from typing import Any

from ...domain.limits import CONFIGURATION_DIGITS_MAX

Scalar = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STARTS = frozenset("0123456789+-.")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEXADECIMAL = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./@+-]*")
"""Texts that YAML reads as they stand, unless they are numbers or words such as true."""
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def resolve(text: str) -> Scalar:
    """The value of a plain scalar. Raises ValueError for a number that nothing can be done with."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS:
        return text
    return _number(text)


def _number(text: str) -> Scalar:
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is no finite number: write a number, or put it in quotes if it is a text")
    in_another_base = _OCTAL_OR_HEXADECIMAL.fullmatch(text)
    if not in_another_base and not _NUMBER.fullmatch(text):
        return text
    if len(text) > CONFIGURATION_DIGITS_MAX:
        raise ValueError(f"a number of {len(text):,} characters: {CONFIGURATION_DIGITS_MAX} is the most")
    if in_another_base:
        return int(text, 0)
    value = int(text) if _WHOLE.fullmatch(text) else float(text)
    if not isfinite(value):
        raise ValueError(f"{text} is too large for a number")
    return value


def as_written(value: Any) -> str:
    """Returns a scalar as YAML in one line: a text without quotes where it is read as that text, and in quotes otherwise."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and _is_text(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _is_text(word: str) -> bool:
    try:
        return isinstance(resolve(word), str)
    except ValueError:
        return False
