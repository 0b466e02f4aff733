"""Values of conditions: JSON values, their text and number forms, and their equality."""

import math
import re
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from ..limits import NUMBER_CHARACTERS_MAX
from ..time.duration import parse_duration
from ..units import NS_PER_MS
from .json_document import compact_json

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Number: TypeAlias = int | float


class Missing(msgspec.Struct, frozen=True):
    """A fact that cannot be had, and why."""

    reason: str
    absent: bool = True
    """False when something is there that cannot be read: `has()` is then an error, not false."""


Texts: TypeAlias = tuple[str, ...]
"""Several texts of one fact, such as the lines of a header; never empty. JSON's arrays are lists."""
Value: TypeAlias = "Json | Missing | Texts"

_INTEGER = re.compile(r"[+-]?[0-9][0-9A-Za-z_]*")
_OLD_OCTAL = re.compile(r"(?<![0-9A-Za-z_])0(?=_?[0-7])")
"""The zero of `017`, which Python writes `0o17`."""
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def text_of(value: Json) -> str:
    """A text as it is; true, false, null and numbers as JSON writes them; arrays and objects as compact JSON."""
    return value if isinstance(value, str) else compact_json(value)


def integer_of(text: str) -> int | None:
    """The integer that `text` writes in Go's base 0: `200`, `-5`, `1_000`, `0x1F`, `0o17`, `017`, `0b11`."""
    if len(text) > NUMBER_CHARACTERS_MAX or _INTEGER.fullmatch(text) is None:
        return None
    try:
        return int(_OLD_OCTAL.sub("0o", text), 0)
    except ValueError:
        return None


def number_of(value: Value) -> Number | None:
    """Returns the number that an ordering compares: a number itself; of a text its duration in milliseconds, integer or float."""
    match value:
        case (str() as only,) if isinstance(value, tuple):
            return _number_in(only)
        case bool():
            return None
        case int() | float():
            return value
        case str():
            return _number_in(value)
        case _:
            return None


def each_of(value: "Json | Texts") -> "Sequence[Json]":
    """Returns what equality is tried with: each text of a fact of several, else the value itself."""
    return value if isinstance(value, tuple) else (value,)


def is_number(value: Json) -> bool:
    """Truth is no number here, though Python's bool is an int."""
    return type(value) is int or type(value) is float


def milliseconds(duration_ns: int) -> Number:
    """Exact: an integer when it is whole, so that `300ms` and `300` are the same."""
    whole, rest_ns = divmod(duration_ns, NS_PER_MS)
    return duration_ns / NS_PER_MS if rest_ns else whole


def equal(one: Json, other: Json) -> bool:
    """Numbers meet as numbers; two texts as integers when both write one, else letter by letter."""
    if is_number(one) or is_number(other):
        number = number_of(one)
        return number is not None and number == number_of(other)
    text, other_text = text_of(one), text_of(other)
    if text == other_text:
        return True
    integer = integer_of(text)
    return integer is not None and integer == integer_of(other_text)


def _number_in(text: str) -> Number | None:
    if len(text) > NUMBER_CHARACTERS_MAX:
        return None
    found = (read(text) for read in (_duration_ms_in, integer_of, _float_in))
    return next((number for number in found if number is not None), None)


def _duration_ms_in(text: str) -> Number | None:
    if not text[-1:].isalpha():
        return None
    signed = text[0] in "+-"
    try:
        duration_ns = parse_duration(text[signed:])
    except ValueError:
        return None
    return milliseconds(-duration_ns if text[0] == "-" else duration_ns)


def _float_in(text: str) -> float | None:
    if _FLOAT.fullmatch(text) is None:
        return None
    number = float(text)
    return number if math.isfinite(number) else None
