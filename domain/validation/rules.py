"""Checks for rules that can never be violated, or that always are."""

from collections.abc import Iterator
from math import inf, isfinite

from msgspec import UNSET
from msgspec.structs import replace

from ..conditions.comparison import OPERATORS
from ..limits import (
    EVERY_NS_MIN,
    KEEP_FIRING_NS_MAX,
    SLO_WINDOW_NS_MAX,
    SLO_WINDOW_NS_MIN,
    WINDOW_SAMPLES_MAX,
)
from ..specification.http.given import MEASURES, PHASES
from ..specification.probes.kinds import NETWORK_KINDS
from ..specification.probes.networked import NetworkProbe
from ..specification.probes.web.http_steps import STEP_MEASURE
from ..specification.problem import Path, Problem, quoted, suggestion
from ..specification.rule import BURN_WINDOWS, KOfN, Mode, NoData, NoDataPolicy, Rule, RuleState, Threshold
from ..specification.target import Target
from ..time.duration import format_duration
from ..units import NS_PER_MS
from .conditions import never_encrypted
from .durations import length_ns, span_problems

_MEASURES: dict[str, tuple[str, ...]] = {
    "http": MEASURES,
    "tcp": ("response_time", "dns", "connect", "tls", "first_byte", "certificate_expiration"),
    **{kind: each.measures for kind, each in NETWORK_KINDS.items()},
}
"""The measures of the probe kinds that define a fixed set, besides the availability that all have."""
_TIMES = frozenset(
    {"response_time", *PHASES, "certificate_expiration", "registration_expiration", "run_time"}
)
"""The measures in milliseconds: a duration may stand beside them."""
_ENCRYPTED = {"certificate_expiration": "certificate", "tls": "handshake"}
"""The measures that only https has, and the thing that each measures."""
_STATUS_MAX = 999
_EVERY = ("every",)
_ERROR_BUDGET_MAX = 0.1
_ALWAYS = "is always true"
_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}


def rule_problems(rule: Rule, target: Target, path: Path) -> Iterator[Problem]:
    """Yields the problems of one rule of a target whose cadence and timeout are valid."""
    for name, text in (("for", rule.for_), ("keep_firing_for", rule.keep_firing_for)):
        yield from span_problems(text, (*path, name), 0, KEEP_FIRING_NS_MAX)
    if rule.state is RuleState.RETIRED:
        return
    match rule:
        case Threshold():
            problems = _threshold_problems(rule, target, path)
        case NoData():
            problems = _silence_problems(rule, target, path)
        case KOfN() if rule.bad > rule.of:
            text = f"{rule.bad} of {rule.of} samples can never be bad: write {rule.of} or less"
            problems = iter([Problem((*path, "bad"), text, depends_on=((*path, "of"),))])
        case _:
            return
    for problem in problems:
        yield replace(problem, depends_on=(*problem.depends_on, (*path, "state")))


def slo_problems(target: Target) -> Iterator[Problem]:
    """Yields the problems of the objective of a target: one that no outage breaks, or that is never judged."""
    slo = target.slo
    if slo is UNSET:
        return
    yield from span_problems(slo.window, ("slo", "window"), SLO_WINDOW_NS_MIN, SLO_WINDOW_NS_MAX)
    where = (("slo", "window"),)
    if slo.error_budget > _ERROR_BUDGET_MAX:
        text = f"{slo.objective} leaves more than a tenth to fail, and no page could tell of an outage: write 90% or more"
        yield Problem(("slo", "objective"), text)
    elif length_ns(slo.window) and all(slo.limit_of(each).ratio >= 1 for each in BURN_WINDOWS["page"]):
        text = f"no outage spends {slo.objective} over {slo.window} fast enough for a page: write a higher objective"
        yield Problem(("slo", "objective"), text, depends_on=where)
    every_ns, longest = _every_ns(target), BURN_WINDOWS["page"][-1].short
    most = (length_ns(longest) or 0) // every_ns if every_ns else slo.min_samples
    if most < slo.min_samples:
        advice = f"write {most} or less, or check more often" if most else "check more often"
        text = f"is more than {longest} holds at every {format_duration(every_ns or 0)}, so no page is judged: {advice}"
        yield Problem(("slo", "min_samples"), text, depends_on=(_EVERY,))


