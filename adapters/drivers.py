"""The outside of one runtime: every driver that touches the network, programs, and the host's own functions."""

import asyncio
from collections.abc import Callable, Mapping
from random import SystemRandom
from typing import Any, TypeAlias

from ..domain.specification.channel import CallChannel, Channel, Log
from ..domain.specification.configuration import Configuration
from ..domain.specification.local_channels import Apprise, ExecChannel
from ..domain.specification.mail_channel import Email
from ..domain.specification.probe import Call, Exec, Http, Tcp, Tls
from ..domain.specification.probes.kinds import Probe
from ..domain.specification.probes.plugin import Plugin
from ..domain.specification.remote.agents import Agents
from ..domain.specification.target import Target
from ..domain.time.timers import CallAt
from .channels import partly_taken
from .channels.apprise import AppriseMessenger
from .channels.local.call import CallMessenger
from .channels.local.exec import ExecMessenger
from .channels.local.log import LogMessenger
from .channels.mail.email import EmailMessenger
from .channels.posting import RecipeMessenger
from .channels.recipes.table import recipe_of
from .clock import MonotonicClock
from .http import tokens
from .http.curl.transport import CurlTransport
from .http.fast import tls_contexts
from .http.fast.engine import FastHttpEngine
from .http.fast.tls_contexts import TlsContexts
from .locations.asking import ProbeClient
from .locations.link import NatsLink, NatsSubject
from .locations.located import LocatedProber, LocatedProbers
from .locations.silence import LocationReceiver
from .locations.subjects import answers_of
from .net import secure_contexts
from .net.resolver import DNS_CACHE, Resolver
from .pinging import HttpPinger
from .probes import shared
from .probes.course import Surroundings
from .probes.local.call import CallProber
from .probes.local.exec import ExecProber
from .probes.local.plugin import PluginProber
from .probes.network.tcp import TcpProber
from .probes.shared import SharableProber, SharedProber
from .probes.table import network_probers
from .probes.web import registries
from .probes.web.http import HttpProber

AnyMessenger: TypeAlias = (
    RecipeMessenger | EmailMessenger | ExecMessenger | AppriseMessenger | LogMessenger | CallMessenger
)
CACHES = (
    DNS_CACHE,
    tokens.POLICY,
    tls_contexts.POLICY,
    secure_contexts.POLICY,
    shared.POLICY,
    registries.POLICY,
    partly_taken.POLICY,
)
"""The policy of every cache that lies between a runtime and the network."""


class Drivers:
    """Made, used and closed on the loop's own thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MonotonicClock,
        call_at: CallAt,
        configuration: Configuration,
        callables: Mapping[str, Callable[..., Any]],
        host_loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        options = configuration.runtime
        self._loop = loop
        self._clock = clock
        self._call_at = call_at
        self._callables = callables
        self._host_loop = host_loop
        self._deny = options.deny_private_addresses
        self._address = "" if configuration.web is None else configuration.web.address or ""
        self._resolver = Resolver(loop, clock)
        self._transport = CurlTransport(loop, clock, call_at, self._resolver)
        contexts = TlsContexts() if options.tls_library == "rustls" else None
        self._plain = FastHttpEngine(loop, clock, call_at, self._resolver, contexts=contexts)
        self._calls = CallProber(
            loop, clock, call_at, callables, threads_max=options.threads_max, host_loop=host_loop
        )
        http = HttpProber(self._transport, self._plain, deny_private_addresses=self._deny)
        self._plugins = PluginProber(loop, clock, call_at, threads_max=options.threads_max)
        probers: dict[type[Probe], SharableProber] = {
            Http: http,
            Tcp: TcpProber(loop, clock, self._resolver, deny_private_addresses=self._deny),
            Exec: ExecProber(loop, clock, call_at),
            Call: self._calls,
            Plugin: self._plugins,
        }
        around = Surroundings(
            loop=loop, clock=clock, resolver=self._resolver, deny_private_addresses=self._deny
        )
        probers |= network_probers(around, http)
        self.probers = {kind: SharedProber(prober, clock, call_at) for kind, prober in probers.items()}
        self.pinger = (
            None
            if options.ping is None
            else HttpPinger(options.ping, self._transport, deny_private_addresses=self._deny)
        )
        self.messengers = {channel.id: self._messenger(channel) for channel in configuration.channels}
        self.probe_client = ProbeClient(clock, call_at)
        self._located = LocatedProbers(
            options.location, self.probers, self.probe_client, call_at, deny_private_addresses=self._deny
        )
        if configuration.agents is not None:
            self._connect(configuration.agents)

    def _connect(self, agents: Agents) -> None:
        """Begins to connect to NATS; until it has, the locations of agents are silent."""
        client, listening = self.probe_client, (NatsSubject(answers_of(self.probe_client.id)),)
        client.link = link = NatsLink(
            self._loop,
            agents.servers,
            agents.credentials,
            listening,
            client.heard,
            name="watchkeeper",
            dice=SystemRandom().random,
            tls=agents.tls or Tls(),
        )
        link.start()

    def located(self, target: Target) -> LocatedProber | None:
        """Returns the prober of a target that names locations; None for any other."""
        return self._located(target)

    def report_locations(self, listener: LocationReceiver) -> None:
        """Tells how locations answer, from now on."""
        self.probe_client.watch.add(listener)

    def forget_locations(self, listener: LocationReceiver) -> None:
        """Tells it no more."""
        self.probe_client.watch.remove(listener)

    def _messenger(self, channel: Channel) -> AnyMessenger:
        spec = channel.transport
        match spec:
            case Email():
                return EmailMessenger(
                    channel.id,
                    spec,
                    self._loop,
                    self._clock,
                    self._call_at,
                    self._resolver,
                    deny_private_addresses=self._deny,
                    address=self._address,
                )
            case ExecChannel():
                return ExecMessenger(
                    channel.id, spec, self._loop, self._clock, self._call_at, address=self._address
                )
            case Apprise():
                return AppriseMessenger(
                    channel.id, spec, self._loop, self._clock, self._call_at, address=self._address
                )
            case Log():
                return LogMessenger(spec, self._loop, self._clock, self._call_at)
            case CallChannel():
                function = self._callables[spec.name]
                return CallMessenger(
                    spec, function, self._loop, self._clock, self._call_at, host_loop=self._host_loop
                )
            case _:
                return RecipeMessenger(
                    recipe_of(spec),
                    self._transport,
                    self._clock,
                    deny_private_addresses=self._deny,
                    address=self._address,
                )

    def close(self) -> tuple[str, ...]:
        """Release everything; says which of the host's functions still run and cannot be stopped."""
        for messenger in self.messengers.values():
            messenger.close()
        self.probe_client.close()
        for prober in self.probers.values():
            prober.close()
        self._plain.close()
        self._transport.close()
        self._resolver.close()
        callers = [
            messenger for messenger in self.messengers.values() if not isinstance(messenger, RecipeMessenger)
        ]
        own = (*self._calls.abandoned(), *self._plugins.abandoned())
        return (*own, *(name for caller in callers for name in caller.abandoned()))
