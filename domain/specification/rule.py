"""Rules: named policies over the samples of one target, as written in a configuration or in Python."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from typing import Annotated, Literal, NamedTuple, TypeAlias, TypedDict, Unpack

import msgspec
from msgspec import UNSET, UnsetType

from .. import limits
from ..time.duration import Duration, format_duration, parse_duration
from ..units import NS_PER_MS
from .construction import Specification
from .text import DurationText, Name, PercentText

Times = Annotated[int, msgspec.Meta(ge=1, le=limits.CONSECUTIVE_MAX)]
Last = Annotated[int, msgspec.Meta(ge=1, le=limits.COUNTED_SAMPLES_MAX)]
SampleSpan = DurationText | Annotated[int, msgspec.Meta(ge=1, le=limits.WINDOW_SAMPLES_MAX)]


class Severity(StrEnum):
    """How much an incident matters, mildest first; a channel chooses from which one on it is notified."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class RuleState(StrEnum):
    """The lifecycle of a rule: a draft is evaluated but tells nobody, a retired rule is not evaluated."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


RULE_TRANSITIONS: dict[RuleState, tuple[RuleState, ...]] = {
    RuleState.DRAFT: (RuleState.ACTIVE, RuleState.RETIRED),
    RuleState.ACTIVE: (RuleState.RETIRED,),
    RuleState.RETIRED: (),
}


class Aggregate(StrEnum):
    """How the values of a window become one."""

    LAST = "last"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    P50 = "p50"
    P75 = "p75"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"


class Mode(StrEnum):
    """The aggregate of a window that is compared with the value."""

    THRESHOLD = "threshold"
    """The aggregate."""
    CONSECUTIVE = "consecutive"
    """Every single value of the window."""
    RATE_OF_CHANGE = "rate_of_change"
    """The change per second from the window's first value to its last."""
    RELATIVE_CHANGE = "relative_change"
    """The aggregate's change in percent against the same of the `baseline`, the window before."""


class NoDataPolicy(StrEnum):
    """The meaning of missing evidence for a no_data rule."""

    KEEP = "keep"
    FIRE = "fire"
    OK = "ok"


SeverityLike: TypeAlias = Severity | Literal["info", "warning", "critical"]
RuleStateLike: TypeAlias = RuleState | Literal["draft", "active", "retired"]
AggregateLike: TypeAlias = (
    Aggregate | Literal["last", "mean", "min", "max", "p50", "p75", "p90", "p95", "p99"]
)
ModeLike: TypeAlias = Mode | Literal["threshold", "consecutive", "rate_of_change", "relative_change"]
NoDataPolicyLike: TypeAlias = NoDataPolicy | Literal["keep", "fire", "ok"]
CountedLevel: TypeAlias = Literal["down", "degraded", "warning"]
Operator: TypeAlias = Literal[">", ">=", "<", "<=", "==", "!="]


class RuleFields(TypedDict, total=False):
    """The common fields of every rule kind besides its id."""

    severity: SeverityLike
    state: RuleStateLike
    for_: Duration
    keep_firing_for: Duration


class _Rule(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    id: Name
    """The name of the rule, which its incidents carry; no two rules of a target share one."""
    severity: Severity = Severity.CRITICAL
    """How much its incidents matter; a channel is told from its `min_severity` on."""
    state: RuleState = RuleState.ACTIVE
    """A draft is evaluated and recorded but tells nobody; a retired rule is not evaluated."""
    for_: DurationText = msgspec.field(default="0s", name="for")
    """How long it must be broken before an incident opens."""
    keep_firing_for: DurationText = "0s"
    """How long it must be whole before an incident resolves."""


class Consecutive(_Rule, frozen=True, kw_only=True, tag="consecutive"):
    """Broken after `after` bad samples in a row, whole again after `recover` good ones."""

    after: Times = 3
    """How many bad samples in a row break it."""
    recover: Times = 2
    """How many good samples in a row make it whole again."""
    on: CountedLevel = "down"
    """The mildest outcome that counts as bad; with `warning` a degraded sample alone does, and a worse one changes nothing."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        after: int = ...,
        recover: int = ...,
        on: CountedLevel = ...,
        **fields: Unpack[RuleFields],
    ) -> None: ...


class KOfN(_Rule, frozen=True, kw_only=True, tag="k_of_n"):
    """Broken while at least `bad` of the last `of` samples are bad, whole again once fewer are and the last `recover` were good."""

    bad: Last
    """How many bad samples among the last ones break it."""
    of: Last
    """How many of the last samples are counted."""
    recover: Times = 2
    """How many good samples in a row make it whole again, once fewer than `bad` are left."""
    on: CountedLevel = "down"
    """The mildest outcome that counts as bad; with `warning` a degraded sample alone does, and a worse one changes nothing."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        bad: int,
        of: int,
        recover: int = ...,
        on: CountedLevel = ...,
        **fields: Unpack[RuleFields],
    ) -> None: ...


