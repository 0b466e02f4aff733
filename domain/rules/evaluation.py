"""Evaluation: the verdict of one rule on one sample. State is kept per rule and target; time is in the samples."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import assert_never

from .. import limits
from ..conditions.comparison import OPERATORS
from ..observation.observation import Phases
from ..observation.outcome import WITHOUT_ANSWER, Outcome
from ..observation.sample import Sample
from ..specification.rule import Aggregate, Consecutive, Mode, NoData, NoDataPolicy, Rule, Threshold
from ..time.duration import parse_duration
from ..time.moment import Moment
from ..units import NS_PER_MS
from .window import SampleWindow, summary_of


class Verdict(StrEnum):
    """The verdict of a rule after one sample."""

    VIOLATED = "broken"
    OK = "whole"
    UNCHANGED = "unchanged"
    """Not enough evidence either way: the rule keeps its phase."""


class Evaluator(ABC):
    """The evaluator of one rule on one target; owns the rule's counters or window, and the evidence of its verdict."""

    __slots__ = ("_attempts", "_since")

    def __init__(self) -> None:
        self._since: Moment | None = None
        self._attempts: tuple[int, ...] = ()

    @abstractmethod
    def take(self, sample: Sample, *, firing: bool) -> Verdict:
        """Judges a sample that is evidence."""

    def is_bad(self, sample: Sample, verdict: Verdict) -> bool:
        """Whether a sample speaks against the target, for this rule, after its `verdict`."""
        del sample
        return verdict is Verdict.VIOLATED

    def since(self) -> Moment | None:
        """Returns the moment of the first bad sample of the present breach."""
        return self._since

    def evidence(self) -> tuple[int, ...]:
        """Returns the attempt numbers behind the verdict, oldest first, at most EVIDENCE_KEPT."""
        return self._attempts

    def _add_evidence(self, sample: Sample) -> None:
        if len(self._attempts) < limits.EVIDENCE_KEPT:
            self._attempts = (*self._attempts, sample.attempt)

    def says(self) -> str:
        """Returns the breach in one line; empty where the sample's own explanation is better."""
        return ""

    def counters(self) -> tuple[int, ...]:
        """Returns the counters that a restart must resume; all zeros without any state."""
        return ()

    def resume(self, counters: tuple[int, ...], since: Moment | None) -> None:
        """Resumes the values of `counters` and `since` from before a restart."""
        self._since = since

    def begin_anew(self) -> None:
        """Counts from zero: silence that counts as good has ended the breach."""
        self.resume((0,) * len(self.counters()), None)


BAD_FROM: dict[str, frozenset[Outcome]] = {
    "down": frozenset({Outcome.DOWN, Outcome.TIMED_OUT}),
    "degraded": frozenset({Outcome.DEGRADED, Outcome.DOWN, Outcome.TIMED_OUT}),
}


class ConsecutiveEvaluator(Evaluator):
    """Counts bad samples in a row up to `after`, and good ones up to `recover`."""

    __slots__ = ("_failures", "_rule", "_successes")

    def __init__(self, rule: Consecutive) -> None:
        super().__init__()
        self._rule = rule
        self._failures = 0
        self._successes = 0

    def take(self, sample: Sample, *, firing: bool) -> Verdict:
        if sample.outcome in BAD_FROM[self._rule.on]:
            return self._bad(sample)
        return self._good(sample, firing=firing)

    def is_bad(self, sample: Sample, verdict: Verdict) -> bool:
        """Also where it is the first one after a good one, which changes nothing yet."""
        del verdict
        return sample.outcome in BAD_FROM[self._rule.on]

    def _bad(self, sample: Sample) -> Verdict:
        if not self._failures:
            self._since = sample.at
            self._attempts = ()
        self._successes = 0
        self._failures = min(self._failures + 1, limits.CONSECUTIVE_MAX)
        self._add_evidence(sample)
        return Verdict.VIOLATED if self._failures >= self._rule.after else Verdict.UNCHANGED

    def _good(self, sample: Sample, *, firing: bool) -> Verdict:
        self._failures = 0
        if not firing:
            self._successes = 0
            self._since = None
            self._attempts = ()
            return Verdict.OK
        if not self._successes:
            self._attempts = ()
        self._successes = min(self._successes + 1, limits.CONSECUTIVE_MAX)
        self._add_evidence(sample)
        return Verdict.OK if self._successes >= self._rule.recover else Verdict.UNCHANGED

    def counters(self) -> tuple[int, ...]:
        return (self._failures, self._successes)

    def resume(self, counters: tuple[int, ...], since: Moment | None) -> None:
        self._failures, self._successes = counters
        self._since = since


