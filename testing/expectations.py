"""Conditions in a scripted world: they judge only the facts that a script gives; a missing fact fails none."""

from collections.abc import Iterator

import msgspec

from ..adapters.expectations import Expectations
from ..domain.conditions.comparison import Match
from ..domain.conditions.condition import Condition, facts_named
from ..domain.conditions.judgement import Expectation
from ..domain.conditions.operand import Literal, Named, Reader
from ..domain.observation.attempt import AttemptId
from ..domain.observation.observation import Observation
from ..domain.observation.outcome import Outcome
from ..domain.observation.sample import Sample
from ..domain.specification.target import Target
from ..domain.time.moment import Moment
from .script import Script, ScriptedAnswer


class ScriptedExpectation(Expectation):
    """The conditions of a target; those with facts that a scripted answer lacks are skipped where they fail."""

    __slots__ = ("_parts",)

    def __init__(self, whole: Expectation) -> None:
        super().__init__(whole.conditions)
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
        kept, asked = [], set[str]()
        for condition in self.conditions:
            facts = facts_named(condition)
            if facts <= seen.said or condition.evaluate(seen).passed:
                kept.append(condition)
            else:
                asked |= facts - seen.said
        return Expectation(kept), "STATUS" not in asked


class ScriptedExpectations(Expectations):
    """Compiles the expectation of a target for the actors of a scripted world."""

    def __call__(self, target: Target) -> Expectation:
        """Returns the expectation of a target. Raises: ConditionError for a text that is no condition."""
        whole = super().__call__(target)
        return ScriptedExpectation(whole) if whole.conditions else whole


def require_meetable(target: Target, script: Script) -> None:
    """Raises: ValueError where a script contains `ok` and no answer could meet the conditions."""
    if not script.says_ok:
        return
    for says in _unmeetable(ScriptedExpectations()(target).conditions):
        raise ValueError(f"target {target.id!r} can never be `ok`: {says}")


def _unmeetable(conditions: tuple[Condition, ...]) -> Iterator[str]:
    wanted: dict[str, tuple[Literal, str]] = {}
    for condition in conditions:
        if not facts_named(condition) and not condition.evaluate(Observation()).passed:
            yield f"the condition {condition.text!r} never holds"
        match condition.comparison:
            case Match(reader=reader, expected=Literal() as literal, wanted=True):
                other, text = wanted.setdefault(_subject(reader), (literal, condition.text))
                if not _alike(other, literal):
                    yield f"the conditions {text!r} and {condition.text!r} never hold together"
            case _:
                pass


def _subject(reader: Reader) -> str:
    """Returns the same text for equal readers: names are case-insensitive, paths are not."""
    return reader.text.upper() if isinstance(reader, Named) else reader.text


def _alike(one: Literal, other: Literal) -> bool:
    return one.text == other.text or (one.number is not None and one.number == other.number)