class Nagios(_Rule, frozen=True, kw_only=True, tag="nagios"):
    """Soft and hard states as in Nagios: a problem is soft until `max_check_attempts` bad samples in a row, then hard.

    A degraded sample is WARNING, a bad one CRITICAL, and both count. The incident opens with the hard state; it is changed when the
    hard state is another one, and one good sample ends it. A WARNING has the severity `warning` at most.
    """

    max_check_attempts: Times = 3
    """At which bad sample in a row the state is hard; `retry_every` of the target is the cadence until then."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        max_check_attempts: int = ...,
        **fields: Unpack[RuleFields],
    ) -> None: ...


class Threshold(_Rule, frozen=True, kw_only=True, tag="threshold"):
    """Broken while a figure of the samples in a window stands in the given relation to `value`.

    A target that does not answer is neither slow nor fast: `response_time`, `first_byte` and `transfer` of a sample without an
    answer (refused, reset, no such name, cut short) change nothing. An answer that did not come in time counts as having taken that
    long where this alone is too long, and not at all otherwise. A wrong answer, of status 500 say, is an answer. A time that a block of
    the runtime itself may have put on the other side of `value` changes nothing.
    """

    measure: str = "response_time"
    """`response_time` (ms), `dns`, `connect`, `tls`, `first_byte`, `transfer` (ms), `status`, `certificate_expiration` (ms),
    `availability` (%: 0 of a bad sample, 100 of any other), or the name of a measurement that the probe reports."""
    operator: Operator = ">"
    """How the figure stands to `value` while the rule is broken."""
    value: float | DurationText
    """The value to compare with: a number, of milliseconds where the measure is a time, or there a duration such as 14d."""
    recover: float | DurationText | UnsetType = UNSET
    """The value to compare with while its incident is open, in place of `value`; default: the same."""
    window: SampleSpan = 1
    """A count of samples, or a length of time (newest first, its far end exclusive)."""
    baseline: SampleSpan | UnsetType = UNSET
    """With `mode: relative_change`: the window before `window`, to which it is compared; default: one of the same length."""
    min_samples: Annotated[int, msgspec.Meta(ge=1, le=limits.WINDOW_SAMPLES_MAX)] = 1
    """How many values a window must hold; with fewer the rule is not judged."""
    aggregate: Aggregate = Aggregate.LAST
    """How the values in the window become the figure."""
    mode: Mode = Mode.THRESHOLD
    """The compared figure: the aggregate, or its change per second, or in percent."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        value: float | str | timedelta,
        measure: str = ...,
        operator: Operator = ...,
        recover: float | str | timedelta = ...,
        window: int | str | timedelta = ...,
        baseline: int | str | timedelta = ...,
        min_samples: int = ...,
        aggregate: AggregateLike = ...,
        mode: ModeLike = ...,
        **fields: Unpack[RuleFields],
    ) -> None: ...

    @property
    def bound(self) -> float:
        """The value as a number; of a duration its milliseconds."""
        return _number_of(self.value)

    @property
    def recovery_bound(self) -> float:
        """The same of the value that is compared with while its incident is open."""
        return self.bound if self.recover is UNSET else _number_of(self.recover)

    @property
    def is_of_change(self) -> bool:
        """Whether the compared figure is a change, which has no unit of its measure and no bounds."""
        return self.mode in {Mode.RATE_OF_CHANGE, Mode.RELATIVE_CHANGE}

    def text_of(self, figure: float) -> str:
        """Returns a figure as the value is written: as a duration, to the millisecond, or as a number."""
        as_written = isinstance(self.value, str) and isfinite(figure)
        return format_duration(round(figure) * NS_PER_MS) if as_written else f"{figure:g}"


def _number_of(value: float | str) -> float:
    return parse_duration(value) / NS_PER_MS if isinstance(value, str) else value


