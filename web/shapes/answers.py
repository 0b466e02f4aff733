"""The answers of the API and what may be asked: times are RFC 3339 in UTC, lengths are milliseconds."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from ...domain.incidents.incident import TransitionKind
from ...domain.incidents.notice import DeliveryState
from ...domain.observation.attempt import AttemptState
from ...domain.observation.outcome import Outcome, Reason
from ...domain.public_value import PublicValue
from ...domain.rules.aggregate import Status
from ...domain.specification.rule import Severity
from ...domain.specification.text import Matchers, Name
from ..limits import LIST_DEFAULT, LIST_MAX
from .jobs import JobRow
from .location_rows import LocationRow

T = TypeVar("T")
Limit = Annotated[int, msgspec.Meta(ge=1, le=LIST_MAX, description="The most items of one answer.")]
After = Annotated[str, msgspec.Meta(min_length=1, max_length=256, description="`next` of the answer before.")]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
Words = Annotated[str, msgspec.Meta(max_length=256)]
SILENCE_ID = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}"
"""The ids of silences that are made over the API; a program may give them others."""
LengthText = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        pattern=r"^(([0-9]+(\.[0-9]+)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d|w))+(?![\s\S])",
        description="A duration such as 90s, 1h30m or 7d.",
    ),
]


class Listed(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One part of a list."""

    items: list[T]
    next: str | None = None
    """The `after` of the part that follows; null at the end."""


class TargetRow(PublicValue, frozen=True, kw_only=True):
    """The status of one target."""

    id: str
    group: str
    name: str
    """Its name for people; empty where the configuration states none."""
    labels: dict[str, str]
    description: str
    link: str
    runbook: str
    public: str
    kind: str
    status: Status
    since: datetime
    """When this status began."""
    raw: Status
    """The status by the newest sample alone."""
    explanation: str
    """Why it is not up; empty where it is."""
    paused: bool
    sampled_at: datetime | None
    outcome: Outcome | None
    reason: Reason | None
    latency_ms: float | None
    samples: int
    missed: int
    """Ticks that passed without an attempt."""
    open_incidents: list[str]
    silences: list["SilenceRow"]
    maintenance: "MaintenanceRow | None" = None
    """The planned maintenance in force, of several the one that ends last; it may hold the notices of some incidents alone."""
    job: JobRow | None = None
    """Of a target that reports by itself: when it is expected, and what runs."""
    locations: list[LocationRow] = msgspec.field(default_factory=list)
    """The findings of the locations that probe it, in the newest sample of this run; empty where the runtime alone does."""


class AttemptRow(PublicValue, frozen=True, kw_only=True):
    """One attempt."""

    epoch: int
    number: int
    state: AttemptState
    due_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    lateness_ms: float
    missed: int
    outcome: str


class SampleRow(PublicValue, frozen=True, kw_only=True):
    """One sample as the store keeps it."""

    at: datetime
    outcome: Outcome
    reason: Reason
    status: int | None
    latency_ms: float | None
    explanation: str


class EvidenceRow(PublicValue, frozen=True, kw_only=True):
    """The facts that one bad sample was judged by."""

    at: datetime
    ip: str | None
    phases_ms: dict[str, float]
    """The phases that happened: `dns`, `connect`, `tls`, `first_byte`, `transfer`."""
    failed: list[str]
    """The failed conditions, each with the value that it found."""
    body: str
    """The beginning of the body."""


class RollupRow(msgspec.Struct, frozen=True, kw_only=True):
    """The samples of one hour or one day."""

    at: datetime
    count: int
    good: int
    bad: int
    unknown: int
    uptime: float | None
    """The good share of what was evidence; null without evidence."""
    p50_ms: float | None
    p95_ms: float | None
    max_ms: float | None


