"""A whole configuration: one schema for the file and for Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec

from .. import limits
from ..store_place import shown_store
from ..time.duration import Duration
from .channel import Channel
from .construction import Specification
from .probe import Tls
from .remote.agents import Agents
from .routing import Flapping, Maintenance, Route, Window
from .rule import Rule
from .target import Target
from .text import DurationText, Name
from .web import Web


class Retention(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long each kind of record is kept. Incidents and their transitions are kept for ever."""

    samples: DurationText = "48h"
    """Raw samples, before they are sealed into compact history: 60 days at most."""
    failed_samples: DurationText = "90d"
    """The explanations of samples that were not up everywhere, and what they saw: address, phases, failed conditions, beginning of the body."""
    history: DurationText = "30d"
    """Every sample, sealed into compact history."""
    hourly: DurationText = "90d"
    """One summary of an hour for each target."""
    daily: DurationText = "730d"
    """One summary of a day for each target."""

    def __init__(
        self,
        *,
        samples: Duration = ...,
        failed_samples: Duration = ...,
        history: Duration = ...,
        hourly: Duration = ...,
        daily: Duration = ...,
    ) -> None: ...


class Connectivity(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The targets that speak for this machine's own network: while all of them fail, no sample counts against a target."""

    targets: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]
    """Targets that fail only with this machine's network, such as its gateway or a far host that is always up."""
    every: DurationText = "10s"
    """How often they are checked, where they are not checked more often anyway."""

    def __init__(self, *, targets: Sequence[str], every: Duration = ...) -> None: ...


