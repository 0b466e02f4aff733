"""Evaluation: the evaluator of each kind of rule. State is kept per rule and target; time is in the samples."""

from typing import assert_never

from ..observation.sample import Sample
from ..specification.rule import (
    BurnRate,
    Consecutive,
    JudgedRule,
    KOfN,
    Nagios,
    NoData,
    NoDataPolicy,
    Threshold,
)
from ..time.moment import Moment
from .burn_rate import BurnRateEvaluator
from .counting import ConsecutiveEvaluator, KOfNEvaluator, NagiosEvaluator
from .evaluator import Evaluator, Verdict
from .figures import ThresholdEvaluator


class NoDataEvaluator(Evaluator):
    """Returns OK for every sign of life; `missing` judges the absence of samples by the rule's policy."""

    __slots__ = ("_rule",)

    def __init__(self, rule: NoData) -> None:
        super().__init__()
        self._rule = rule

    def take(self, sample: Sample, *, firing: bool) -> Verdict:
        if not sample.is_sign_of_life:
            return Verdict.UNCHANGED
        self._since = None
        self._attempts = (sample.attempt,)
        return Verdict.OK

    def missing(self, since: Moment) -> Verdict:
        """Judges the absence of samples; `since` is the moment at which it became too long."""
        match self._rule.policy:
            case NoDataPolicy.FIRE:
                self._since = self._since or since
                return Verdict.VIOLATED
            case NoDataPolicy.KEEP:
                return Verdict.UNCHANGED
            case NoDataPolicy.OK:
                return Verdict.OK
            case _:
                assert_never(self._rule.policy)


def evaluator_of(rule: JudgedRule) -> Evaluator:
    """Returns a new evaluator for a rule on one target."""
    match rule:
        case Consecutive():
            return ConsecutiveEvaluator(rule)
        case KOfN():
            return KOfNEvaluator(rule)
        case Nagios():
            return NagiosEvaluator(rule)
        case Threshold():
            return ThresholdEvaluator(rule)
        case NoData():
            return NoDataEvaluator(rule)
        case BurnRate():
            return BurnRateEvaluator(rule)
        case _:
            assert_never(rule)
