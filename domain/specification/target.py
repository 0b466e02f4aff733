"""Targets: what is watched, how often, and by which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypedDict, Unpack

import msgspec
from msgspec import UNSET, UnsetType

from .. import limits
from ..time.duration import Duration, parse_duration
from .construction import Specification
from .metadata import NO_METADATA, TargetMetadata
from .probe import Call, Composite, Exec, Heartbeat, Http, Tcp
from .probes.dns import Dns
from .probes.icmp import Icmp
from .probes.kinds import KINDS, Probe
from .probes.plugin import Plugin
from .probes.redis import Redis
from .probes.servers.imap import Imap
from .probes.servers.mqtt import Mqtt
from .probes.servers.mysql import Mysql
from .probes.servers.postgres import Postgres
from .probes.smtp import Smtp
from .probes.ssh import Ssh
from .probes.tls_handshake import TlsHandshake
from .probes.udp import Udp
from .probes.web.grpc import Grpc
from .probes.web.http_steps import HttpSteps
from .probes.web.registration import DomainRegistration
from .probes.web.websocket import WebSocket
from .routing import DEFAULT_FLAPPING, Dependency, Flapping
from .rule import WARNED, JudgedRule, NoData, Rule, RuleState, Slo, default_rules
from .text import Description, DurationText, Group, Labels, Name, Title, Url, as_pairs

OWN_NAME = "watchkeeper"
"""Stands for the target in incidents of the runtime's own problems; no target may have this name."""


class TargetFields(TypedDict, total=False):
    """The fields of a target besides its id, its name and its probe; `Runtime.check` takes the same."""

    every: Duration
    timeout: Duration
    retry_every: Duration | None
    expect: Sequence[str]
    warn: Sequence[str]
    rules: Sequence[Rule]
    default_rules: bool
    notify: Sequence[str]
    max_age: Duration
    paused: bool
    group: str
    labels: Mapping[str, str]
    description: str
    link: str
    runbook: str
    public: str
    renamed_from: Sequence[str]
    depends_on: Dependency | Sequence[str]
    flapping: Flapping | bool
    slo: Slo
    upside_down: bool
    locations: Sequence[str]
    quorum: int


