"""The quick way to see that a condition holds: the two commonest forms in a single step, a quarter of the cost.

A shortcut says True only where the full judgement would; False says nothing, and the condition is judged in full.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from .condition_comparison import Comparison, Match, Order
from .condition_operand import Literal, Named
from .condition_value import Number, is_number
from .observation import Observation

Shortcut: TypeAlias = Callable[[Observation], bool]

_TRUTHS = {"true": True, "false": False}


def shortcut_of(comparison: Comparison) -> Shortcut:
    """`[STATUS] == 200`, `[CONNECTED] == true` and `[RESPONSE_TIME] < 500` have one; for all others it is never True."""
    match comparison:
        case Match(reader=Named(fact=fact), expected=Literal(text=text, number=number), wanted=True):
            wanted = _TRUTHS.get(text, number)
            return _never if wanted is None else _equal_to(wanted, fact.field)
        case Order(left=Named(fact=fact), right=Literal(number=int() | float() as number), holds=holds):
            return _ordered(fact.field, holds, number)
        case _:
            return _never


def _never(_seen: Observation) -> bool:
    return False


def _equal_to(wanted: Number | bool, field: Callable[[Observation], Any]) -> Shortcut:
    kind = type(wanted)

    def holds(seen: Observation) -> bool:
        value = field(seen)
        return type(value) is kind and bool(value == wanted)

    return holds


def _ordered(
    field: Callable[[Observation], Any], holds: Callable[[Number, Number], bool], number: Number
) -> Shortcut:
    def in_order(seen: Observation) -> bool:
        value = field(seen)
        return is_number(value) and holds(value, number)

    return in_order
