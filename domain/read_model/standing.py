"""How far each rule of a target is from opening its incident, or from resolving it, by the newest samples."""

from collections.abc import Collection, Iterable, Sequence
from math import isfinite
from typing import NamedTuple, assert_never

from msgspec import UNSET

from ..observation.sample import Sample
from ..rules.evaluation import evaluator_of
from ..rules.evaluator import Evaluator
from ..rules.figures import OWN_TIMES, ThresholdEvaluator, measured
from ..specification.rule import (
    BurnRate,
    Consecutive,
    JudgedRule,
    KOfN,
    Mode,
    Nagios,
    NoData,
    RuleState,
    Threshold,
)
from ..specification.target import Target
from ..time.duration import format_duration, parse_duration
from ..units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS, NS_PER_S

OF_EVERY_SAMPLE = frozenset({"response_time", "status", "availability"})
"""The measures that a stored sample has; of the others only the newest sample, in memory, knows the value."""


class RuleStanding(NamedTuple):
    """One rule, and how far it is."""

    rule: JudgedRule
    is_broken: bool
    """Whether its incident is open."""
    said: str
    """In words: `2 of 3 bad in a row`, `p95 of response_time 212 ms, breaks when > 300 ms`."""
    share: float | None
    """How near it is, from 0 to 1: to the opening of its incident, or to its end where that is open. None where unknown."""


def standings(
    target: Target, samples: Iterable[Sample], newest: Sample | None, broken: Collection[str], now_ns: int
) -> tuple[RuleStanding, ...]:
    """Returns the standing of each rule of a target that is judged.

    `samples` are its newest ones, oldest first, back to `looked_back_ns` at least; `broken` are the rules with an open incident.
    """
    seen = [sample for sample in samples if sample.outcome.is_evidence]
    rules = [rule for rule in target.judged_rules if rule.state is not RuleState.RETIRED]
    return tuple(
        _standing(target, rule, seen, newest, is_broken=rule.id in broken, now_ns=now_ns) for rule in rules
    )


def looked_back_ns(target: Target) -> int:
    """Returns how far back samples are needed, to judge each rule of a target anew."""
    longest_ns = 0
    for rule in target.judged_rules:
        match rule:
            case Consecutive(after=after, recover=recover):
                longest_ns = max(longest_ns, (max(after, recover) + 1) * target.every_ns)
            case Threshold(window=window):
                baseline = window if rule.baseline is UNSET else rule.baseline
                before_ns = _length_ns(baseline, target) if rule.mode is Mode.RELATIVE_CHANGE else 0
                longest_ns = max(longest_ns, _length_ns(window, target) + before_ns)
            case KOfN(of=of, recover=recover):
                longest_ns = max(longest_ns, (max(of, recover) + 1) * target.every_ns)
            case Nagios(max_check_attempts=attempts):
                longest_ns = max(longest_ns, (attempts + 1) * target.every_ns)
            case NoData():
                longest_ns = max(longest_ns, target.staleness_ns(rule))
            case BurnRate():
                read = rule.burn_limits[-1].windows.long if rule.urgency == "page" else "0s"
                longest_ns = max(longest_ns, parse_duration(read))
            case _:
                assert_never(rule)
    return longest_ns + target.every_ns


def _length_ns(window: int | str, target: Target) -> int:
    return (window + 1) * target.every_ns if isinstance(window, int) else parse_duration(window)


def _standing(
    target: Target,
    rule: JudgedRule,
    seen: Sequence[Sample],
    newest: Sample | None,
    *,
    is_broken: bool,
    now_ns: int,
) -> RuleStanding:
    said: str
    share: float | None
    match rule:
        case Threshold():
            said, share = _of_figure(rule, seen, newest, is_broken=is_broken)
        case NoData():
            said, share = _of_silence(target.staleness_ns(rule), seen, now_ns)
        case BurnRate(urgency="ticket"):
            said, share = _of_tickets(rule), None
        case Consecutive() | KOfN() | Nagios() | BurnRate():
            said, share = _judged(rule, seen, is_broken=is_broken).stands(firing=is_broken)
        case _:
            assert_never(rule)
    return RuleStanding(
        rule, is_broken, said, None if is_broken and not isinstance(rule, Consecutive | KOfN) else share
    )


def _judged(rule: JudgedRule, seen: Sequence[Sample], *, is_broken: bool) -> Evaluator:
    evaluator = evaluator_of(rule)
    for sample in seen:
        evaluator.take(sample, firing=is_broken)
    return evaluator


def _of_tickets(rule: BurnRate) -> str:
    """Returns what breaks the rule: its days of samples are not read for a page."""
    pairs = [
        f"{limit.ratio:.3%} of {limit.windows.long} and of {limit.windows.short}"
        for limit in rule.burn_limits
    ]
    return f"breaks when more is bad than {', or '.join(pairs)}"


def _of_figure(
    rule: Threshold, seen: Sequence[Sample], newest: Sample | None, *, is_broken: bool
) -> tuple[str, float | None]:
    figure = None if newest is None else measured(newest, rule.measure)
    if rule.measure in OF_EVERY_SAMPLE and rule.mode is not Mode.CONSECUTIVE:
        evaluator = _judged(rule, seen, is_broken=is_broken)
        figure = evaluator.figure if isinstance(evaluator, ThresholdEvaluator) else None
    compared = rule.recovery_bound if is_broken else rule.bound
    bound = f"{'broken while' if is_broken and rule.recover is not UNSET else 'breaks when'} {rule.operator} {_text_of(rule, compared)}"
    what = rule.measure if rule.aggregate.value == "last" else f"{rule.aggregate.value} of {rule.measure}"
    what = f"change of {what}" if rule.mode is Mode.RELATIVE_CHANGE else what
    if figure is None or not isfinite(figure):
        return f"{what} not known yet, {bound}", None
    return f"{what} {_text_of(rule, figure)}, {bound}", _nearness(rule, figure)


def _nearness(rule: Threshold, figure: float) -> float | None:
    bound = rule.bound
    if rule.operator in {">", ">="} and bound > 0:
        return min(1.0, max(0.0, figure / bound))
    if rule.operator in {"<", "<="} and figure > 0 and bound >= 0:
        return min(1.0, bound / figure)
    return None


def _text_of(rule: Threshold, figure: float) -> str:
    if rule.mode is Mode.RELATIVE_CHANGE:
        return f"{figure:+.3g}%"
    if rule.measure == "availability":
        return f"{figure:.4g}%"
    if isinstance(rule.value, str):
        length_ns = round(figure) * NS_PER_MS
        if abs(length_ns) >= 2 * NS_PER_DAY:
            return f"{round(length_ns / NS_PER_DAY, 1):g}d"
        # The milliseconds of a minute help no reader.
        step_ns = NS_PER_S if abs(length_ns) >= NS_PER_MINUTE else NS_PER_MS
        return format_duration(length_ns // step_ns * step_ns)
    if rule.measure in OWN_TIMES:
        return f"{figure:.0f} ms" if figure >= 10 else f"{figure:.1f} ms"
    return f"{figure:g}"


def _of_silence(limit_ns: int, seen: Sequence[Sample], now_ns: int) -> tuple[str, float | None]:
    limit = format_duration(limit_ns)
    alive = [sample for sample in seen if sample.is_sign_of_life]
    if not alive:
        return f"no evidence yet, may be silent for {limit}", None
    silent_ns = max(0, now_ns - alive[-1].at.wall_ns)
    silent = format_duration(silent_ns // NS_PER_S * NS_PER_S)
    return f"silent for {silent} of {limit}", min(1.0, silent_ns / limit_ns)
