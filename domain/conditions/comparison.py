"""Comparisons of conditions: one side against a constant, two sides for equality, or two sides in order."""

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from .display import show
from .facts import RESPONSE_TIME, Facts
from .operand import Accepting, Expected, Literal, Operand, Pattern, Reader, fact_of
from .value import Json, Missing, Number, Value, each_of, equal, number_of


def _unequal(one: Json, other: Json) -> bool:
    return not equal(one, other)


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": equal,
    "!=": _unequal,
    "<=": operator.le,
    ">=": operator.ge,
    ">": operator.gt,
    "<": operator.lt,
}
"""In the order in which they are looked for: the first that is present is the operator."""
EQUALITIES = ("==", "!=")

ConditionVerdict: TypeAlias = bool | Missing
"""Whether it holds, or why that cannot be said."""


class Match(msgspec.Struct, frozen=True):
    """A value is (or is not) what a constant accepts."""

    reader: Reader
    operator: str
    expected: Expected
    wanted: bool
    """True for ==, false for !=."""
    expected_first: bool = False

    @property
    def readers(self) -> tuple[Reader, ...]:
        """The sides that read a value."""
        return (self.reader,)

    @property
    def sides(self) -> tuple[Operand, Operand]:
        """Both sides, as they are written."""
        return (self.expected, self.reader) if self.expected_first else (self.reader, self.expected)

    def verdict(self, facts: Facts) -> ConditionVerdict:
        value = self.reader.read(facts)
        if isinstance(value, Missing):
            return value
        if isinstance(value, tuple):
            return any(map(self.expected.accepts, value)) is self.wanted
        return self.expected.accepts(value) is self.wanted

    def shown(self, facts: Facts) -> str:
        value, text = self.reader.read(facts), self.expected.text
        seen = show(self.reader, value, text, matched=isinstance(self.expected, Pattern))
        sides = (text, seen) if self.expected_first else (seen, text)
        return f" {self.operator} ".join(sides)

    def slow_by_ms(self, _facts: Facts) -> Number | None:
        """None: no shorter time makes an equality true for certain."""
        return None


class Pair(msgspec.Struct, frozen=True):
    """Two values are (or are not) equal, or two numbers stand in an order; durations count as their milliseconds."""

    left: Reader
    operator: str
    right: Reader
    holds: Callable[[Any, Any], bool]
    ordering: bool

    @property
    def readers(self) -> tuple[Reader, ...]:
        """The sides that read a value."""
        return self.sides

    @property
    def sides(self) -> tuple[Reader, Reader]:
        """Both sides, as they are written."""
        return self.left, self.right

    def verdict(self, facts: Facts) -> ConditionVerdict:
        left, right = self.left.read(facts), self.right.read(facts)
        return self._in_order(left, right) if self.ordering else self._equal(left, right)

    def _in_order(self, left: Value, right: Value) -> ConditionVerdict:
        low, high = _number(self.left, left), _number(self.right, right)
        if isinstance(low, Missing):
            return low
        return high if isinstance(high, Missing) else self.holds(low, high)

    def _equal(self, left: Value, right: Value) -> ConditionVerdict:
        if isinstance(left, Missing):
            return left
        if isinstance(right, Missing):
            return right
        if isinstance(left, tuple) or isinstance(right, tuple):
            met = any(equal(one, other) for one in each_of(left) for other in each_of(right))
            return met is (self.operator == "==")
        return self.holds(left, right)

    def slow_by_ms(self, facts: Facts) -> Number | None:
        """Returns by how much the response time is too long for this order, which failed; None where it fails otherwise."""
        longer, shorter = (self.left, self.right) if "<" in self.operator else (self.right, self.left)
        if not self.ordering or fact_of(longer) != RESPONSE_TIME or fact_of(shorter) == RESPONSE_TIME:
            return None
        time_ms, limit_ms = (_number(side, side.read(facts)) for side in (longer, shorter))
        return None if isinstance(time_ms, Missing) or isinstance(limit_ms, Missing) else time_ms - limit_ms

    def shown(self, facts: Facts) -> str:
        left, right = self.left.read(facts), self.right.read(facts)
        left_shown = show(self.left, left, right, ordering=self.ordering)
        right_shown = show(self.right, right, left, ordering=self.ordering)
        return f"{left_shown} {self.operator} {right_shown}"


Comparison: TypeAlias = Match | Pair


def _number(reader: Reader, value: Value) -> Number | Missing:
    if isinstance(value, Missing):
        return value
    if isinstance(value, tuple) and len(value) > 1:
        return Missing(
            f"{reader.text} has {len(value)} values, and one is compared: name it, as in {reader.text}[0]"
        )
    number = reader.number if isinstance(reader, Literal) else number_of(value)
    return Missing(f"{reader.text} is no number and no duration") if number is None else number


def equality(left: Operand, sign: str, right: Operand) -> Comparison:
    """The comparison that `==` or `!=` makes; at most one side is a pattern or a choice."""
    wanted = sign == "=="
    if isinstance(left, Accepting):
        assert not isinstance(right, Accepting)  # noqa: S101 - the grammar refuses it by name
        return Match(right, sign, left, wanted, expected_first=True)
    if isinstance(right, Expected):
        return Match(left, sign, right, wanted)
    return Pair(left, sign, right, OPERATORS[sign], ordering=False)
