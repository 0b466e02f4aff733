"""Lengths of time as people write them: `500ms`, `1m30s`, `48h`, `7d`, `2w`."""

import re
from datetime import timedelta
from functools import lru_cache
from typing import TypeAlias

from ..limits import DURATION_CHARACTERS_MAX, DURATION_NS_MAX, DURATIONS_KEPT
from ..units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S, NS_PER_US, NS_PER_WEEK

__all__ = ["NS_PER_DAY", "NS_PER_HOUR", "NS_PER_MINUTE", "format_duration", "parse_duration"]

Duration: TypeAlias = str | float | timedelta
"""A length of time as a host may write it: a text such as `1m30s`, a number of seconds, or a timedelta."""

_UNITS_NS = {
    "w": NS_PER_WEEK,
    "d": NS_PER_DAY,
    "h": NS_PER_HOUR,
    "m": NS_PER_MINUTE,
    "s": NS_PER_S,
    "ms": NS_PER_MS,
    "us": NS_PER_US,
    "µs": NS_PER_US,  # U+00B5, the micro sign
    "μs": NS_PER_US,  # U+03BC, the Greek letter that looks the same
    "ns": 1,
}
_TERM = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)([^0-9.]*)")
_RIGHT = "write it like 500ms, 1m30s, 48h or 7d"


# The same few texts stand in every target: a runtime of 100,000 would parse a million of them.
@lru_cache(DURATIONS_KEPT)
def parse_duration(text: str) -> int:
    """Nanoseconds of a length like `1m30s`: terms from large to small, each unit once, fractions allowed.

    A bare `0` needs no unit. Raises: ValueError, saying what was seen and what is right.
    """
    if text == "0":
        return 0
    if not text:
        raise ValueError(f"an empty text is no duration: {_RIGHT}")
    if len(text) > DURATION_CHARACTERS_MAX:
        raise ValueError(f"a text of {len(text)} characters is no duration: {_RIGHT}")
    # The longest duration is longer than every unit, so that the first term may have any.
    total_ns, smallest_ns, position = 0, DURATION_NS_MAX, 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None:
            below_zero = (
                " is below zero: a duration is a length,"
                if text.startswith(("-", "−"))
                else " is no duration:"
            )
            raise ValueError(f"{text!r}{below_zero} {_RIGHT}")
        unit_ns = _unit_ns(text, term[2])
        if unit_ns >= smallest_ns:
            raise ValueError(f"{text!r} is no duration: units go from large to small, each once; {_RIGHT}")
        total_ns += _term_ns(text, term[1], unit_ns)
        smallest_ns, position = unit_ns, term.end()
    if total_ns > DURATION_NS_MAX:
        raise ValueError(f"{text!r} is more than the 100 years that a duration may have")
    return total_ns


def duration_ns(length: Duration) -> int:
    """Nanoseconds of a length in any of its forms; fractions of a nanosecond are rounded.

    Raises: ValueError for a text that is no duration, and for what is below zero, not finite, or more than 100 years.
    Raises: TypeError for what is neither text, number nor timedelta.
    """
    match length:
        case str():
            return parse_duration(length)
        case timedelta():
            length_ns = length // timedelta(microseconds=1) * NS_PER_US
            if 0 <= length_ns <= DURATION_NS_MAX:
                return length_ns
        case int() | float() if not isinstance(length, bool):
            # Compared before it is multiplied: a float may be NaN or infinite, an int may have 5,000 digits.
            if 0 <= length <= DURATION_NS_MAX // NS_PER_S:
                return round(length * NS_PER_S)
        case _:
            raise TypeError(f"expected a duration such as 5, '5s' or timedelta(seconds=5), got {length!r}")
    # The length itself is not shown: Python refuses to write an int of 5,000 digits.
    raise ValueError(f"a length below zero or of more than 100 years is no duration: {_RIGHT}")


def format_duration(length_ns: int) -> str:
    """The exact length in hours, minutes and seconds (`1m30s`, `36h`, `1.5s`, `250ms`); zero is `0s`.

    `parse_duration` reads it back to the same nanosecond. A length below zero, which only facts such as the time
    since a certificate expired have, gets a minus.
    """
    if length_ns < 0:
        return "-" + format_duration(-length_ns)
    if length_ns == 0:
        return "0s"
    for unit in ("ns", "us", "ms"):
        if length_ns < 1_000 * _UNITS_NS[unit]:
            return _decimal(length_ns, _UNITS_NS[unit], unit)
    minutes, seconds_ns = divmod(length_ns, NS_PER_MINUTE)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{hours}h" if hours else "", f"{minutes}m" if minutes else "")
    return "".join(parts) + (_decimal(seconds_ns, NS_PER_S, "s") if seconds_ns else "")


def _unit_ns(text: str, unit: str) -> int:
    if not unit:
        raise ValueError(f"{text!r} has no unit: {_RIGHT}")
    unit_ns = _UNITS_NS.get(unit)
    if unit_ns is None:
        raise ValueError(
            f"{text!r} has the unknown unit {unit!r}: the units are ns, us, ms, s, m, h, d and w"
        )
    return unit_ns


def _term_ns(text: str, number: str, unit_ns: int) -> int:
    """Exact, unlike a float: 0.1s is 100,000,000 ns and nothing else."""
    whole, _, fraction = number.partition(".")
    scale: int = 10 ** len(fraction)
    fraction_ns, rest = divmod(int(fraction or "0") * unit_ns, scale)
    if rest:
        raise ValueError(f"{text!r} is finer than a nanosecond: {_RIGHT}")
    return int(whole or "0") * unit_ns + fraction_ns


def _decimal(duration_ns: int, unit_ns: int, unit: str) -> str:
    whole, rest_ns = divmod(duration_ns, unit_ns)
    if not rest_ns:
        return f"{whole}{unit}"
    digits = f"{rest_ns:0{len(str(unit_ns)) - 1}d}".rstrip("0")
    return f"{whole}.{digits}{unit}"
