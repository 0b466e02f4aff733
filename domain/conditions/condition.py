"""Conditions: one comparison of what a probe saw with what it should have seen, such as `[STATUS] == 200`.

The grammar is the one that Gatus made common. Where Gatus takes nonsense for zero, a condition here is refused when it
is compiled, or fails with an error. docs: a missing path, a null and a text that is no number satisfy nothing.
"""

import re
from collections.abc import Callable, Iterable

import msgspec

from ..errors import ConditionError
from ..observation.observation import Observation
from .comparison import Comparison
from .display import printable, shown_pattern
from .facts import Facts
from .grammar import parse
from .operand import fact_of
from .parse_error import ParseError
from .value import Missing


class ConditionResult(msgspec.Struct, frozen=True):
    """The result of one condition."""

    passed: bool
    shown: str
    """The text when it passed; else with what was seen, as in `[STATUS] (500) == 200`. One bounded line."""
    error: str | None = None
    """Why it could not be judged. The condition has failed all the same: such an answer satisfies nothing."""

    def told(self, discreet: Callable[[str], str]) -> "ConditionResult":
        """Returns the result with its texts as `discreet` gives them."""
        error = None if self.error is None else discreet(self.error)
        return ConditionResult(self.passed, discreet(self.shown), error)


class Condition(msgspec.Struct, frozen=True):
    """A compiled condition."""

    text: str
    comparison: Comparison
    when_passed: ConditionResult

    def evaluate(self, observation: Observation) -> ConditionResult:
        """Never raises."""
        return self.judge(Facts(observation))

    def judge(self, facts: Facts) -> ConditionResult:
        """As `evaluate`, on facts that several conditions share."""
        verdict = self.comparison.verdict(facts)
        if verdict is True:
            return self.when_passed
        error = printable(verdict.reason) if isinstance(verdict, Missing) else None
        return ConditionResult(False, printable(self.comparison.shown(facts)), error)


def facts_named(condition: Condition) -> frozenset[str]:
    """Returns the placeholders that a condition names, such as STATUS and BODY."""
    names = map(fact_of, condition.comparison.readers)
    return frozenset(name for name in names if name is not None)


def failure_pattern(condition: Condition) -> re.Pattern[str]:
    """Returns what matches every failure of a condition, as a sample keeps it: whatever it saw, and why that cannot be read."""
    comparison = condition.comparison
    left, right = map(shown_pattern, comparison.sides)
    return re.compile(rf"{left} {re.escape(comparison.operator)} {right}(?:: .*)?")


def compile_condition(text: str) -> Condition:
    """Raises: ConditionError, naming the character and what would be right, for what no observation can satisfy."""
    try:
        comparison = parse(text)
    except ParseError as trouble:
        place = f"{printable(text)}: character {trouble.position + 1}"
        raise ConditionError(f"{place}: {printable(trouble.problem)}") from None
    return Condition(text, comparison, ConditionResult(True, printable(text)))


def evaluate(text: str, observation: Observation) -> ConditionResult:
    """One condition against one observation. A text that is no condition fails with its error, and never raises."""
    try:
        condition = compile_condition(text)
    except ConditionError as error:
        return ConditionResult(False, printable(text), str(error))
    return condition.evaluate(observation)


def evaluate_all(conditions: Iterable[Condition], observation: Observation) -> tuple[ConditionResult, ...]:
    """Every condition against one observation, whose body is parsed at most once."""
    facts = Facts(observation)
    return tuple(condition.judge(facts) for condition in conditions)
