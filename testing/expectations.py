"""Conditions in a scripted world: they judge what a script says of an answer, and what it leaves unsaid fails none."""

from collections.abc import Iterator

import msgspec

from ..adapters.expectations import Expectations
from ..domain.conditions.comparison import Comparison, Match
from ..domain.conditions.condition import Condition
from ..domain.conditions.judgement import Expectation
from ..domain.conditions.operand import InDocument, Length, Literal, Named, Presence, Reader, WholeBody
from ..domain.observation.attempt import AttemptId
from ..domain.observation.observation import Observation
from ..domain.observation.outcome import Outcome
from ..domain.observation.sample import Sample
from ..domain.specification.target import Target
from ..domain.time.moment import Moment
from .script import Script, ScriptedAnswer


class ScriptedExpectation(Expectation):
    """The conditions of a target that leave out, of a scripted answer, what they ask and it does not say."""

    __slots__ = ("_parts",)

    def __init__(self, whole: Expectation) -> None:
        super().__init__(whole.conditions)
        self._parts: dict[tuple[frozenset[str], Outcome], tuple[Expectation, bool]] = {}

    def judge(self, attempt: AttemptId, at: Moment, seen: Observation) -> Sample:
        if not isinstance(seen, ScriptedAnswer):
            return super().judge(attempt, at, seen)
        # What answers of one word leave unsaid is the same in all of them, so that the choice is made once.
        word = (seen.said, seen.outcome)
        part = self._parts.get(word)
        if part is None:
            part = self._parts[word] = self._part(seen)
        expectation, shows_status = part
        if not shows_status:
            seen = msgspec.structs.replace(seen, status=None)
        return expectation.judge(attempt, at, seen)

    def _part(self, seen: ScriptedAnswer) -> tuple[Expectation, bool]:
        """What judges such answers, and whether the status that they happen to have may be shown."""
        kept, asked = [], set[str]()
        for condition in self.conditions:
            facts = facts_named(condition)
            if facts <= seen.said or condition.evaluate(seen).passed:
                kept.append(condition)
            else:
                asked |= facts - seen.said
        return Expectation(kept), "STATUS" not in asked


class ScriptedExpectations:
    """What the actors of a scripted world ask for the expectation of a target."""

    def __init__(self) -> None:
        self._compiled = Expectations()

    def __call__(self, target: Target) -> Expectation:
        """Raises ConditionError for a text that means nothing."""
        whole = self._compiled(target)
        return ScriptedExpectation(whole) if whole.conditions else whole


def facts_named(condition: Condition) -> frozenset[str]:
    """The placeholders that a condition names, such as STATUS and BODY."""
    names = (_fact(reader) for reader in _readers(condition.comparison))
    return frozenset(name for name in names if name is not None)


def _readers(comparison: Comparison) -> tuple[Reader, ...]:
    return (comparison.reader,) if isinstance(comparison, Match) else (comparison.left, comparison.right)


def _fact(reader: Reader) -> str | None:
    match reader:
        case Length() | Presence():
            return _fact(reader.inner)
        case Named():
            return reader.text[1:-1].upper()
        case WholeBody():
            return "BODY"
        case InDocument():
            return reader.source.upper()
        case Literal():
            return None


def require_meetable(target: Target, script: Script) -> None:
    """Raises ValueError where a script says `ok` and no answer whatever could meet the conditions."""
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
    """The same text for whatever reads the same: names are written in any case, paths are not."""
    return reader.text.upper() if isinstance(reader, Named) else reader.text


def _alike(one: Literal, other: Literal) -> bool:
    return one.text == other.text or (one.number is not None and one.number == other.number)