class Target(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing watched. Exactly one kind of probe is given: `http`, `tcp`, `exec`, `call`, `heartbeat`, `composite`, `tls`, `dns`, `icmp`, `udp`, `redis`, `ssh`, `smtp`, `http_steps`, `domain`, `websocket`, `grpc`, `imap`, `mqtt`, `postgres`, `mysql`, `plugin`.

    Raises: ConfigurationError, at its construction, with every problem of its own fields. Checks that need the rest of the
    configuration, such as the existence of a channel, follow when a runtime starts or tracks it.
    """

    one_of: ClassVar[tuple[str, ...]] = tuple(KINDS)
    harmless: ClassVar[Mapping[str, Any]] = {"call": {"name": "f"}}

    id: Name
    """The name of the target in status, incidents and notices; no two targets share one."""
    every: DurationText = "30s"
    """How often it is checked, from 10 ms to 366 days; for a heartbeat, how often it must report."""
    timeout: DurationText = "5s"
    """How long one attempt may take. An attempt never outlives its period: a shorter cadence shortens it."""
    retry_every: DurationText | None = None
    """The cadence while the last sample was bad; default: the same."""
    http: Http | None = None
    """Checked by an HTTP request."""
    tcp: Tcp | None = None
    """Checked by a TCP connection."""
    exec: Exec | None = None
    """Checked by a program; needs `allow_exec` under `runtime`."""
    call: Call | None = None
    """Checked by a function of the host."""
    heartbeat: Heartbeat | None = None
    """Not checked: it reports by itself."""
    # UNSET, and not in the bytes of a message, as the keys below.
    composite: Composite | UnsetType = UNSET
    """Not checked: it is made from other targets."""
    tls: TlsHandshake | UnsetType = UNSET
    """Checked by a TLS handshake."""
    dns: Dns | UnsetType = UNSET
    """Checked by a question to a name server."""
    icmp: Icmp | UnsetType = UNSET
    """Checked by echo requests."""
    udp: Udp | UnsetType = UNSET
    """Checked by a datagram that is answered."""
    redis: Redis | UnsetType = UNSET
    """Checked by a ping and a command of Redis."""
    ssh: Ssh | UnsetType = UNSET
    """Checked by the key exchange of SSH."""
    smtp: Smtp | UnsetType = UNSET
    """Checked by the greeting and the login of a mail server."""
    http_steps: HttpSteps | UnsetType = UNSET
    """Checked by HTTP requests, one after the other."""
    domain: DomainRegistration | UnsetType = UNSET
    """Checked by a question to the registry of a domain."""
    websocket: WebSocket | UnsetType = UNSET
    """Checked by the handshake of a WebSocket and its messages."""
    grpc: Grpc | UnsetType = UNSET
    """Checked by the health service of gRPC."""
    imap: Imap | UnsetType = UNSET
    """Checked by the greeting and the login of a server of mailboxes."""
    mqtt: Mqtt | UnsetType = UNSET
    """Checked by a login at a message broker, and a message that comes through it."""
    postgres: Postgres | UnsetType = UNSET
    """Checked by a login at PostgreSQL, and a query."""
    mysql: Mysql | UnsetType = UNSET
    """Checked by a login at MySQL or MariaDB, and a query."""
    plugin: Plugin | UnsetType = UNSET
    """Checked by a kind of probe that an installed package brings."""
    expect: Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.CONDITIONS_PER_TARGET_MAX)] = ()
    """Conditions such as `[STATUS] == 200` that a sample must meet to be up."""
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=limits.RULES_PER_TARGET_MAX)] = ()
    """Its own rules; one with the id of a default rule takes that rule's place."""
    default_rules: bool | UnsetType = UNSET
    """Whether the default rules are judged too: `down` and `silent`, of a heartbeat `missed`; default: they are."""
    notify: tuple[Name, ...] = ()
    """The ids of the channels that are told of its incidents."""
    max_age: DurationText = "0s"
    """How old the result of an equal probe, made for another target, may be to serve this one; 0s shares nothing.

    No result serves one target twice, so a failure counts once however long its result is kept.
    """
    paused: bool = False
    """True: nothing is started for it until it is resumed."""
    # UNSET, and not in the bytes of a message, where a target states none of these.
    group: Group | UnsetType = UNSET
    """Where it belongs; a slash divides levels, `shop/api`. Shown in status and notices, as the following keys are."""
    name: Title | UnsetType = UNSET
    """Its name for people; default: its id."""
    labels: Labels | UnsetType = UNSET
    """Texts by name, such as `team: payments`, for people and for programs that receive its notices."""
    description: Description | UnsetType = UNSET
    """A sentence or a paragraph about it."""
    link: Url | UnsetType = UNSET
    """The URL of a page about it."""
    runbook: Url | UnsetType = UNSET
    """The URL of a page that says what to do when it has an incident."""
    public: Title | UnsetType = UNSET
    """Its name for everybody; a target without one is on no public page."""
    renamed_from: (
        Annotated[tuple[Name, ...], msgspec.Meta(max_length=limits.FORMER_NAMES_MAX)] | UnsetType
    ) = UNSET
    """Its former ids: it goes on with their history, counters, silences and open incidents."""
    depends_on: (
        Dependency
        | Annotated[
            tuple[Name, ...], msgspec.Meta(min_length=1, max_length=limits.DEPENDENCIES_PER_TARGET_MAX)
        ]
        | UnsetType
    ) = UNSET
    """The targets without which it cannot work: a list of ids, of which all must be well, or with `at_least` some."""
    flapping: Flapping | bool | UnsetType = UNSET
    """When it stops being told of because it goes down and up again and again; false: never."""
    slo: Slo | UnsetType = UNSET
    """The objective whose error budget is watched, by the rules `slo-page` and `slo-ticket`."""
    warn: (
        Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.CONDITIONS_PER_TARGET_MAX)] | UnsetType
    ) = UNSET
    """Conditions that an answer must meet besides to be more than degraded; the rule `warn` watches them."""
    upside_down: bool | UnsetType = UNSET
    """Whether it must fail: an answer is bad, and a failure good, such as of a port that must be closed."""
    locations: (
        Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=limits.LOCATIONS_PER_TARGET_MAX)]
        | UnsetType
    ) = UNSET
    """The locations from which agents probe it, all at the same time; default: this runtime alone."""
    quorum: Annotated[int, msgspec.Meta(ge=1, le=limits.LOCATIONS_PER_TARGET_MAX)] | UnsetType = UNSET
    """How many locations must say that it is down until it is; default: more than half of them."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        name: str = ...,
        http: Http | None = ...,
        tcp: Tcp | None = ...,
        exec: Exec | None = ...,  # noqa: A002
        call: Call | None = ...,
        heartbeat: Heartbeat | None = ...,
        composite: Composite = ...,
        tls: TlsHandshake = ...,
        dns: Dns = ...,
        icmp: Icmp = ...,
        udp: Udp = ...,
        redis: Redis = ...,
        ssh: Ssh = ...,
        smtp: Smtp = ...,
        http_steps: HttpSteps = ...,
        domain: DomainRegistration = ...,
        websocket: WebSocket = ...,
        grpc: Grpc = ...,
        imap: Imap = ...,
        mqtt: Mqtt = ...,
        postgres: Postgres = ...,
        mysql: Mysql = ...,
        plugin: Plugin = ...,
        **fields: Unpack[TargetFields],
    ) -> None: ...

    def __post_init__(self) -> None:
        self.one_given()
        if self.labels is not UNSET:
            labels = tuple(sorted(dict(as_pairs(self.labels)).items()))
            msgspec.structs.force_setattr(self, "labels", labels or UNSET)

    @property
    def kind(self) -> str:
        """The key of the probe that is given, such as `http`."""
        return self.given()

    @property
    def probe(self) -> Probe:
        """The probe that is given."""
        probe: Probe = getattr(self, self.kind)
        return probe

    @property
    def warnings(self) -> tuple[str, ...]:
        """The conditions of `warn`."""
        return () if self.warn is UNSET else self.warn

    @property
    def is_probed(self) -> bool:
        """Whether attempts are made on it: it neither reports by itself nor is made from other targets."""
        return self.heartbeat is None and self.composite is UNSET

    @property
    def places(self) -> tuple[str, ...]:
        """The locations from which it is probed; empty where this runtime alone probes it."""
        return () if self.locations is UNSET else self.locations

    @property
    def judged_quorum(self) -> int:
        """How many locations must say that it is down: as stated, or more than half of them."""
        return len(self.places) // 2 + 1 if self.quorum is UNSET else self.quorum

    @property
    def metadata(self) -> TargetMetadata:
        """Its texts for people."""
        names = TargetMetadata.__struct_fields__
        stated = {name: value for name in names if (value := getattr(self, name)) is not UNSET}
        return TargetMetadata(**stated) if stated else NO_METADATA

    @property
    def former_names(self) -> tuple[str, ...]:
        """The ids that it had before, newest or oldest first as given."""
        return () if self.renamed_from is UNSET else self.renamed_from

    @property
    def dependency(self) -> Dependency | None:
        """The targets without which it cannot work."""
        if isinstance(self.depends_on, tuple):
            return Dependency(targets=self.depends_on)
        return None if self.depends_on is UNSET else self.depends_on

    @property
    def judged_flapping(self) -> Flapping | None:
        """By what it is judged to flap: what it states, or else what every target has; None where it never is."""
        match self.flapping:
            case Flapping() as stated:
                return stated
            case False:
                return None
            case _:
                return DEFAULT_FLAPPING

    @property
    def is_scheduled(self) -> bool:
        """Whether it reports by a schedule, in place of a cadence."""
        return self.heartbeat is not None and self.heartbeat.schedule is not UNSET

    @property
    def every_ns(self) -> int:
        """Its cadence; where it reports by a schedule, the longest time between two reports."""
        if self.heartbeat is not None and self.heartbeat.schedule is not UNSET:
            return self.heartbeat.longest_gap_ns
        return parse_duration(self.every)

    @property
    def retry_every_ns(self) -> int:
        return parse_duration(self.retry_every) if self.retry_every else self.every_ns

    @property
    def timeout_ns(self) -> int:
        return min(parse_duration(self.timeout), self.every_ns)

    @property
    def grace_ns(self) -> int:
        return parse_duration(self.heartbeat.grace) if self.heartbeat else 0

    def staleness_ns(self, rule: NoData) -> int:
        """How long silence may last before `rule` speaks: stated, or derived from the cadence."""
        if rule.after is not None:
            return parse_duration(rule.after)
        return self._silence_ns

    @property
    def _silence_ns(self) -> int:
        return self.every_ns * 5 // 2 + self.timeout_ns

    @property
    def judged_rules(self) -> tuple[JudgedRule, ...]:
        """The default rules, that of its warnings and those of its objective whose place none of its own takes, and its own."""
        defaults: tuple[JudgedRule, ...] = () if self.slo is UNSET else self.slo.rules
        if self.default_rules is not False:
            warned = (WARNED,) if self.warnings else ()
            defaults = (*default_rules(self.kind, self._silence_ns), *warned, *defaults)
        if not self.rules or not defaults:
            return self.rules or defaults
        own = {rule.id for rule in self.rules}
        return (*(rule for rule in defaults if rule.id not in own), *self.rules)

    @property
    def stale_after_ns(self) -> int:
        """How old the newest sample may be until it says nothing of how the target is now."""
        spoken = [
            self.staleness_ns(rule)
            for rule in self.judged_rules
            if isinstance(rule, NoData) and rule.state is RuleState.ACTIVE
        ]
        return min([self._silence_ns + self.grace_ns, *spoken])