class NoData(_Rule, frozen=True, kw_only=True, tag="no_data"):
    """Judges silence: no sample that is evidence for longer than `after`; a missed heartbeat is none."""

    after: DurationText | None = None
    """How long silence may last; default: two and a half times the cadence plus the timeout."""
    policy: NoDataPolicy = NoDataPolicy.FIRE
    """The effect of missing evidence: an incident (`fire`), no change (`keep`), or a good verdict (`ok`)."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        after: Duration | None = ...,
        policy: NoDataPolicyLike = ...,
        **fields: Unpack[RuleFields],
    ) -> None: ...


Rule: TypeAlias = Consecutive | KOfN | Nagios | Threshold | NoData
"""A rule as a configuration states it."""


class BurnWindow(NamedTuple):
    """A long window and its last twelfth, and the share of the error budget that may be spent in the long one."""

    long: str
    short: str
    budget: float


BURN_WINDOWS: dict[str, tuple[BurnWindow, ...]] = {
    "page": (BurnWindow("1h", "5m", 0.02), BurnWindow("6h", "30m", 0.05)),
    "ticket": (BurnWindow("1d", "2h", 0.10), BurnWindow("3d", "6h", 0.10)),
}
"""The windows of Google's SRE workbook, each alone enough for its page or ticket."""


class BurnLimit(NamedTuple):
    """The share of bad samples that breaks a rule where both windows exceed it."""

    windows: BurnWindow
    factor: float
    """How many times as fast as an even pace the error budget may be spent."""
    ratio: float
    """The share of bad samples, above 1 where no outage reaches it."""


class Slo(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service level objective: its error budget, spent too fast, opens `slo-page` (critical) or `slo-ticket` (warning).

    Samples are counted over two windows each, as in Google's SRE workbook; a degraded sample is good.
    """

    objective: PercentText
    """The share of good samples that is promised, such as `99.9%`."""
    window: DurationText = "30d"
    """The time over which it is promised."""
    min_samples: Annotated[int, msgspec.Meta(ge=1, le=limits.WINDOW_SAMPLES_MAX)] = limits.SLO_SAMPLES_MIN
    """How many samples both windows of a pair must hold; with fewer that pair is not judged."""

    def __init__(self, *, objective: str, window: Duration = ..., min_samples: int = ...) -> None: ...

    @property
    def error_budget(self) -> float:
        """The share of bad samples that the objective leaves."""
        return float((100 - Decimal(self.objective.removesuffix("%"))) / 100)

    def limit_of(self, windows: BurnWindow) -> BurnLimit:
        """Returns at which share of bad samples so much of the budget is spent within the long window."""
        factor = windows.budget * parse_duration(self.window) / parse_duration(windows.long)
        return BurnLimit(windows, factor, factor * self.error_budget)

    @property
    def rules(self) -> tuple[BurnRate, ...]:
        """The rules by which it is judged."""
        return _burn_rates(self)


class BurnRate(_Rule, frozen=True, kw_only=True, tag="burn_rate"):
    """Broken while the error budget of an objective is spent too fast, over a long and a short window of one pair."""

    slo: Slo
    """The objective."""
    urgency: Literal["page", "ticket"]
    """The kind of its pairs of windows."""

    @property
    def burn_limits(self) -> tuple[BurnLimit, ...]:
        """The pairs that are judged, the shortest first."""
        return tuple([self.slo.limit_of(windows) for windows in BURN_WINDOWS[self.urgency]])


@lru_cache(limits.DURATIONS_KEPT)
def _burn_rates(slo: Slo) -> tuple[BurnRate, ...]:
    page = BurnRate(id="slo-page", slo=slo, urgency="page")
    return (page, BurnRate(id="slo-ticket", severity=Severity.WARNING, slo=slo, urgency="ticket"))


JudgedRule: TypeAlias = Rule | BurnRate
"""A rule of a target, stated or made from its objective."""

DOWN = Consecutive(id="down")
MISSED = Consecutive(id="missed", after=1, recover=1)
WARNED = Consecutive(id="warn", severity=Severity.WARNING, after=2, on="warning")
"""The rule of a target with conditions under `warn`; an outage neither opens nor ends its incident."""


@lru_cache(limits.DURATIONS_KEPT)
def default_rules(kind: str, silence_ns: int) -> tuple[Rule, ...]:
    """Returns the rules that a target of a kind has beside its own; `silence_ns` is the bound that its cadence gives."""
    if kind == "heartbeat":
        return (MISSED,)
    after = format_duration(max(silence_ns, limits.SILENT_AFTER_NS_MIN))
    return (DOWN, NoData(id="silent", severity=Severity.WARNING, after=after))


def illegal_transitions(old: tuple[JudgedRule, ...], new: tuple[JudgedRule, ...]) -> tuple[str, ...]:
    """Returns the illegal lifecycle transitions of a new list of rules, one sentence each."""
    before = {rule.id: rule.state for rule in old}
    return tuple(
        f"rule {rule.id!r} is {before[rule.id].value} and cannot become {rule.state.value}: give a new rule a new id"
        for rule in new
        if rule.id in before
        and rule.state is not before[rule.id]
        and rule.state not in RULE_TRANSITIONS[before[rule.id]]
    )
