"""Channels: where notices go, as written in a configuration or in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec

from .. import limits
from ..time.duration import Duration, parse_duration
from ..units import NS_PER_S
from .chat_channels import Discord, Ntfy, Repeats, Slack, Telegram
from .construction import Specification
from .local_channels import Apprise, ExecChannel
from .mail_channel import Email
from .paging_channels import Alertmanager, PagerDuty
from .probe import Tls
from .rule import Severity, SeverityLike
from .text import ACCEPTED_PATTERN, MASK, DurationText, Name, Pairs, RateText, as_pairs

UNNAMED_TIMEOUT_NS = 10 * NS_PER_S
"""For transports that name none of their own."""


AcceptedStatus = (
    Annotated[int, msgspec.Meta(ge=200, le=399)] | Annotated[str, msgspec.Meta(pattern=ACCEPTED_PATTERN)]
)


class Webhook(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request with the Standard Webhooks headers, a JSON document unless said otherwise; signed when a secret is given."""

    repeats: ClassVar[Repeats] = "harmless"
    url: str
    """An absolute URL of scheme http or https, to which each notice is posted."""
    secret: str | None = None
    """`whsec_` and base64, or any text of at least one character, used as its UTF-8 bytes."""
    headers: Pairs = ()
    """Headers that are sent besides those of Standard Webhooks, by name; `Content-Type` only with a body."""
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    """The method of the request."""
    body: str | None = None
    """A template of the body, such as `{"text": "{title}"}`; default: the document of the notice."""
    accepted: Annotated[
        tuple[AcceptedStatus, ...], msgspec.Meta(min_length=1, max_length=limits.STATUSES_MAX)
    ] = ("2xx",)
    """The statuses by which the receiver accepts a notice, such as `[200, 3xx]`."""
    timeout: DurationText = "10s"
    """How long one try to deliver a notice may take."""
    tls: Tls = Tls()
    """How the receiver's certificate is judged, for https."""

    def __init__(
        self,
        *,
        url: str,
        secret: str | None = ...,
        headers: Pairs = ...,
        method: Literal["POST", "PUT", "PATCH"] = ...,
        body: str | None = ...,
        accepted: Sequence[int | str] = ...,
        timeout: Duration = ...,
        tls: Tls = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "headers", as_pairs(self.headers))

    @property
    def media_type(self) -> str:
        """The type of its body, without parameters."""
        stated = {name.lower(): value for name, value in as_pairs(self.headers)}
        return stated.get("content-type", "application/json").partition(";")[0].strip().lower()

    def __repr__(self) -> str:
        return f"Webhook(secret={MASK if self.secret else None})"


class Log(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line per notice to the host's `logging`."""

    repeats: ClassVar[Repeats] = "harmless"
    logger: str = "watchkeeper.notices"
    """The name of the logger."""
    level: Literal["info", "warning", "error"] = "warning"
    """The level of each line."""


class CallChannel(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A callable of the host, known by name."""

    repeats: ClassVar[Repeats] = "harmless"
    name: str
    """The name under which the runtime was given the callable."""
    timeout: DurationText = "10s"
    """How long one call may take."""

    def __init__(self, *, name: str, timeout: Duration = ...) -> None: ...


HttpChannel: TypeAlias = Webhook | Slack | PagerDuty | Discord | Telegram | Ntfy | Alertmanager
Transport: TypeAlias = HttpChannel | Email | ExecChannel | Apprise | Log | CallChannel


class Channel(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One named way to tell people: exactly one of its kinds is given."""

    one_of: ClassVar[tuple[str, ...]] = (
        "webhook",
        "slack",
        "pagerduty",
        "discord",
        "telegram",
        "ntfy",
        "alertmanager",
        "email",
        "exec",
        "apprise",
        "log",
        "call",
    )
    harmless: ClassVar[Mapping[str, Any]] = {"log": {}}
    id: Name
    """The name by which targets name the channel under `notify`."""
    webhook: Webhook | None = None
    """Notices go to a URL."""
    slack: Slack | None = None
    """Notices go to a channel of Slack."""
    pagerduty: PagerDuty | None = None
    """Notices go to a service of PagerDuty."""
    discord: Discord | None = None
    """Notices go to a channel of Discord."""
    telegram: Telegram | None = None
    """Notices go to a chat of Telegram."""
    ntfy: Ntfy | None = None
    """Notices go to a topic of ntfy, and so to phones."""
    alertmanager: Alertmanager | None = None
    """Notices go to an Alertmanager as alerts."""
    email: Email | None = None
    """Notices go out as mail."""
    exec: ExecChannel | None = None
    """Notices go to a program of this machine."""
    apprise: Apprise | None = None
    """Notices go to a service that Apprise knows."""
    log: Log | None = None
    """Notices go to the host's log."""
    call: CallChannel | None = None
    """Notices go to a function of the host."""
    min_severity: Severity = Severity.INFO
    """The mildest severity of which the channel is notified."""
    give_up_after: DurationText = "24h"
    """How long a notice is retried before it becomes a dead letter."""
    in_flight_max: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    """How many notices, of different incidents, are under way at once."""
    after: DurationText = "0s"
    """How long an incident has lasted before it is told here; one that ends earlier is not told."""
    rate: RateText | None = None
    """How many notices leave in a length of time at most, such as `10/1m`; the others wait. Default: any number."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        webhook: Webhook | None = ...,
        slack: Slack | None = ...,
        pagerduty: PagerDuty | None = ...,
        discord: Discord | None = ...,
        telegram: Telegram | None = ...,
        ntfy: Ntfy | None = ...,
        alertmanager: Alertmanager | None = ...,
        email: Email | None = ...,
        exec: ExecChannel | None = ...,  # noqa: A002  # the field's name
        apprise: Apprise | None = ...,
        log: Log | None = ...,
        call: CallChannel | None = ...,
        min_severity: SeverityLike = ...,
        give_up_after: Duration = ...,
        in_flight_max: int = ...,
        after: Duration = ...,
        rate: str | None = ...,
    ) -> None: ...

    @property
    def transport(self) -> Transport:
        """The one transport that is given."""
        transport: Transport = getattr(self, self.given())
        return transport

    @property
    def timeout_ns(self) -> int:
        """How long one attempt to deliver may take."""
        transport = self.transport
        return UNNAMED_TIMEOUT_NS if isinstance(transport, Log) else parse_duration(transport.timeout)

    @property
    def after_ns(self) -> int:
        return parse_duration(self.after)

    @property
    def most_in(self) -> tuple[int, int] | None:
        """How many notices leave at most, and in how many nanoseconds; None where any number may."""
        if self.rate is None:
            return None
        count, _, length = self.rate.partition("/")
        return int(count), parse_duration(length)

    def __post_init__(self) -> None:
        self.one_given()
