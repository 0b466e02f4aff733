"""Compiled conditions, shared by every target that expects the same."""

from functools import lru_cache

from ..domain.conditions.condition import compile_condition
from ..domain.conditions.judgement import Expectation
from ..domain.limits import EXPECTATIONS_KEPT
from ..domain.policy import CachePolicy
from ..domain.specification.target import Target

POLICY = CachePolicy(
    name="compiled conditions",
    key="the texts of `expect` and of `warn`, in order",
    owner="the runtime",
    fresh_for_ns=0,
    entries_max=EXPECTATIONS_KEPT,
    invalidation="never stale: the same texts always mean the same; the least recently asked for goes first",
)


class Expectations:
    """Compiles each list of conditions once, whichever thread asks."""

    policy = POLICY

    def __init__(self) -> None:
        self._compiled = lru_cache(self.policy.entries_max)(_compile)

    def __call__(self, target: Target) -> Expectation:
        """The expectation of a target. Raises ConditionError for a text that means nothing."""
        return self._compiled(target.expect, target.warnings)


def _compile(expected: tuple[str, ...], warned: tuple[str, ...]) -> Expectation:
    return Expectation(*([compile_condition(text) for text in texts] for texts in (expected, warned)))