class PingOptions(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dead-man's ping: a GET that goes while this runtime does its work, so that its silence raises an alarm elsewhere."""

    url: str
    """The URL to ask, such as `https://hc-ping.com/KEY`; it is a secret."""
    every: DurationText = "1m"
    """The time from one ping to the next; the receiver should wait two of these before it raises the alarm."""
    tls: Tls = Tls()
    """How the receiver's certificate is judged, for https."""

    def __init__(self, *, url: str, every: Duration = ..., tls: Tls = ...) -> None: ...

    def __repr__(self) -> str:
        # The URL is the right to ping.
        return f"PingOptions(every={self.every!r})"


IN_MEMORY = ":memory:"
"""The name that SQLite gives to a database without a file."""


class RuntimeOptions(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the runtime as a whole."""

    store: str | None = None
    """Path of the SQLite file, relative to the configuration's folder, or a database such as
    `postgresql://watch@db.example/watch`; None or `:memory:` keeps the record in memory only.
    """
    allow_exec: bool = False
    """Whether `exec` targets may run programs."""
    grace: DurationText = "10s"
    """How long `stop` and SIGTERM may drain."""
    in_flight_max: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = limits.IN_FLIGHT_MAX
    """How many attempts run at once; the others wait in the order in which they are due."""
    threads_max: Annotated[int, msgspec.Meta(ge=1, le=256)] = 16
    """Threads for blocking callables."""
    deny_private_addresses: bool = False
    """Refuse to probe or notify loopback, private, link-local and other special addresses."""
    location: Name = "home"
    """The name of this runtime's own point of view, which targets may name among their locations."""
    tls_library: Literal["openssl", "rustls"] = "openssl"
    """The TLS library of plain `https` checks; rustls takes half the time and needs the extra `rustls`."""
    connectivity: Connectivity | None = None
    """The targets that speak for this machine's own network."""
    ping: PingOptions | None = None
    """A dead-man's ping to a service that raises the alarm when it stops."""
    notify: tuple[Name, ...] | None = None
    """The channels that are told of the runtime's own problems; default: every channel that a target notifies or a route names."""
    retention: Retention = Retention()
    """How long the record is kept."""
    debug: bool = False
    """Send every message through its bytes, and check the invariants of record and delivery as they happen."""

    def __init__(
        self,
        *,
        store: str | None = ...,
        allow_exec: bool = ...,
        grace: Duration = ...,
        in_flight_max: int = ...,
        threads_max: int = ...,
        deny_private_addresses: bool = ...,
        location: str = ...,
        tls_library: Literal["openssl", "rustls"] = ...,
        connectivity: Connectivity | None = ...,
        ping: PingOptions | None = ...,
        notify: Sequence[str] | None = ...,
        retention: Retention = ...,
        debug: bool = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        if self.store == IN_MEMORY:
            msgspec.structs.force_setattr(self, "store", None)

    def __repr__(self) -> str:
        stated = {
            field.name: getattr(self, field.name)
            for field in msgspec.structs.fields(self)
            if getattr(self, field.name) != field.default
        }
        if self.store is not None:
            stated["store"] = shown_store(self.store)
        return f"RuntimeOptions({', '.join(f'{name}={value!r}' for name, value in stated.items())})"


class Defaults(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values that a target takes where it does not state its own."""

    every: DurationText | None = None
    """How often a target is checked that does not say it itself."""
    timeout: DurationText | None = None
    """How long one attempt may take for a target that does not say it itself."""
    retry_every: DurationText | None = None
    """The cadence while the last sample was bad, for a target that does not say it itself."""
    expect: Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.CONDITIONS_PER_TARGET_MAX)] | None = (
        None
    )
    """The conditions of a target that states none itself, not even an empty list."""
    warn: Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.CONDITIONS_PER_TARGET_MAX)] | None = None
    """The warnings of a target that states none itself: of them those that it has not under `expect`."""
    rules: tuple[Rule, ...] | None = None
    """The rules of a target that has none of its own."""
    default_rules: bool | None = None
    """Whether the default rules are judged too, for a target that does not say it itself."""
    notify: tuple[Name, ...] | None = None
    """The channels of a target that names none itself."""
    flapping: Flapping | bool | None = None
    """When a target flaps that does not say it itself; false: never."""

    def __init__(
        self,
        *,
        every: Duration | None = ...,
        timeout: Duration | None = ...,
        retry_every: Duration | None = ...,
        expect: Sequence[str] | None = ...,
        warn: Sequence[str] | None = ...,
        rules: Sequence[Rule] | None = ...,
        default_rules: bool | None = ...,
        notify: Sequence[str] | None = ...,
        flapping: Flapping | bool | None = ...,
    ) -> None: ...


class Configuration(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a runtime is started with; `targets` have the defaults filled in."""

    runtime: RuntimeOptions = RuntimeOptions()
    """Settings of the runtime as a whole."""
    web: Web | None = None
    """The JSON API over TCP; without it nothing listens on TCP."""
    defaults: Defaults = Defaults()
    """Values that a target takes where it does not state its own."""
    channels: Annotated[tuple[Channel, ...], msgspec.Meta(max_length=limits.CHANNELS_MAX)] = ()
    """Where notices go."""
    routes: Annotated[tuple[Route, ...], msgspec.Meta(max_length=limits.ROUTES_MAX)] = ()
    """The channels that are told of an incident, in order; a target's `notify` takes their place."""
    windows: Annotated[tuple[Window, ...], msgspec.Meta(max_length=limits.WINDOWS_MAX)] = ()
    """Spans of time that routes name."""
    maintenance: Annotated[tuple[Maintenance, ...], msgspec.Meta(max_length=limits.MAINTENANCES_MAX)] = ()
    """When notices wait because targets are worked on."""
    targets: Annotated[tuple[Target, ...], msgspec.Meta(max_length=limits.TARGETS_MAX)] = ()
    """The targets to watch."""
    agents: Agents | None = None
    """The locations from which agents probe; without it this runtime probes everything itself."""

    def __init__(
        self,
        *,
        runtime: RuntimeOptions = ...,
        web: Web | None = ...,
        defaults: Defaults = ...,
        channels: Iterable[Channel] = ...,
        routes: Iterable[Route] = ...,
        windows: Iterable[Window] = ...,
        maintenance: Iterable[Maintenance] = ...,
        targets: Iterable[Target] = ...,
        agents: Agents | None = ...,
    ) -> None: ...
