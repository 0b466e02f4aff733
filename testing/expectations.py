"""Conditions in a scripted world: they judge only the facts that a script gives; a missing fact fails none."""

from collections.abc import Iterable, Iterator

import msgspec

from ..adapters.expectations import Expectations
from ..domain.conditions.condition import Condition, facts_named
from ..domain.conditions.judgement import Expectation
from ..domain.observation.attempt import AttemptId
from ..domain.observation.observation import Observation
from ..domain.observation.outcome import Outcome
from ..domain.observation.sample import Sample
from ..domain.specification.target import Target
from ..domain.time.moment import Moment
from .script import ScriptedAnswer


class ScriptedExpectation(Expectation):
    """The conditions of a target; those with facts that a scripted answer lacks are skipped where they fail."""

    __slots__ = ("_parts",)

    def __init__(self, whole: Expectation) -> None:
        super().__init__(whole.conditions, whole.warnings)
        self._parts: dict[tuple[frozenset[str], Outcome], tuple[Expectation, bool]] = {}

    def judge(self, attempt: AttemptId, at: Moment, seen: Observation) -> Sample:
        if not isinstance(seen, ScriptedAnswer):
            return super().judge(attempt, at, seen)
        # All answers of one word lack the same facts, so the choice is made once per word.
        word = (seen.said, seen.outcome)
        part = self._parts.get(word)
        if part is None:
            part = self._parts[word] = self._part(seen)
        expectation, shows_status = part
        if not shows_status:
            seen = msgspec.structs.replace(seen, status=None)
        return expectation.judge(attempt, at, seen)

    def _part(self, seen: ScriptedAnswer) -> tuple[Expectation, bool]:
        """Returns the conditions that judge such answers, and whether their status may be shown."""
        asked = set[str]()

        def judging(conditions: Iterable[Condition]) -> Iterator[Condition]:
            for condition in conditions:
                facts = facts_named(condition)
                if facts <= seen.said or condition.evaluate(seen).passed:
                    yield condition
                else:
                    asked.update(facts - seen.said)

        return Expectation([*judging(self.conditions)], [*judging(self.warnings)]), "STATUS" not in asked


class ScriptedExpectations(Expectations):
    """Compiles the expectation of a target for the actors of a scripted world."""

    def __call__(self, target: Target) -> Expectation:
        """Returns the expectation of a target. Raises: ConditionError for a text that is no condition."""
        whole = super().__call__(target)
        return ScriptedExpectation(whole) if whole.conditions or whole.warnings else whole
