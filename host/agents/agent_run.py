"""One run of an agent, on the thread of its loop: its drivers, its link to NATS, and what it says of them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import SystemRandom
from threading import Event
from typing import NamedTuple

from ...actors.dispatch.run.loop import LoopDispatcher
from ...adapters.clock import SystemClock
from ...adapters.drivers import Drivers
from ...adapters.locations.client import NatsRefusal
from ...adapters.locations.link import NatsLink
from ...adapters.locations.serving import AgentStatistics, ProbeServer
from ...domain import limits
from ...domain.specification.configuration import Configuration, RuntimeOptions
from ...domain.specification.probe import Tls
from ...domain.specification.remote.agents import Agents

UNASKED = (
    "no owner has asked for {location!r} until now: is it written so under `agents.locations` and `locations`,"
    " and is the account of the owner the same?"
)


class AgentOptions(NamedTuple):
    """How an agent runs."""

    agents: Agents
    """Where NATS is, and the only location."""
    in_flight_max: int
    deny_private_addresses: bool
    told: Callable[[str, bool], None]

    @property
    def location(self) -> str:
        return self.agents.locations[0]


class AgentRun:
    """Made, used and closed on the loop's own thread."""

    def __init__(self, options: AgentOptions, dispatcher: LoopDispatcher, clock: SystemClock) -> None:
        self._options, self._dispatcher, self._clock = options, dispatcher, clock
        self._drivers: dict[bool, Drivers] = {}
        self.connected = Event()
        self.server = ProbeServer(
            options.location,
            clock,
            dispatcher.call_at,
            self._drivers_for,
            in_flight_max=options.in_flight_max,
            deny_private_addresses=options.deny_private_addresses,
        )
        self.link = self.server.link = NatsLink(
            dispatcher.loop,
            options.agents.servers,
            options.agents.credentials,
            self.server.listening,
            self.server.heard,
            name=f"watchkeeper agent {options.location}",
            dice=SystemRandom().random,
            tls=options.agents.tls or Tls(),
        )
        self.link.changed = self._changed
        self.link.on_denied = lambda denied: options.told(f"{self.link.shown}: {denied.text}", False)
        self.link.start()

    def _drivers_for(self, deny: bool) -> Drivers:  # an owner's own word
        """Returns the drivers that take any address, or those that take public ones alone."""
        if deny not in self._drivers:
            configuration = Configuration(runtime=RuntimeOptions(deny_private_addresses=deny))
            dispatcher = self._dispatcher
            self._drivers[deny] = Drivers(
                dispatcher.loop, self._clock, dispatcher.call_at, configuration, {}, None
            )
        return self._drivers[deny]

    def _changed(self, refusal: NatsRefusal | None) -> None:
        if refusal is not None:
            self._options.told(f"no connection to {self.link.shown}: {refusal.text}", refusal.is_final)
            return
        self.connected.set()
        self._options.told(
            f"connected to {self.link.shown}; serves {self._options.location}", False
        )  # `is_final`
        self._call_later(limits.AGENT_UNASKED_NS, self._look_for_owners)

    def _look_for_owners(self) -> None:
        if not self.server.statistics().asks and self.link.refusal is None:
            self._options.told(UNASKED.format(location=self._options.location), False)  # `is_final`

    def _call_later(self, after_ns: int, callback: Callable[[], object]) -> None:
        self._dispatcher.call_at(self._clock.monotonic_ns() + after_ns, callback)

    async def drain(self, within_s: float) -> AgentStatistics:
        """Takes no further ask, lets running checks end and answer, and closes everything."""
        await self.link.stop_listening()
        if not self.server.is_idle:
            idle = asyncio.Event()
            self.server.on_idle = idle.set
            with suppress(TimeoutError):
                await asyncio.wait_for(idle.wait(), within_s)
        self.server.flush()
        await self.link.sent()
        self.server.close()
        self.link.close()
        for drivers in self._drivers.values():
            drivers.close()
        return self.server.statistics()
