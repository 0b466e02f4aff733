"""Checks for rules that can never be violated, or that always are."""

from collections.abc import Iterator
from math import inf, isfinite

from msgspec.structs import replace

from ..limits import EVERY_NS_MIN, KEEP_FIRING_NS_MAX, WINDOW_SAMPLES_MAX
from ..specification.problem import Path, Problem, quoted, suggestion
from ..specification.rule import Mode, NoData, NoDataPolicy, Rule, RuleState, Threshold
from ..specification.target import Target
from ..time.duration import format_duration
from ..units import NS_PER_MS
from .conditions import never_encrypted
from .durations import length_ns, span_problems

_PHASES = ("dns", "connect", "tls", "first_byte", "transfer")
_MEASURES: dict[str, tuple[str, ...]] = {
    "http": ("response_time", *_PHASES, "status", "certificate_expiration"),
    "tcp": ("response_time", "dns", "connect"),
}
"""The measures of the probe kinds that define a fixed set."""
_TIMES = frozenset({"response_time", *_PHASES, "certificate_expiration"})
"""The measures in milliseconds: a duration may stand beside them."""
_ENCRYPTED = {"certificate_expiration": "certificate", "tls": "handshake"}
"""The measures that only https has, and the thing that each measures."""
_STATUS_MAX = 999
_EVERY = ("every",)
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
        case _:
            return
    for problem in problems:
        yield replace(problem, depends_on=(*problem.depends_on, (*path, "state")))


def _silence_problems(rule: NoData, target: Target, path: Path) -> Iterator[Problem]:
    if target.kind == "heartbeat" and rule.policy is NoDataPolicy.OK:
        text = "would call a silent job well, also one that missed its heartbeat: write fire or keep"
        yield Problem((*path, "policy"), text)
    if rule.after is None:
        return
    yield from span_problems(rule.after, (*path, "after"), 0, KEEP_FIRING_NS_MAX)
    every_ns, after_ns = length_ns(target.every), length_ns(rule.after)
    if after_ns is not None and every_ns is not None and after_ns <= every_ns:
        every = format_duration(every_ns)
        text = f"would always fire: samples come every {every}; write more than that, or leave it out"
        yield Problem((*path, "after"), text, depends_on=(_EVERY,))


def _threshold_problems(rule: Threshold, target: Target, path: Path) -> Iterator[Problem]:
    known = _MEASURES.get(target.kind)
    if known is not None and rule.measure not in known:
        text = f"a {target.kind} target is not measured by {quoted(rule.measure)}: it has {', '.join(known)}"
        yield Problem((*path, "measure"), text + suggestion(rule.measure, known))
    elif rule.measure in _ENCRYPTED and never_encrypted(target):
        text = f"there is no {_ENCRYPTED[rule.measure]} without https: change the url or remove the rule"
        yield Problem((*path, "measure"), text)
    elif not rule.measure:
        yield Problem((*path, "measure"), "is empty: write the name of a measurement that the check reports")
    yield from _window_problems(rule, target, path)
    faults = tuple(_value_faults(rule, (*path, "value")))
    if faults:
        yield from faults
    elif rule.mode is not Mode.RATE_OF_CHANGE:
        depends_on = (*((*path, name) for name in ("measure", "operator", "mode")), ("timeout",), _EVERY)
        for problem in _reach_problems(rule, target, path):
            yield replace(problem, depends_on=depends_on)


def _value_faults(rule: Threshold, path: Path) -> Iterator[Problem]:
    if not isinstance(rule.value, str):
        if not isfinite(rule.value):
            yield Problem(path, f"{rule.value} is no finite number: write one")
    elif rule.measure not in _TIMES:
        text = (
            f"{rule.value} is a duration, and {quoted(rule.measure)} is not measured in time: write a number"
        )
        yield Problem(path, text, depends_on=((*path[:-1], "measure"),))
    else:
        yield from span_problems(rule.value, path, 0, KEEP_FIRING_NS_MAX)


def _window_problems(rule: Threshold, target: Target, path: Path) -> Iterator[Problem]:
    where = (*path, "window")
    changing = rule.mode is Mode.RATE_OF_CHANGE
    if isinstance(rule.window, int):
        if changing and rule.window < 2:
            yield Problem(where, "a change needs two samples: write window: 2 or more")
        return
    yield from span_problems(rule.window, where, 1, KEEP_FIRING_NS_MAX)
    window_ns, every_ns = length_ns(rule.window), length_ns(target.every)
    if not window_ns or not every_ns:
        return
    if changing and window_ns <= every_ns:
        every = format_duration(every_ns)
        text = f"holds one sample at most, and a change needs two: write more than every {every}"
        yield Problem(where, text, depends_on=(_EVERY,))
    if window_ns // every_ns > WINDOW_SAMPLES_MAX:
        count = f"{window_ns // every_ns:,} samples"
        text = f"would hold {count}: {WINDOW_SAMPLES_MAX:,} are the most, so shorten it"
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
    if measure == "response_time" or measure in _PHASES:
        return 0, inf if (waited_ns := _waited_ns(target)) is None else waited_ns / NS_PER_MS
    return -inf, inf


def _waited_ns(target: Target) -> int | None:
    """How long an answer is waited for: no attempt outlives its period. A shared one may come from a target with more time."""
    timeout_ns, every_ns = length_ns(target.timeout), length_ns(target.every)
    if timeout_ns is None or length_ns(target.max_age) or every_ns is None or every_ns < EVERY_NS_MIN:
        return timeout_ns
    return min(timeout_ns, every_ns)


def _unit(measure: str, target: Target) -> str:
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
    return "is always true" if never[_OPPOSITE[operator]] else ""
