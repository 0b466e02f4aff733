"""Rules: named policies over the samples of one target, as written in a configuration or in Python."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from typing import Annotated, Literal, TypeAlias, TypedDict, Unpack

import msgspec

from .. import limits
from ..time.duration import Duration, format_duration, parse_duration
from ..units import NS_PER_MS
from .construction import Specification
from .text import DurationText, Name

Times = Annotated[int, msgspec.Meta(ge=1, le=limits.CONSECUTIVE_MAX)]


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
ModeLike: TypeAlias = Mode | Literal["threshold", "consecutive", "rate_of_change"]
NoDataPolicyLike: TypeAlias = NoDataPolicy | Literal["keep", "fire", "ok"]
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
    on: Literal["down", "degraded"] = "down"
    """The mildest outcome that counts as bad."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        after: int = ...,
        recover: int = ...,
        on: Literal["down", "degraded"] = ...,
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
    """`response_time` (ms), `dns`, `connect`, `tls`, `first_byte`, `transfer` (ms), `status`, `certificate_expiration` (ms), or
    the name of a measurement that the probe reports."""
    operator: Operator = ">"
    """How the figure stands to `value` while the rule is broken."""
    value: float | DurationText
    """The value to compare with: a number, of milliseconds where the measure is a time, or there a duration such as 14d."""
    window: DurationText | Annotated[int, msgspec.Meta(ge=1, le=limits.WINDOW_SAMPLES_MAX)] = 1
    """A count of samples, or a length of time (newest first, its far end exclusive)."""
    aggregate: Aggregate = Aggregate.LAST
    """How the values in the window become the figure."""
    mode: Mode = Mode.THRESHOLD
    """The compared figure: the aggregate, or its change per second."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        value: float | str | timedelta,
        measure: str = ...,
        operator: Operator = ...,
        window: int | str | timedelta = ...,
        aggregate: AggregateLike = ...,
        mode: ModeLike = ...,
        **fields: Unpack[RuleFields],
    ) -> None: ...

    @property
    def bound(self) -> float:
        """The value as a number; of a duration its milliseconds."""
        return parse_duration(self.value) / NS_PER_MS if isinstance(self.value, str) else self.value

    def text_of(self, figure: float) -> str:
        """Returns a figure as the value is written: as a duration, to the millisecond, or as a number."""
        as_written = isinstance(self.value, str) and isfinite(figure)
        return format_duration(round(figure) * NS_PER_MS) if as_written else f"{figure:g}"


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


Rule: TypeAlias = Consecutive | Threshold | NoData

DOWN = Consecutive(id="down")
MISSED = Consecutive(id="missed", after=1, recover=1)


@lru_cache(limits.DURATIONS_KEPT)
def default_rules(kind: str, silence_ns: int) -> tuple[Rule, ...]:
    """Returns the rules that a target of a kind has beside its own; `silence_ns` is the bound that its cadence gives."""
    if kind == "heartbeat":
        return (MISSED,)
    after = format_duration(max(silence_ns, limits.SILENT_AFTER_NS_MIN))
    return (DOWN, NoData(id="silent", severity=Severity.WARNING, after=after))


def illegal_transitions(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> tuple[str, ...]:
    """Returns the illegal lifecycle transitions of a new list of rules, one sentence each."""
    before = {rule.id: rule.state for rule in old}
    return tuple(
        f"rule {rule.id!r} is {before[rule.id].value} and cannot become {rule.state.value}: give a new rule a new id"
        for rule in new
        if rule.id in before
        and rule.state is not before[rule.id]
        and rule.state not in RULE_TRANSITIONS[before[rule.id]]
    )
