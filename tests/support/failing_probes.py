"""A probe of each kind against a port behind which nobody answers well, and many failures of it through the drivers of a runtime."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from hostile.server import HostileServer
from hostile.visit import Visit
from ports import free_port
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.drivers import Drivers
from watchkeeper.domain.observation.attempt import AttemptId, ProbeRequest
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Exec, Http, Tcp
from watchkeeper.domain.specification.probes.dns import Dns
from watchkeeper.domain.specification.probes.icmp import Icmp
from watchkeeper.domain.specification.probes.kinds import Probe
from watchkeeper.domain.specification.probes.redis import Redis
from watchkeeper.domain.specification.probes.servers.imap import Imap
from watchkeeper.domain.specification.probes.servers.mqtt import Mqtt
from watchkeeper.domain.specification.probes.servers.mysql import Mysql
from watchkeeper.domain.specification.probes.servers.postgres import Postgres
from watchkeeper.domain.specification.probes.smtp import Smtp
from watchkeeper.domain.specification.probes.ssh import Ssh
from watchkeeper.domain.specification.probes.tls_handshake import TlsHandshake
from watchkeeper.domain.specification.probes.udp import Udp
from watchkeeper.domain.specification.probes.web.grpc import Grpc
from watchkeeper.domain.specification.probes.web.http_steps import HttpStep, HttpSteps
from watchkeeper.domain.specification.probes.web.registration import DomainRegistration
from watchkeeper.domain.specification.probes.web.websocket import WebSocket
from watchkeeper.domain.time.moment import NS_PER_MS, Deadline

from tests.adapters.timing import call_at_of

AT_ONCE = 25
"""How many attempts of a kind are under way together."""
SILENCE_MS, ANSWER_MS = 40, 10_000
UNANSWERED = "240.0.0.1"
"""An address that no host has: an echo request to it is lost, or refused by the system."""

MakeProbe = Callable[[str, int], Probe]
FAILING: Mapping[str, MakeProbe] = {
    "http": lambda host, port: Http(url=f"http://{host}:{port}/"),
    "https": lambda host, port: Http(url=f"https://{host}:{port}/"),
    "tcp": lambda host, port: Tcp(host=host, port=port, send="hello", expect="world"),
    "exec": lambda host, port: Exec(argv=("sh", "-c", "exit 2")),
    "tls": lambda host, port: TlsHandshake(host=host, port=port),
    "dns": lambda host, port: Dns(name="example.org", server=host, port=port, transport="tcp"),
    "icmp": lambda host, port: Icmp(host=UNANSWERED),
    "udp": lambda host, port: Udp(host=host, port=port, send="hello", expect="world"),
    "redis": lambda host, port: Redis(host=host, port=port),
    "ssh": lambda host, port: Ssh(host=host, port=port),
    "smtp": lambda host, port: Smtp(host=host, port=port),
    "imap": lambda host, port: Imap(host=host, port=port),
    "mqtt": lambda host, port: Mqtt(host=host, port=port),
    "postgres": lambda host, port: Postgres(host=host, port=port, user="watch"),
    "mysql": lambda host, port: Mysql(host=host, port=port, user="watch"),
    "websocket": lambda host, port: WebSocket(url=f"ws://{host}:{port}/"),
    "grpc": lambda host, port: Grpc(host=host, port=port),
    "http_steps": lambda host, port: HttpSteps(steps=(HttpStep(id="a", url=f"http://{host}:{port}/"),)),
    "domain": lambda host, port: DomainRegistration(name="shop.example", rdap_server=f"http://{host}:{port}"),
}
"""By the name of the kind; `https` is the kind `http` over TLS."""


def _say_nothing(visit: Visit) -> None:
    visit.read_something()
    visit.wait_for_client_to_leave()


class ManyFailures:
    """The drivers of one runtime, and peers that refuse, close at once, say nothing or talk nonsense, in turn."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._clock = SystemClock()
        self._drivers = Drivers(
            self.loop, self._clock, call_at_of(self.loop, self._clock), Configuration(), {}, None
        )
        self._peers = ExitStack()
        closing = self._peers.enter_context(HostileServer(greeting=lambda visit: None))
        babbling = self._peers.enter_context(HostileServer(greeting=lambda visit: visit.send(b"\0" * 512)))
        silent = self._peers.enter_context(HostileServer(greeting=_say_nothing))
        self._ports = [
            (free_port(), ANSWER_MS),
            (closing.port, ANSWER_MS),
            (babbling.port, ANSWER_MS),
            (silent.port, SILENCE_MS),
        ]

    def fail(self, kind: str, count: int) -> set[str]:
        """Has a probe fail so often, in groups. Returns the reasons; none of them may be a fault of ours."""
        make, reasons = FAILING[kind], set[str]()
        for first in range(0, count, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, count))
            for seen in self.loop.run_until_complete(self._together(make, numbers)):
                assert seen.outcome in {Outcome.DOWN, Outcome.TIMED_OUT}, (kind, seen)
                reasons.add(seen.reason.name)
        return reasons

    async def _together(self, make: MakeProbe, numbers: range) -> list[Observation]:
        return list(await asyncio.gather(*(self._attempt(make, number) for number in numbers)))

    async def _attempt(self, make: MakeProbe, number: int) -> Observation:
        port, within_ms = self._ports[number % len(self._ports)]
        probe = make("127.0.0.1", port)
        if isinstance(probe, Icmp | Exec):
            within_ms = SILENCE_MS if isinstance(probe, Icmp) else ANSWER_MS
        now = self._clock.read()
        deadline = Deadline.after(now, within_ms * NS_PER_MS)
        answer: asyncio.Future[Observation] = self.loop.create_future()
        request = ProbeRequest(attempt=AttemptId("t", 1, number), probe=probe, deadline=deadline, started=now)
        self._drivers.probers[type(probe)].start(request, answer.set_result)
        return await answer

    def turn(self) -> None:
        """Lets the loop run what is ready now."""
        self.loop.run_until_complete(asyncio.sleep(0))

    def close(self) -> None:
        """Closes the drivers, the peers and the loop."""
        self._drivers.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self._peers.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
