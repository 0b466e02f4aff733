"""The driver of one attempt that is logged."""

import asyncio
from collections.abc import Callable
from typing import assert_never

from ...domain.observation.attempt import ProbeRequest
from ...domain.observation.observation import OnObserved
from ...domain.specification.probe import Call, Composite, Exec, Heartbeat, Http, Tcp
from ...domain.specification.probes.kinds import Probe
from ...domain.specification.probes.networked import NetworkProbe
from ...domain.specification.probes.plugin import Plugin
from ...domain.time.timers import CallAt
from ..clock import MonotonicClock
from ..net.resolver import Resolver
from ..probes.course import Surroundings
from ..probes.local.exec import ExecProber
from ..probes.local.plugin import PluginProber
from ..probes.shared import SharableProber
from ..probes.table import HTTP_PROBERS, NETWORK_PROBERS
from .http import LoggedHttpProber, LoggedTransport
from .request_log import RequestLog
from .tcp import LoggedTcpProber


class LoggedDriver:
    """The production prober of one kind, with what lies under it. Made, used and closed on the loop's own thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MonotonicClock,
        call_at: CallAt,
        kind: type[Probe],
        *,
        deny_private_addresses: bool,
    ) -> None:
        self.requests: list[RequestLog] = []
        resolver = Resolver(loop, clock)
        self._closing: list[Callable[[], object]] = [resolver.close]
        prober: SharableProber
        around = Surroundings(
            loop=loop, clock=clock, resolver=resolver, deny_private_addresses=deny_private_addresses
        )
        if kind is Http or kind in HTTP_PROBERS:
            transport = LoggedTransport(loop, clock, call_at, resolver)
            self._closing.insert(0, transport.close)
            logged_http = LoggedHttpProber(transport, deny_private_addresses=deny_private_addresses)
            logged_http.requests = self.requests
            prober = logged_http if kind is Http else HTTP_PROBERS[kind](around, logged_http)
        elif kind is Tcp:
            prober = logged_tcp = LoggedTcpProber(
                loop, clock, resolver, deny_private_addresses=deny_private_addresses
            )
            logged_tcp.requests = self.requests
        elif issubclass(kind, NetworkProbe):
            prober = NETWORK_PROBERS[kind](around)
        elif kind is Plugin:
            prober = PluginProber(loop, clock, call_at)
        else:
            prober = ExecProber(loop, clock, call_at)
        self._closing.insert(0, prober.close)
        self._prober = prober

    def start(self, request: ProbeRequest, done: OnObserved) -> None:
        """Starts the attempt; `done` is called once."""
        self._prober.start(request, done)

    def close(self) -> None:
        """Releases everything."""
        for close in self._closing:
            close()


def refusal_of_probe(probe: Probe) -> str:
    """Returns why no attempt of a probe can be made outside its runtime; empty where one can."""
    match probe:
        case Http() | Tcp() | Exec() | NetworkProbe() | Plugin():
            return ""
        case Call():
            return f"it calls the function {probe.name!r} of a program, which the command line cannot: `check-now` asks the program"
        case Heartbeat():
            return "its job reports by itself, so there is nothing to probe: `status` shows its last report"
        case Composite():
            return "it is made from the newest samples of its members, so there is nothing to probe: probe one of them"
        case _:
            assert_never(probe)
