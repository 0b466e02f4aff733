"""Plain scalars by the YAML 1.2 core schema: `no`, `on` and `12:30` are texts, `010` is ten."""

import re
from math import isfinite

from ...domain.limits import CONFIGURATION_DIGITS_MAX

Scalar = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_STARTS = frozenset("0123456789+-.")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
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
    if len(text) > CONFIGURATION_DIGITS_MAX:
        return _long(text)
    if _WHOLE.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 0)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    return _fraction(text) if _NUMBER.fullmatch(text) else text


def _fraction(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text} is too large for a number")
    return value


def _long(text: str) -> str:
    """A long text may start like a number; a long number may not stand at all."""
    for pattern in (_WHOLE, _OCTAL, _HEXADECIMAL, _NUMBER):
        if pattern.fullmatch(text):
            raise ValueError(f"a number of {len(text):,} characters: {CONFIGURATION_DIGITS_MAX} is the most")
    return text