def _silence_problems(rule: NoData, target: Target, path: Path) -> Iterator[Problem]:
    if target.kind == "heartbeat" and rule.policy is NoDataPolicy.OK:
        text = "would call a silent job well, also one that missed its heartbeat: write fire or keep"
        yield Problem((*path, "policy"), text)
    if rule.after is None:
        return
    yield from span_problems(rule.after, (*path, "after"), 0, KEEP_FIRING_NS_MAX)
    every_ns, after_ns = _every_ns(target), length_ns(rule.after)
    if after_ns is not None and every_ns is not None and after_ns <= every_ns:
        every = format_duration(every_ns)
        text = f"would always fire: samples come every {every}; write more than that, or leave it out"
        yield Problem((*path, "after"), text, depends_on=(_EVERY,))


def _threshold_problems(rule: Threshold, target: Target, path: Path) -> Iterator[Problem]:
    known = tuple(dict.fromkeys((*_measures_of(target), "availability")))
    if target.kind in _MEASURES and rule.measure not in known:
        text = (
            f"a target of {target.kind} is not measured by {quoted(rule.measure)}: it has {', '.join(known)}"
        )
        yield Problem((*path, "measure"), text + suggestion(rule.measure, known))
    elif rule.measure in _ENCRYPTED and never_encrypted(target):
        where = "https: change the url" if target.http is not None else "TLS: write tls under tcp"
        text = f"there is no {_ENCRYPTED[rule.measure]} without {where} or remove the rule"
        yield Problem((*path, "measure"), text)
    elif not rule.measure:
        yield Problem((*path, "measure"), "is empty: write the name of a measurement that the check reports")
    yield from _window_problems(rule, target, path)
    yield from _baseline_problems(rule, target, path)
    faults = tuple(_value_faults(rule, rule.value, (*path, "value")))
    recover_faults: tuple[Problem, ...] = ()
    if rule.recover is not UNSET and rule.recover != rule.value:
        recover_faults = tuple(_value_faults(rule, rule.recover, (*path, "recover")))
    yield from (*faults, *recover_faults)
    if faults:
        return
    if not rule.is_of_change:
        depends_on = (*((*path, name) for name in ("measure", "operator", "mode")), ("timeout",), _EVERY)
        for problem in _reach_problems(rule, target, path):
            yield replace(problem, depends_on=depends_on)
    if rule.recover is not UNSET and not recover_faults:
        yield from _recovery_problems(rule, target, (*path, "recover"))


def _measures_of(target: Target) -> tuple[str, ...]:
    probe = target.probe
    return probe.figures if isinstance(probe, NetworkProbe) else _MEASURES.get(target.kind, ())


def _value_faults(rule: Threshold, value: float | str, path: Path) -> Iterator[Problem]:
    if not isinstance(value, str):
        if not isfinite(value):
            yield Problem(path, f"{value} is no finite number: write one")
    elif rule.mode is Mode.RELATIVE_CHANGE:
        text = f"{value} is a duration, and a relative change is measured in percent: write a number"
        yield Problem(path, text, depends_on=((*path[:-1], "mode"),))
    elif rule.measure not in _TIMES and not rule.measure.startswith(STEP_MEASURE):
        text = f"{value} is a duration, and {quoted(rule.measure)} is not measured in time: write a number"
        yield Problem(path, text, depends_on=((*path[:-1], "measure"),))
    else:
        yield from span_problems(value, path, 0, KEEP_FIRING_NS_MAX)


def _recovery_problems(rule: Threshold, target: Target, path: Path) -> Iterator[Problem]:
    """A value of recovery that lies on the far side of `value`, or that a breach never leaves."""
    around = tuple((*path[:-1], name) for name in ("operator", "value", "mode", "measure"))
    opens, ends = rule.text_of(rule.bound), rule.text_of(rule.recovery_bound)
    if rule.operator in {"==", "!="}:
        yield Problem(path, f"has no meaning beside {rule.operator}: remove it", depends_on=around)
    elif not OPERATORS[rule.operator](rule.bound, rule.recovery_bound) and opens != ends:
        side = "below" if rule.operator in {">", ">="} else "above"
        text = f"{ends} would end an incident that opens at {opens} at once: write a value {side} {opens}"
        yield Problem(path, text, depends_on=around)
    elif not rule.is_of_change:
        low, high = _range(rule.measure, target)
        if _fate(rule.operator, rule.recovery_bound, low, high) == _ALWAYS:
            text = f"{rule.measure} {rule.operator} {ends} {_ALWAYS}, so no incident would end: choose another value"
            yield Problem(path, text, depends_on=around)


