"""How a failed condition shows what it saw: `[STATUS] (500) == 200`."""

import re

from ..limits import (
    CONDITION_MATCHED_CHARACTERS_MAX,
    CONDITION_SHOWN_CHARACTERS_MAX,
    CONDITION_VALUE_CHARACTERS_MAX,
)
from ..line import escaped, one_line
from ..time.duration import format_duration
from ..units import NS_PER_MS, NS_PER_S
from .facts import FactKind
from .operand import Expected, Operand, kind_of
from .value import Missing, Number, Value, number_of, text_of

INVALID = "INVALID"
_MS_PER_S = NS_PER_S // NS_PER_MS


def show(
    operand: Operand, value: Value, beside: Value, *, ordering: bool = False, matched: bool = False
) -> str:
    """One side: a constant as it is written, anything else followed by what it was in parentheses.

    `beside` is the value of the other side: times are rounded unless that would hide why the condition failed.
    """
    if isinstance(operand, Expected):
        return operand.text
    kind = kind_of(operand)
    if isinstance(value, Missing):
        seen = INVALID
    elif isinstance(value, int | float) and kind in {FactKind.MILLISECONDS, FactKind.EXPIRY}:
        seen = _time_text(value, number_of(beside), as_duration=ordering and kind is FactKind.EXPIRY)
    else:
        text = ", ".join(value) if isinstance(value, tuple) else text_of(value)
        seen = _cut_value(text, matched=matched)
    return f"{operand.text} ({seen})"


def shown_pattern(operand: Operand) -> str:
    """Returns the regular expression of one side as it is shown, whatever it was."""
    text = re.escape(escaped(operand.text))
    return text if isinstance(operand, Expected) else rf"{text} \(.*\)"


def printable(text: str) -> str:
    """A whole condition, or what is wrong with it, on one bounded line."""
    return one_line(text, CONDITION_SHOWN_CHARACTERS_MAX)


def _cut_value(text: str, *, matched: bool) -> str:
    if matched and len(text) > CONDITION_MATCHED_CHARACTERS_MAX:
        return text[:CONDITION_MATCHED_CHARACTERS_MAX] + "...(truncated)"
    return one_line(text, CONDITION_VALUE_CHARACTERS_MAX)


def _time_text(value_ms: Number, beside_ms: Number | None, *, as_duration: bool) -> str:
    unit_ms = _MS_PER_S if as_duration else 1
    rounded_ms = int(value_ms / unit_ms) * unit_ms
    near = beside_ms is not None and abs(value_ms - beside_ms) < unit_ms
    exact_ms = value_ms if near else rounded_ms
    return format_duration(round(exact_ms * NS_PER_MS)) if as_duration else text_of(exact_ms)