NO_PHASES = Phases()


def _milliseconds(value_ns: int | None) -> float | None:
    return None if value_ns is None else value_ns / NS_PER_MS


MEASURES: dict[str, Callable[[Sample], float | None]] = {
    "response_time": lambda sample: _milliseconds(sample.latency_ns),
    "status": lambda sample: sample.status,
    "certificate_expiration": lambda sample: _milliseconds(sample.certificate_expires_in_ns),
    "dns": lambda sample: _milliseconds((sample.phases or NO_PHASES).dns_ns),
    "connect": lambda sample: _milliseconds((sample.phases or NO_PHASES).connect_ns),
    "tls": lambda sample: _milliseconds((sample.phases or NO_PHASES).tls_ns),
    "first_byte": lambda sample: _milliseconds((sample.phases or NO_PHASES).first_byte_ns),
    "transfer": lambda sample: _milliseconds((sample.phases or NO_PHASES).transfer_ns),
}
"""The measures that every sample may have, unless its check reports a figure of the same name."""


def measured(sample: Sample, name: str) -> float | None:
    """Returns the figure `name` of a sample, None without one. A figure that the check reports by this name comes first."""
    for figure in sample.measurements:
        if figure.name == name:
            return figure.value
    reader = MEASURES.get(name)
    return None if reader is None else reader(sample)


ANSWER_TIMES = frozenset({"response_time", "first_byte", "transfer"})
"""Measures that exist only with an answer. A look-up, a connect or a handshake that was measured has ended,
whatever followed; a certificate is valid as long as it states; a reported figure is the host's own finding."""
OWN_TIMES = ANSWER_TIMES | {"dns", "connect", "tls"}
"""Measures that the runtime takes itself, by the turns of its own loop."""
AT_LEAST = frozenset({">", ">="})


def counted(sample: Sample, rule: Threshold) -> float | None:
    """Returns the figure that is evidence for a rule, None without any.

    The time of an answer that never came is no evidence: a refusal after a fifth of a millisecond is no fast answer,
    and it neither opens nor resolves nor enters the window. An attempt that the deadline cut off took at least that
    long: it counts where this alone breaks the rule.
    """
    value = measured(sample, rule.measure)
    if value is not None and sample.blocked_ns and rule.measure in OWN_TIMES:
        value = _certain(value, sample, rule)
    if value is None or rule.measure not in ANSWER_TIMES:
        return value
    if sample.reason in WITHOUT_ANSWER:
        return None
    if sample.outcome is not Outcome.TIMED_OUT:
        return value
    at_least = rule.operator in AT_LEAST and rule.mode is not Mode.RATE_OF_CHANGE
    return value if at_least and OPERATORS[rule.operator](value, rule.bound) else None


def _certain(value: float, sample: Sample, rule: Threshold) -> float | None:
    """Returns a time without the block of the runtime's own loop that may be in it.

    None, which is no evidence, where the block alone may put it on the other side of the rule's value, and in a rate, to
    which any error of a single time may add.
    """
    if any(figure.name == rule.measure for figure in sample.measurements):
        return value
    least = max(0.0, value - (sample.blocked_ns or 0) / NS_PER_MS)
    breach = OPERATORS[rule.operator]
    decides = breach(value, rule.bound) is not breach(least, rule.bound)
    return None if decides or rule.mode is Mode.RATE_OF_CHANGE else least