def _baseline_problems(rule: Threshold, target: Target, path: Path) -> Iterator[Problem]:
    if rule.baseline is UNSET:
        return
    where = (*path, "baseline")
    if rule.mode is not Mode.RELATIVE_CHANGE:
        text = f"has no effect with mode {rule.mode.value}: only relative_change compares with it; remove it"
        yield Problem(where, text, depends_on=((*path, "mode"),))
    if isinstance(rule.baseline, str):
        yield from span_problems(rule.baseline, where, 1, KEEP_FIRING_NS_MAX)
    yield from _count_problems(rule, rule.baseline, target, where)


def _count_problems(rule: Threshold, window: int | str, target: Target, where: Path) -> Iterator[Problem]:
    """A window that holds more samples than are kept, or never as many as the rule needs."""
    most = window
    if isinstance(window, str):
        window_ns, every_ns = length_ns(window), _every_ns(target)
        if not window_ns or not every_ns:
            return
        most = -(-window_ns // every_ns)
        if window_ns // every_ns > WINDOW_SAMPLES_MAX:
            count = f"{window_ns // every_ns:,} samples"
            text = f"would hold {count}: {WINDOW_SAMPLES_MAX:,} are the most, so shorten it"
            yield Problem(where, text, depends_on=(_EVERY,))
    if isinstance(most, int) and rule.min_samples > most:
        path = (*where[:-1], "min_samples")
        text = f"{where[-1]} holds {most} samples at most, so the rule is never judged: write {most} or less"
        yield Problem(path, text, depends_on=(_EVERY, where))


def _window_problems(rule: Threshold, target: Target, path: Path) -> Iterator[Problem]:
    where = (*path, "window")
    changing = rule.mode is Mode.RATE_OF_CHANGE
    yield from _count_problems(rule, rule.window, target, where)
    if isinstance(rule.window, int):
        if changing and rule.window < 2:
            yield Problem(where, "a change needs two samples: write window: 2 or more")
        return
    yield from span_problems(rule.window, where, 1, KEEP_FIRING_NS_MAX)
    window_ns, every_ns = length_ns(rule.window), _every_ns(target)
    if changing and window_ns and every_ns and window_ns <= every_ns:
        every = format_duration(every_ns)
        text = f"holds one sample at most, and a change needs two: write more than every {every}"
        yield Problem(where, text, depends_on=(_EVERY,))


def _reach_problems(rule: Threshold, target: Target, path: Path) -> Iterator[Problem]:
    low, high = _range(rule.measure, target)
    if rule.measure == "status" and rule.bound % 1 and target.kind in _MEASURES:
        if rule.operator == "==":
            yield Problem((*path, "value"), f"can never be true: no status is {rule.bound:g}")
        return
    fate = _fate(rule.operator, rule.bound, low, high)
    if fate:
        span = f"is at most {high:g}" if rule.bound >= high else f"is never below {low:g}"
        said = f"{rule.measure} {rule.operator} {rule.text_of(rule.bound)} {fate}: {rule.measure} {span}{_unit(rule.measure, target)}"
        yield Problem((*path, "value"), f"{said}; choose another value or operator")


def _range(measure: str, target: Target) -> tuple[float, float]:
    """Between which two values, both possible, a measure lies."""
    if target.kind not in _MEASURES:
        return -inf, inf  # a check may report any figure by this name
    if measure == "status":
        return 0, _STATUS_MAX
    if measure == "availability":
        return 0, 100
    if measure == "response_time" or measure in PHASES:
        return 0, inf if (waited_ns := _waited_ns(target)) is None else waited_ns / NS_PER_MS
    return -inf, inf


def _waited_ns(target: Target) -> int | None:
    """How long an answer is waited for: no attempt outlives its period. A shared one may come from a target with more time."""
    timeout_ns, every_ns = length_ns(target.timeout), _every_ns(target)
    if timeout_ns is None or length_ns(target.max_age) or every_ns is None or every_ns < EVERY_NS_MIN:
        return timeout_ns
    return min(timeout_ns, every_ns)


def _unit(measure: str, target: Target) -> str:
    if measure == "availability":
        return " %"
    return "" if measure == "status" else f" ms (the timeout is {format_duration(_waited_ns(target) or 0)})"


def _fate(operator: str, value: float, low: float, high: float) -> str:
    """Returns the constant result of a comparison with a value in [low, high], empty where it depends on the value."""
    never = {
        ">": value >= high,
        ">=": value > high,
        "<": value <= low,
        "<=": value < low,
        "==": not low <= value <= high,
        "!=": False,
    }
    if never[operator]:
        return "can never be true"
    return _ALWAYS if never[_OPPOSITE[operator]] else ""


def _every_ns(target: Target) -> int | None:
    """Returns the longest time between two samples of a target that succeeds; None where its cadence cannot be read."""
    return target.every_ns if target.is_scheduled else length_ns(target.every)
