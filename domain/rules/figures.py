"""Figures of samples: what each measure reads, and the evaluator that compares a figure of a window with a value."""

from collections.abc import Callable
from typing import assert_never

from msgspec import UNSET

from .. import limits
from ..conditions.comparison import OPERATORS
from ..observation.observation import Phases
from ..observation.outcome import WITHOUT_ANSWER, Outcome
from ..observation.sample import Sample
from ..specification.rule import Aggregate, Mode, Threshold
from ..time.duration import parse_duration
from ..units import NS_PER_MS
from .cause import Cause
from .evaluator import OK, UNCHANGED, VIOLATED, Evaluator, Verdict
from .window import SampleWindow, summary_of

NO_PHASES = Phases()


def _milliseconds(value_ns: int | None) -> float | None:
    return None if value_ns is None else value_ns / NS_PER_MS


MEASURES: dict[str, Callable[[Sample], float | None]] = {
    "response_time": lambda sample: _milliseconds(sample.latency_ns),
    "status": lambda sample: sample.status,
    "availability": lambda sample: 0.0 if sample.outcome.is_bad else 100.0,
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


def counted(sample: Sample, rule: Threshold, firing: bool = False) -> float | None:
    """Returns the figure that is evidence for a rule, None without any.

    The time of an answer that never came is no evidence: a refusal after a fifth of a millisecond is no fast answer,
    and it neither opens nor resolves nor enters the window. An attempt that the deadline cut off took at least that
    long: it counts where this alone breaks the rule.
    """
    value = measured(sample, rule.measure)
    if value is not None and sample.blocked_ns and rule.measure in OWN_TIMES:
        value = _certain(value, sample, rule, firing=firing)
    if value is None or rule.measure not in ANSWER_TIMES:
        return value
    if sample.reason in WITHOUT_ANSWER:
        return None
    if sample.outcome is not Outcome.TIMED_OUT:
        return value
    at_least = rule.operator in AT_LEAST and not rule.is_of_change
    return value if at_least and OPERATORS[rule.operator](value, _bound(rule, firing=firing)) else None


def _bound(rule: Threshold, *, firing: bool) -> float:
    return rule.recovery_bound if firing else rule.bound


def _certain(value: float, sample: Sample, rule: Threshold, *, firing: bool) -> float | None:
    """Returns a time without the block of the runtime's own loop that may be in it.

    None, which is no evidence, where the block alone may put it on the other side of the rule's value, and in a change, to
    which any error of a single time may add.
    """
    if any(figure.name == rule.measure for figure in sample.measurements):
        return value
    least = max(0.0, value - (sample.blocked_ns or 0) / NS_PER_MS)
    breach, bound = OPERATORS[rule.operator], _bound(rule, firing=firing)
    decides = breach(value, bound) is not breach(least, bound)
    return None if decides or rule.is_of_change else least


def _window_of(rule: Threshold, asked: int | str) -> SampleWindow:
    length_ns = parse_duration(asked) if isinstance(asked, str) else None
    count_max = asked if isinstance(asked, int) else limits.WINDOW_SAMPLES_MAX
    aggregate = Aggregate.MIN if rule.mode is Mode.CONSECUTIVE else rule.aggregate
    return SampleWindow(summary_of(aggregate), count_max=count_max, length_ns=length_ns)


class ThresholdEvaluator(Evaluator):
    """Compares one figure of a window with a value.

    After a restart the window refills from new samples, and an open incident stays until it is covered.
    """

    __slots__ = (
        "_baseline",
        "_bounds",
        "_breach",
        "_compares_each",
        "_figure_is_aggregate",
        "_firing",
        "_least",
        "_rule",
        "_window",
    )

    def __init__(self, rule: Threshold) -> None:
        super().__init__()
        self._rule = rule
        self._window = _window_of(rule, rule.window)
        changes = rule.mode is Mode.RELATIVE_CHANGE
        before = rule.window if rule.baseline is UNSET else rule.baseline
        self._baseline = _window_of(rule, before) if changes else None
        self._breach = OPERATORS[rule.operator]
        self._bounds = rule.bound, rule.recovery_bound
        """The value that opens an incident, and the one that ends it."""
        self._least = rule.min_samples
        self._compares_each = rule.mode is Mode.CONSECUTIVE
        self._figure_is_aggregate = rule.mode is Mode.THRESHOLD
        self._firing = False

    def take(self, sample: Sample, *, firing: bool) -> Verdict:
        self._firing = firing
        value = counted(sample, self._rule, firing)
        if value is None:
            return UNCHANGED
        verdict = self._judge(sample.at.monotonic_ns, value)
        waited = sample.outcome is Outcome.TIMED_OUT and self._rule.measure in ANSWER_TIMES
        if verdict is OK and waited:
            return UNCHANGED
        self._remember(sample, verdict)
        stands = not firing or verdict is VIOLATED or self._window.covered()
        return verdict if stands else UNCHANGED

    def _judge(self, at_ns: int, value: float) -> Verdict:
        window = self._window
        window.add(at_ns, self._degree(value) if self._compares_each else value, self._baseline)
        if self._least > 1 and len(window) < self._least:
            return UNCHANGED
        if self._compares_each:
            if window.read() < (0.5 if self._firing else 1.0):
                return OK
            return VIOLATED if window.covered() else UNCHANGED
        figure = window.read() if self._figure_is_aggregate else self.figure
        if figure is None:
            return UNCHANGED
        return VIOLATED if self._breach(figure, self._bounds[self._firing]) else OK

    def _degree(self, value: float) -> float:
        """How far a value breaks the rule: 1 beyond the value that opens, a half beyond the one that ends, else 0."""
        opens, ends = self._bounds
        if self._breach(value, opens):
            return 1.0
        return 0.5 if ends != opens and self._breach(value, ends) else 0.0

    @property
    def figure(self) -> float | None:
        """The figure that is compared, as of the newest value; None without one, and where every value is compared."""
        if not len(self._window):
            return None
        match self._rule.mode:
            case Mode.RELATIVE_CHANGE:
                return self._relative_change()
            case Mode.RATE_OF_CHANGE:
                return self._window.change_per_second()
            case Mode.THRESHOLD:
                return self._window.read()
            case Mode.CONSECUTIVE:
                return None
            case _:
                assert_never(self._rule.mode)

    def _relative_change(self) -> float | None:
        """The change against the window before, in percent; None until that one is whole, and where its figure is 0."""
        before = self._baseline
        if before is None or not before.covered() or len(before) < self._least:
            return None
        figure = before.read()
        return (self._window.read() - figure) / abs(figure) * 100 if figure else None

    def _remember(self, sample: Sample, verdict: Verdict) -> None:
        if verdict is OK:
            self._since = None
            self._attempts = (sample.attempt,)
            return
        if self._since is None:
            self._since = sample.at
            self._attempts = ()
        self._add_evidence(sample)

    def breach(self, cause: Cause) -> Cause:
        del cause
        return Cause("threshold", self.says())

    def says(self) -> str:
        """Returns the breach in one line."""
        rule, window = self._rule, self._window
        bound = _said(rule, self._bounds[self._firing])
        match rule.mode:
            case Mode.THRESHOLD:
                figure = _said(rule, window.read())
                return f"{rule.aggregate.value} of {rule.measure} is {figure}, {rule.operator} {bound}"
            case Mode.CONSECUTIVE:
                return f"{len(window)} values of {rule.measure} in a row are {rule.operator} {bound}"
            case Mode.RATE_OF_CHANGE:
                rate = _said(rule, window.change_per_second() or 0.0)
                return f"{rule.measure} changes by {rate} a second, {rule.operator} {bound}"
            case Mode.RELATIVE_CHANGE:
                return self._says_change()
            case _:
                assert_never(rule.mode)

    def _says_change(self) -> str:
        rule, now = self._rule, self._window.read()
        what = f"{rule.aggregate.value} of {rule.measure}"
        changed = f"{self._relative_change() or 0.0:+.3g}%, {rule.operator} {self._bounds[self._firing]:g}%"
        before = 0.0 if self._baseline is None or not len(self._baseline) else self._baseline.read()
        unit = " ms" if rule.measure in OWN_TIMES else ""
        return f"{what} is {now:g}{unit} after {before:g}{unit}: {changed}"


def _said(rule: Threshold, figure: float) -> str:
    """Returns a figure as the rule has its value; a time that is written as a number has its unit."""
    said = rule.text_of(figure)
    return f"{said} ms" if rule.measure in OWN_TIMES and not isinstance(rule.value, str) else said