class ThresholdEvaluator(Evaluator):
    """Compares one figure of a window with a value.

    After a restart the window refills from new samples, and an open incident stays until it is covered.
    """

    __slots__ = ("_breach", "_rule", "_window")

    def __init__(self, rule: Threshold) -> None:
        super().__init__()
        self._rule = rule
        length_ns = parse_duration(rule.window) if isinstance(rule.window, str) else None
        count_max = rule.window if isinstance(rule.window, int) else limits.WINDOW_SAMPLES_MAX
        # In consecutive mode the window holds 1.0 for each violation, else 0.0; a minimum of 1.0 means all violate.
        aggregate = Aggregate.MIN if rule.mode is Mode.CONSECUTIVE else rule.aggregate
        self._window = SampleWindow(summary_of(aggregate), count_max=count_max, length_ns=length_ns)
        self._breach = OPERATORS[rule.operator]

    def take(self, sample: Sample, *, firing: bool) -> Verdict:
        value = counted(sample, self._rule)
        if value is None:
            return Verdict.UNCHANGED
        verdict = self._judge(sample.at.monotonic_ns, value)
        waited = sample.outcome is Outcome.TIMED_OUT and self._rule.measure in ANSWER_TIMES
        if verdict is Verdict.OK and waited:
            return Verdict.UNCHANGED
        self._remember(sample, verdict)
        stands = verdict is Verdict.VIOLATED or not firing or self._window.covered()
        return verdict if stands else Verdict.UNCHANGED

    def _judge(self, at_ns: int, value: float) -> Verdict:
        rule, window = self._rule, self._window
        match rule.mode:
            case Mode.CONSECUTIVE:
                window.add(at_ns, float(self._breach(value, rule.bound)))
                if not window.read():
                    return Verdict.OK
                return Verdict.VIOLATED if window.covered() else Verdict.UNCHANGED
            case Mode.THRESHOLD | Mode.RATE_OF_CHANGE:
                window.add(at_ns, value)
                figure = window.read() if rule.mode is Mode.THRESHOLD else window.change_per_second()
                if figure is None:
                    return Verdict.UNCHANGED
                return Verdict.VIOLATED if self._breach(figure, rule.bound) else Verdict.OK
            case _:
                assert_never(rule.mode)

    @property
    def figure(self) -> float | None:
        """The figure that is compared, as of the newest value; None without one, and where every value is compared."""
        if not len(self._window) or self._rule.mode is Mode.CONSECUTIVE:
            return None
        is_rate = self._rule.mode is Mode.RATE_OF_CHANGE
        return self._window.change_per_second() if is_rate else self._window.read()

    def _remember(self, sample: Sample, verdict: Verdict) -> None:
        if verdict is Verdict.OK:
            self._since = None
            self._attempts = (sample.attempt,)
            return
        if self._since is None:
            self._since = sample.at
            self._attempts = ()
        self._add_evidence(sample)

    def says(self) -> str:
        rule, window = self._rule, self._window
        bound = _said(rule, rule.bound)
        match rule.mode:
            case Mode.THRESHOLD:
                figure = _said(rule, window.read())
                return f"{rule.aggregate.value} of {rule.measure} is {figure}, {rule.operator} {bound}"
            case Mode.CONSECUTIVE:
                return f"{len(window)} values of {rule.measure} in a row are {rule.operator} {bound}"
            case Mode.RATE_OF_CHANGE:
                rate = _said(rule, window.change_per_second() or 0.0)
                return f"{rule.measure} changes by {rate} a second, {rule.operator} {bound}"
            case _:
                assert_never(rule.mode)


def _said(rule: Threshold, figure: float) -> str:
    """Returns a figure as the rule has its value; a time that is written as a number has its unit."""
    said = rule.text_of(figure)
    return f"{said} ms" if rule.measure in OWN_TIMES and not isinstance(rule.value, str) else said


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


def evaluator_of(rule: Rule) -> Evaluator:
    """Returns a new evaluator for a rule on one target."""
    match rule:
        case Consecutive():
            return ConsecutiveEvaluator(rule)
        case Threshold():
            return ThresholdEvaluator(rule)
        case NoData():
            return NoDataEvaluator(rule)
        case _:
            assert_never(rule)