class IncidentRow(PublicValue, frozen=True, kw_only=True):
    """The state of one incident."""

    id: str
    target: str
    rule: str
    severity: Severity
    status: Literal["open", "resolved"]
    change: TransitionKind
    """The kind of its last transition."""
    sequence: int
    at: datetime
    """When the last transition was decided."""
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_until: datetime | None
    """When the acknowledgement ends by itself."""
    acknowledged_until_worse: bool
    """Whether a rise of the severity ends the acknowledgement."""
    resolved_at: datetime | None
    note: str
    """The text of the acknowledgement."""
    cause: str
    """The finding at its opening."""
    latest: str
    """The newest finding."""
    reason: str
    """Of the last transition."""
    explanation: str
    draft: bool
    drill: str | None
    """The route that it is a drill of; null for an incident that something has caused."""
    notify: list[str]


class SilenceRow(PublicValue, frozen=True, kw_only=True):
    """One silence in force."""

    id: str
    target: str | None
    """The id of a target, or a glob; null: every target."""
    match: list[str]
    until: datetime
    by: str
    reason: str
    created_at: datetime | None


class MaintenanceRow(PublicValue, frozen=True, kw_only=True):
    """One planned maintenance in force."""

    id: str
    match: list[str]
    until: datetime


class PreviewAnswer(PublicValue, frozen=True, kw_only=True):
    """The effect that a silence would have now."""

    targets: int
    target_ids: list[str]
    """The first thousand of them."""
    open_incidents: list[str]
    until: datetime | None


class PingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One report of a job over HTTP."""

    at: datetime
    kind: Literal["success", "start", "fail", "log"]
    exit_status: int | None
    run: str | None
    """The `rid` of the job."""
    duration_ms: float | None
    """The time since the `start` of the same run."""
    body: str


PolicyRow: TypeAlias = dict[str, Any]
ConfigurationAnswer: TypeAlias = dict[str, Any]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The state after a command without a resource of its own."""

    done: bool
    detail: str


# Questions.


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameter."""


class TargetsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which targets, by id."""

    status: Status | None = None
    group: Words | None = None
    """This group, and those below it."""
    label: Words | None = None
    """`NAME=TEXT`."""
    q: Words | None = None
    """A part of the id or the name, in any case."""
    limit: Limit = LIST_DEFAULT
    after: After | None = None


class SpanQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the past, oldest first."""

    since: Time | None = None
    until: Time | None = None
    limit: Limit = LIST_DEFAULT
    after: Time | None = None
    """`next` of the answer before."""


class UptimeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Over which span until now; whole hours."""

    span: LengthText = "24h"


class IncidentsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which incidents, newest first."""

    state: Literal["open", "resolved"] | None = None
    target: Words | None = None
    severity: Severity | None = None
    since: Time | None = None
    """Those that were opened since then."""
    limit: Limit = LIST_DEFAULT
    after: After | None = None


class NoticesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which notices, oldest first."""

    state: DeliveryState | None = None
    channel: Words | None = None
    limit: Limit = LIST_DEFAULT
    after: After | None = None


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of a list."""

    limit: Limit = LIST_DEFAULT
    after: After | None = None


class PreviewQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A silence that is not made: without a target and matchers it would mute everything."""

    target: Name | None = None
    match: Matchers = ()
    until: Time | None = None
    length: LengthText | None = None


class SilenceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A silence: a length or an end, exactly one of them."""

    target: Name | None = None
    """The id of a target, or a glob such as `shop*`; null or missing: every target."""
    match: Matchers = ()
    until: Time | None = None
    length: LengthText | None = None
    reason: Words = ""


class AcknowledgementBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An acknowledgement; a length or an end at most."""

    note: Words = ""
    """A text for the others."""
    until: Time | None = None
    """When it ends by itself; without it and `length` it stays until the end of the incident."""
    length: LengthText | None = None
    until_worse: bool | None = None
    """Whether a rise of the severity ends it; without it as before, at first not."""


class HeartbeatBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A report of a job."""

    ok: bool = True
    """Whether it has succeeded."""
    detail: Words = ""
    """Why not, in one line."""
    start: bool = False
    """Whether it has begun and not ended, which changes no status."""
    run: Words | None = None
    """Joins the start of a run with its end, which then tells how long it took."""
    exit_status: Annotated[float, msgspec.Meta(ge=-(1 << 31), lt=1 << 31, multiple_of=1)] | None = None
    """The status with which it has ended; another than 0 is a failure, and rules read it as a figure."""


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty body or `{}`."""
