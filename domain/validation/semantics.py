"""Checks of a configuration beyond its types."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from .. import limits
from ..specification.channel import CallChannel, Channel, Log, Webhook
from ..specification.chat_channels import Discord, Ntfy, Slack, Telegram
from ..specification.configuration import (
    Configuration,
    Connectivity,
    Defaults,
    PingOptions,
    Retention,
    RuntimeOptions,
)
from ..specification.local_channels import Apprise, ExecChannel
from ..specification.mail_channel import Email
from ..specification.paging_channels import Alertmanager, PagerDuty
from ..specification.probe import Call, Composite, Exec, Heartbeat, Http, Tcp
from ..specification.probes.kinds import UNPROBED
from ..specification.probes.networked import NetworkProbe
from ..specification.probes.plugin import Plugin
from ..specification.problem import Path, Problem, quoted, suggestion
from ..specification.target import OWN_NAME, Target
from ..store_place import store_problem
from ..time.duration import format_duration
from .channels import channel_problems
from .conditions import compiled, condition_faults, never_encrypted, unread
from .dependencies import composite_problems, dependency_problems, flapping_problems, member_problems
from .durations import heartbeat_problems, length_ns, span_problems
from .mail import email_problems
from .metadata import metadata_problems
from .network import apprise_problems, exec_problems, tls_problems, url_problems
from .probes.echoes import echo_problems
from .probes.http import request_problems
from .probes.locations import KnownLocations, agents_problems, location_problems
from .probes.registration import pace_problems
from .probes.table import network_probe_problems
from .probes.tcp import tcp_problems
from .routing import named_channel_problems, routing_problems
from .rules import rule_problems, slo_problems
from .web import web_problems

_UNSTATED = {field.name: field.default for field in msgspec.structs.fields(Target)}
TIMEOUT_UNSTATED = _UNSTATED["timeout"]
"""A target that states no timeout may come round before it is over: the ticks in between are counted and skipped."""
EVERY_UNSTATED = _UNSTATED["every"]
CADENCES = frozenset({"every", "retry_every"})
"""The keys of a cadence, in whose place a schedule stands."""


def meaning_problems(
    configuration: Configuration,
    *,
    names_known: bool,
    timeouts_stated: Collection[int],
    everies_stated: Collection[int],
) -> Iterator[Problem]:
    """Everything wrong with a configuration whose types are right, in no particular order.

    With `names_known` false any channel may be told, because not all could be read. Of the targets at the positions
    `timeouts_stated` it is known that their timeout was stated, though it is the usual one; `everies_stated` says so of `every`.
    """
    channels, targets = configuration.channels, configuration.targets
    names = tuple(channel.id for channel in channels) if names_known else None
    places_known = KnownLocations.of(configuration)
    judge = _Judge(names, allow_exec=configuration.runtime.allow_exec, places=places_known)
    yield from judge.runtime(configuration.runtime, ("runtime",))
    if configuration.runtime.connectivity is not None:
        path: Path = ("runtime", "connectivity")
        yield from _connectivity(configuration.runtime.connectivity, targets, path)
    if configuration.web is not None:
        yield from web_problems(configuration.web, ("web",))
    if configuration.agents is not None:
        yield from agents_problems(configuration.agents, configuration.runtime.location)
    yield from routing_problems(configuration, names)
    yield from judge.defaults(configuration.defaults, ("defaults",))
    yield from _repeated(channels, ("channels",))
    for at, channel in enumerate(channels):
        yield from judge.channel(channel, ("channels", at))
    yield from _repeated(targets, ("targets",))
    yield from _repeated_keys(targets, ("targets",))
    yield from _former(targets)
    places: dict[str, Path] = {target.id: ("targets", at) for at, target in enumerate(targets)}
    known = {target.id: target for target in targets}
    yield from dependency_problems(known, places)
    yield from member_problems(known, places)
    for at, target in enumerate(targets):
        path = ("targets", at)
        yield from judge.target(target, path, timeout_stated=at in timeouts_stated)
        if target.is_scheduled and (at in everies_stated or target.every != EVERY_UNSTATED):
            yield _beside_schedule(path)


def target_problems(
    target: Target, channels: Iterable[str], *, allow_exec: bool, places: KnownLocations | None = None
) -> Iterator[Problem]:
    """Everything wrong with one target whose types are right; paths begin at the target. Without `places` any location exists."""
    yield from _Judge(channels, allow_exec=allow_exec, places=places).target(target, ())
    if target.is_scheduled and target.every != EVERY_UNSTATED:
        yield _beside_schedule(())


def _beside_schedule(path: Path) -> Problem:
    """The problem of a stated cadence of a target that reports by a schedule."""
    return Problem((*path, "every"), "stands beside a schedule, which takes its place: remove one of them")


_WITHOUT_ANSWER = {"composite": "a composite target, which has no answer"}


class _Judge:
    """Goes through the parts of one configuration."""

    def __init__(
        self, channels: Iterable[str] | None, *, allow_exec: bool, places: KnownLocations | None = None
    ) -> None:
        self._channels = None if channels is None else frozenset(channels)
        self._allow_exec = allow_exec
        self._places = places
        self._judged: dict[object, tuple[Problem, ...]] = {}

    def runtime(self, options: RuntimeOptions, path: Path) -> Iterator[Problem]:
        yield from _spans(options, path)
        yield from _spans(options.retention, (*path, "retention"))
        if options.ping is not None:
            yield from url_problems(options.ping.url, (*path, "ping", "url"))
            yield from tls_problems(options.ping.tls, (*path, "ping", "tls"))
            yield from _spans(options.ping, (*path, "ping"))
        if options.store is not None and (text := store_problem(options.store)):
            yield Problem((*path, "store"), text)
        yield from self._notify(options.notify or (), (*path, "notify"))

    def defaults(self, defaults: Defaults, path: Path) -> Iterator[Problem]:
        yield from _spans(defaults, path)
        yield from self._longer(defaults.timeout, "timeout", defaults.every, path)
        for key, texts in (("expect", defaults.expect), ("warn", defaults.warn)):
            for at, text in enumerate(texts or ()):
                if isinstance(fault := compiled(text), str):
                    yield Problem((*path, key, at), fault)
        yield from _repeated(defaults.rules or (), (*path, "rules"))
        yield from self._notify(defaults.notify or (), (*path, "notify"))
        yield from flapping_problems(defaults.flapping, (*path, "flapping"))

    def channel(self, channel: Channel, path: Path) -> Iterator[Problem]:
        yield from _spans(channel, path)
        yield from _rate(channel.rate, (*path, "rate"))
        match channel.transport:
            case Email() as email:
                yield from email_problems(email, (*path, "email"))
                yield from _spans(email, (*path, "email"))
            case ExecChannel() as command:
                yield from exec_problems(command, (*path, "exec"), allowed=self._allow_exec)
                yield from _spans(command, (*path, "exec"))
            case Apprise() as apprise:
                yield from apprise_problems(apprise, (*path, "apprise"))
                yield from _spans(apprise, (*path, "apprise"))
            case CallChannel() as call:
                yield from _unnamed(call.name, (*path, "call", "name"))
                yield from _spans(call, (*path, "call"))
            case Log():
                return
            case spec:
                yield from channel_problems(spec, (*path, channel.given()))
                yield from _spans(spec, (*path, channel.given()))

    def target(self, target: Target, path: Path, *, timeout_stated: bool = False) -> Iterator[Problem]:
        if target.id == OWN_NAME:
            text = f"{quoted(OWN_NAME)} stands for the runtime itself in incidents: choose another id"
            yield Problem((*path, "id"), text)
        yield from self._probe(target, (*path, target.kind))
        stated = timeout_stated or target.timeout != TIMEOUT_UNSTATED
        policies = self._policies(target, timeout_stated=stated)
        located = location_problems(target, self._places)
        for problem in (*echo_problems(target), *policies, *located, *metadata_problems(target)):
            yield problem.below(path)

    def _policies(self, target: Target, *, timeout_stated: bool) -> tuple[Problem, ...]:
        """All but the probe is much alike in many targets, so what is equal is judged once; paths begin at the target."""
        cadence = target.every, target.timeout, target.retry_every, target.max_age, timeout_stated
        entries = tuple(target.expect), target.warnings, tuple(target.rules), tuple(target.notify)
        key = (
            target.kind,
            never_encrypted(target),
            unread(target),
            cadence,
            entries,
            target.flapping,
            target.slo,
            target.upside_down,
        )
        if key not in self._judged:
            self._judged[key] = tuple(self._policy_problems(target, timeout_stated=timeout_stated))
        return self._judged[key]

    def _policy_problems(self, target: Target, *, timeout_stated: bool) -> Iterator[Problem]:
        if target.heartbeat is not None and target.upside_down is True:
            text = "a heartbeat reports by itself, and its silence is no good news: remove it"
            yield Problem(("upside_down",), text)
        yield from self._cadence(target, timeout_stated=timeout_stated)
        yield from self._expected(target)
        yield from _repeated(target.rules, ("rules",))
        for at, rule in enumerate(target.rules):
            yield from rule_problems(rule, target, ("rules", at))
        yield from slo_problems(target)
        yield from self._notify(target.notify, ("notify",))
        yield from flapping_problems(target.flapping, ("flapping",))

    def _expected(self, target: Target) -> Iterator[Problem]:
        for key, texts in (("expect", target.expect), ("warn", target.warnings)):
            if texts and (why := _WITHOUT_ANSWER.get(target.kind)):
                yield Problem((key,), f"has no effect on {why}: leave it out")
                continue
            for at, fault in condition_faults(target, texts):
                yield Problem((key, at), fault)
        yield from self._warned(target)

    @staticmethod
    def _warned(target: Target) -> Iterator[Problem]:
        if target.warnings and target.upside_down is True:
            said = "means nothing for a target that must fail, whose answers are all bad: leave it out"
            yield Problem(("warn",), said)
        for at, text in enumerate(target.warnings):
            if text in target.expect:
                yield Problem(
                    ("warn", at), "stands under expect too, where it means down: leave one of them out"
                )

    def _cadence(self, target: Target, *, timeout_stated: bool) -> Iterator[Problem]:
        yield from _spans(target, ())
        yield from pace_problems(target)
        if target.kind != "heartbeat" and timeout_stated:
            yield from self._longer(target.timeout, "timeout", target.every, ())
        yield from self._longer(target.retry_every, "retry_every", target.every, ())

    def _longer(self, text: str | None, name: str, every: str | None, path: Path) -> Iterator[Problem]:
        """The problem of a length that is longer than the cadence; where either is not written, there is none."""
        own_ns, every_ns = length_ns(text), length_ns(every)
        if own_ns and every_ns and every_ns < own_ns:
            most = format_duration(every_ns)
            said = f"{text} is longer than every {most}: write {most} or less"
            yield Problem((*path, name), said, depends_on=((*path, "every"),))

    def _probe(self, target: Target, path: Path) -> Iterator[Problem]:
        match target.probe:
            case Http() as http:
                yield from request_problems(http, path)
            case Tcp() as tcp:
                yield from tcp_problems(tcp, path)
            case NetworkProbe() as spoken:
                yield from network_probe_problems(spoken, path)
            case Exec() as command:
                yield from exec_problems(command, path, allowed=self._allow_exec)
            case Call() as call:
                yield from _unnamed(call.name, (*path, "name"))
            case Plugin():
                pass  # The package itself judges its settings (adapters/plugins/).
            case Heartbeat() as heartbeat:
                yield from heartbeat_problems(heartbeat, path)
                yield from _spans(heartbeat, path)
            case Composite() as composite:
                yield from composite_problems(composite, path)

    def _notify(self, names: Sequence[str], path: Path) -> Iterator[Problem]:
        yield from named_channel_problems(names, self._channels, path)


_TIMEOUT = (limits.TIMEOUT_NS_MIN, limits.TIMEOUT_NS_MAX)
_EVERY = (limits.EVERY_NS_MIN, limits.EVERY_NS_MAX)
_KEPT = (limits.RETENTION_NS_MIN, limits.RETENTION_NS_MAX)
_CADENCE = {"every": _EVERY, "timeout": _TIMEOUT, "retry_every": _EVERY}
_SPANS: dict[type[Any], dict[str, tuple[int, int]]] = {
    RuntimeOptions: {"grace": (0, limits.GRACE_NS_MAX)},
    Connectivity: {"every": _EVERY},
    PingOptions: {"every": (limits.PING_EVERY_NS_MIN, limits.EVERY_NS_MAX)},
    Retention: dict.fromkeys(Retention.__struct_fields__, _KEPT)
    | {"samples": (limits.RETENTION_NS_MIN, limits.RAW_SAMPLES_NS_MAX)},
    Defaults: _CADENCE,
    Channel: {
        "give_up_after": (limits.GIVE_UP_NS_MIN, limits.GIVE_UP_NS_MAX),
        "after": (0, limits.DELAY_NS_MAX),
    },
    **{
        kind: {"timeout": _TIMEOUT}
        for kind in (
            Webhook,
            CallChannel,
            Slack,
            Discord,
            Telegram,
            Ntfy,
            PagerDuty,
            Email,
            ExecChannel,
            Apprise,
        )
    },
    Alertmanager: {"timeout": _TIMEOUT, "ends_after": (limits.ALERT_NS_MIN, limits.ALERT_NS_MAX)},
    Target: _CADENCE | {"max_age": (0, limits.SHARED_RESULTS_NS_MAX)},
    Heartbeat: {"grace": (0, limits.EVERY_NS_MAX), "run_max": (limits.RUN_NS_MIN, limits.EVERY_NS_MAX)},
}
"""The shortest and the longest length of each field that is one."""


def _spans(part: Any, path: Path) -> Iterator[Problem]:
    """Lengths out of their bounds."""
    for name, (low_ns, high_ns) in _SPANS[type(part)].items():
        text = getattr(part, name)
        if isinstance(text, str):
            yield from span_problems(text, (*path, name), low_ns, high_ns)


def _rate(rate: str | None, path: Path) -> Iterator[Problem]:
    """A rate that lets nothing through, or whose length of time is out of range."""
    if rate is None:
        return
    count, _, length = rate.partition("/")
    if not int(count):
        yield Problem(path, f"{rate} lets nothing through: write a number from 1 on, like 10/1m")
    yield from span_problems(length, path, limits.RATE_NS_MIN, limits.RATE_NS_MAX)


def _connectivity(connectivity: Connectivity, targets: Sequence[Target], path: Path) -> Iterator[Problem]:
    """The problems of the targets that speak for the network: each is one that is probed."""
    yield from _spans(connectivity, path)
    kinds = {target.id: target.kind for target in targets}
    located = {target.id for target in targets if target.places}
    ids = tuple(("targets", at, "id") for at in range(len(targets)))
    for at, name in enumerate(connectivity.targets):
        where = (*path, "targets", at)
        if name not in kinds:
            text = f"there is no target {quoted(name)}{suggestion(name, kinds)}"
            yield Problem(where, text, depends_on=(("targets",), *ids))
        elif kinds[name] in UNPROBED:
            text = f"{quoted(name)} is a {kinds[name]}, which is not checked: name a target that is"
            yield Problem(where, text)
        elif name in located:
            text = f"{quoted(name)} is probed from other locations and says nothing of this machine's network: name another"
            yield Problem(where, text)
        elif name in connectivity.targets[:at]:
            yield Problem(where, f"the target {quoted(name)} stands twice: keep one")


def _repeated(entries: Iterable[Any], path: Path) -> Iterator[Problem]:
    """Ids that stand twice."""
    first: dict[str, int] = {}
    for at, entry in enumerate(entries):
        where = first.setdefault(entry.id, at)
        if where != at:
            text = f"the id {quoted(entry.id)} stands twice, first at {path[-1]}[{where}]: rename one"
            yield Problem((*path, at, "id"), text)


def _repeated_keys(targets: Iterable[Target], path: Path) -> Iterator[Problem]:
    """Heartbeats with the same key: a ping would report for one of them and leave the other silent."""
    first: dict[str, int] = {}
    for at, target in enumerate(targets):
        key = target.heartbeat.key if target.heartbeat else None
        where = at if key is None else first.setdefault(key, at)
        if where != at:
            text = f"the key of targets[{where}] stands here again: each heartbeat has its own"
            yield Problem((*path, at, "heartbeat", "key"), text)


def _former(targets: Sequence[Target]) -> Iterator[Problem]:
    """Former names that are in use: history and incidents have one owner."""
    at_id = {target.id: at for at, target in enumerate(targets)}
    claimed: dict[str, tuple[int, int]] = {}
    for at, target in enumerate(targets):
        for place, name in enumerate(target.former_names):
            path: Path = ("targets", at, "renamed_from", place)
            first = claimed.setdefault(name, (at, place))
            if name in at_id:
                text = f"{quoted(name)} is the id of targets[{at_id[name]}]: only a name that no target has any more can be continued"
                yield Problem(path, text, depends_on=(("targets", at_id[name], "id"),))
            elif first != (at, place):
                text = f"targets[{first[0]}] was renamed from {quoted(name)} already: one target continues it, so remove one"
                yield Problem(path, text, depends_on=(("targets", first[0], "renamed_from"),))


def _unnamed(name: str, path: Path) -> Iterator[Problem]:
    if not name.strip():
        yield Problem(path, "is empty: write the name that the host gives its callable")
