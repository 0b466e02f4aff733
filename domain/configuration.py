"""A whole configuration: one schema for the file and for Python."""

from typing import Annotated, Literal

import msgspec

from . import limits
from .channel import Channel
from .rule import Rule
from .target import Target
from .text import DurationText, Name


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long each kind of record is kept. Incidents and their transitions are kept for ever."""

    samples: DurationText = "48h"
    """Raw samples, before they are sealed into compact history: 60 days at most."""
    failed_samples: DurationText = "90d"
    """The explanations of samples that were not up."""
    history: DurationText = "30d"
    hourly: DurationText = "90d"
    daily: DurationText = "730d"


class RuntimeOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What concerns the runtime as a whole."""

    store: str | None = None
    """Path of the SQLite file, relative to the configuration's folder; None keeps the record in memory only."""
    allow_exec: bool = False
    grace: DurationText = "10s"
    """How long `stop` and SIGTERM may drain."""
    in_flight_max: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = limits.IN_FLIGHT_MAX
    threads_max: Annotated[int, msgspec.Meta(ge=1, le=256)] = 16
    """Threads for blocking callables."""
    deny_private_addresses: bool = False
    """Refuse to probe or notify loopback, private, link-local and other special addresses."""
    tls_library: Literal["openssl", "rustls"] = "openssl"
    """Who shakes hands for plain `https` checks; rustls takes half the time and needs the extra `rustls` installed."""
    retention: Retention = Retention()
    debug: bool = False
    """Send every message through its bytes, and check the invariants of record and delivery as they happen."""


class Defaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target has where it says nothing itself."""

    every: DurationText | None = None
    timeout: DurationText | None = None
    retry_every: DurationText | None = None
    rules: tuple[Rule, ...] | None = None
    notify: tuple[Name, ...] | None = None


class Configuration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a runtime is started with; `targets` have the defaults filled in."""

    runtime: RuntimeOptions = RuntimeOptions()
    defaults: Defaults = Defaults()
    channels: Annotated[tuple[Channel, ...], msgspec.Meta(max_length=limits.CHANNELS_MAX)] = ()
    targets: Annotated[tuple[Target, ...], msgspec.Meta(max_length=limits.TARGETS_MAX)] = ()
