"""The notation of promtool for the values of a series: `1x10 0x5 _x3 stale`, `a+bxn` and `a-bxn`."""

import re
from math import isfinite

from ...domain.limits import SERIES_VALUES_MAX
from ...domain.specification.problem import quoted

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_GAP = re.compile(r"_(?:x([0-9]+))?")
_VALUES = re.compile(rf"([-+]?{_NUMBER})(?:(?:([-+])({_NUMBER}))?x([0-9]+))?")
_NOT_FINITE = re.compile(r"[-+]?(?:nan|inf)", re.IGNORECASE)
_WORD = re.compile(r"\S+")
_DIGITS_MAX = len(str(SERIES_VALUES_MAX))
FORMS = "1 0.5 1x10 0+5x3 100-5x3 _ _x3 stale"


def expanded(text: str) -> list[float | None]:
    """Returns the values of a series, one for each step; None for a step without one.

    `1x3` is 1 and three more of it, `1+2x3` is 1 3 5 7, `1-2x3` is 1 -1 -3 -5, `_x3` is three steps without a value, and
    `stale` is one, because a check either finds a value or none.

    Raises: ValueError with the place in the text and what would be right.
    """
    values: list[float | None] = []
    for word in _WORD.finditer(text):
        try:
            values += _of_word(word[0], SERIES_VALUES_MAX - len(values))
        except ValueError as error:
            raise ValueError(f"character {word.start() + 1}: {error}") from None
    if not values:
        raise ValueError(f"a series without values: write them like {FORMS}")
    return values


def _of_word(word: str, room: int) -> list[float | None]:
    if word.startswith("{{"):
        raise ValueError("a native histogram is no value of a check: write one series for each figure")
    if word == "stale":
        return [None] * _bounded(1, room)
    if gap := _GAP.fullmatch(word):
        return [None] * _bounded(1 if gap[1] is None else _count(gap[1]), room)
    found = _VALUES.fullmatch(word)
    if found is None:
        if _NOT_FINITE.fullmatch(word):
            raise ValueError(f"{quoted(word)} is no figure of a check: write _ for a step without a value")
        raise ValueError(f"{quoted(word)} is no value of a series: write them like {FORMS}")
    first, sign, step, times = found.groups()
    count = _bounded(1 if times is None else _count(times) + 1, room)
    by = float(step or 0) * (-1 if sign == "-" else 1)
    values: list[float | None] = [float(first) + by * number for number in range(count)]
    if not all(value is not None and isfinite(value) for value in (values[0], values[-1])):
        raise ValueError(f"{quoted(word)} is too large for a number")
    return values


def _count(digits: str) -> int:
    """Returns a number of repetitions. Converting many digits takes long, and so many repetitions are refused anyway."""
    plain = digits.lstrip("0")
    return int(plain or "0") if len(plain) <= _DIGITS_MAX else SERIES_VALUES_MAX + 1


def _bounded(count: int, room: int) -> int:
    if count > room:
        raise ValueError(f"the series has more than the {SERIES_VALUES_MAX:,} values that are read")
    return count
