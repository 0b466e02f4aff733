"""Channels: where notices go, as written in a configuration or in Python."""

from typing import Annotated, Literal

import msgspec

from .duration import parse_duration
from .probe import Tls
from .rule import Severity
from .text import MASK, DurationText, Name, Pairs, as_pairs
from .units import NS_PER_S

UNNAMED_TIMEOUT_NS = 10 * NS_PER_S
"""For transports that name none of their own."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON POST with the Standard Webhooks headers; signed when a secret is given."""

    url: str
    secret: str | None = None
    """`whsec_` and base64, or any text of at least one character, used as its UTF-8 bytes."""
    headers: Pairs = ()
    timeout: DurationText = "10s"
    tls: Tls = Tls()

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "headers", as_pairs(self.headers))

    def __repr__(self) -> str:
        return f"Webhook(secret={MASK if self.secret else None})"


class Log(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line per notice to the host's `logging`."""

    logger: str = "watchkeeper.notices"
    level: Literal["info", "warning", "error"] = "warning"


class CallChannel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A callable of the host, known by name."""

    name: str
    timeout: DurationText = "10s"


class Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One named way to tell people. Exactly one of `webhook`, `log` and `call` is given."""

    id: Name
    webhook: Webhook | None = None
    log: Log | None = None
    call: CallChannel | None = None
    min_severity: Severity = Severity.INFO
    give_up_after: DurationText = "24h"
    """How long a notice is retried before it becomes a dead letter."""
    in_flight_max: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4

    @property
    def transport(self) -> Webhook | Log | CallChannel:
        """The one transport that is given."""
        for transport in (self.webhook, self.log, self.call):
            if transport is not None:
                return transport
        raise ValueError(f"channel {self.id!r} has no transport: give it one of webhook, log, call")

    @property
    def timeout_ns(self) -> int:
        """How long one attempt to deliver may take."""
        transport = self.transport
        return UNNAMED_TIMEOUT_NS if isinstance(transport, Log) else parse_duration(transport.timeout)

    def __post_init__(self) -> None:
        given = [name for name in ("webhook", "log", "call") if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise ValueError(f"channel {self.id!r} needs exactly one of webhook, log, call; it has {said}")
