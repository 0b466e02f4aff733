"""Channels that page people on call, as written in a configuration or in Python."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from ..time.duration import Duration
from .chat_channels import Repeats
from .construction import Specification
from .probe import Tls
from .text import MASK, ROUTING_KEY_PATTERN, DurationText, Pairs, as_pairs


class PagerDuty(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An incident in PagerDuty (Events API v2), which is acknowledged and resolved with the one here."""

    repeats: ClassVar[Repeats] = "harmless"
    routing_key: Annotated[str, msgspec.Meta(pattern=ROUTING_KEY_PATTERN)]
    """The integration key of the service, 32 characters; it is never shown."""
    api: str = "https://events.pagerduty.com"
    """The address of the Events API; of accounts in the EU `https://events.eu.pagerduty.com`."""
    timeout: DurationText = "10s"
    """How long one try to deliver a notice may take."""
    tls: Tls = Tls()
    """How the receiver's certificate is judged, for https."""

    def __init__(
        self, *, routing_key: str, api: str = ..., timeout: Duration = ..., tls: Tls = ...
    ) -> None: ...

    def __repr__(self) -> str:
        return f"PagerDuty(api={self.api!r}, routing_key={MASK})"


class Alertmanager(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert in Prometheus' Alertmanager (API v2), which groups and routes it by its labels."""

    repeats: ClassVar[Repeats] = "harmless"
    url: str
    """The address of the Alertmanager, such as `http://alertmanager:9093`; `/api/v2/alerts` is added."""
    headers: Pairs = ()
    """Headers that are sent besides the usual ones, by name: the login of a proxy."""
    ends_after: DurationText = "7d"
    """How long the Alertmanager takes an alert for firing that no later notice renews or ends."""
    timeout: DurationText = "10s"
    """How long one try to deliver a notice may take."""
    tls: Tls = Tls()
    """How the receiver's certificate is judged, for https."""

    def __init__(
        self,
        *,
        url: str,
        headers: Pairs = ...,
        ends_after: Duration = ...,
        timeout: Duration = ...,
        tls: Tls = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "headers", as_pairs(self.headers))

    def __repr__(self) -> str:
        return f"Alertmanager(url={MASK})"
