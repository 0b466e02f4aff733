"""Channels: where notices go, as written in a configuration or in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec

from ..time.duration import Duration, parse_duration
from ..units import NS_PER_S
from .construction import Specification
from .local_channels import Apprise, ExecChannel
from .mail_channel import Email
from .probe import Tls
from .rule import Severity, SeverityLike
from .text import MASK, DurationText, Name, Pairs, RateText, as_pairs

UNNAMED_TIMEOUT_NS = 10 * NS_PER_S
"""For transports that name none of their own."""


class Webhook(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON POST with the Standard Webhooks headers; signed when a secret is given."""

    url: str
    """An absolute URL of scheme http or https, to which each notice is posted."""
    secret: str | None = None
    """`whsec_` and base64, or any text of at least one character, used as its UTF-8 bytes."""
    headers: Pairs = ()
    """Headers that are sent besides those of Standard Webhooks, by name."""
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
        timeout: Duration = ...,
        tls: Tls = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "headers", as_pairs(self.headers))

    def __repr__(self) -> str:
        return f"Webhook(secret={MASK if self.secret else None})"


class Log(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line per notice to the host's `logging`."""

    logger: str = "watchkeeper.notices"
    """The name of the logger."""
    level: Literal["info", "warning", "error"] = "warning"
    """The level of each line."""


class CallChannel(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A callable of the host, known by name."""

    name: str
    """The name under which the runtime was given the callable."""
    timeout: DurationText = "10s"
    """How long one call may take."""

    def __init__(self, *, name: str, timeout: Duration = ...) -> None: ...


Transport: TypeAlias = Webhook | Email | ExecChannel | Apprise | Log | CallChannel


class Channel(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One named way to tell people: exactly one of its kinds is given."""

    one_of: ClassVar[tuple[str, ...]] = ("webhook", "email", "exec", "apprise", "log", "call")
    harmless: ClassVar[Mapping[str, Any]] = {"log": {}}
    id: Name
    """The name by which targets name the channel under `notify`."""
    webhook: Webhook | None = None
    """Notices go to a URL."""
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
