"""A `tcp` attempt with its log."""

from ...domain.observation.attempt import ProbeRequest
from ...domain.observation.observation import Observation, OnObserved
from ...domain.specification.probe import Tcp
from ..net.names import LookedUp
from ..probes.network.tcp import TcpAttempt, TcpProber
from .request_log import RequestLog


class LoggedTcpProber(TcpProber):
    """Runs `tcp` probes and adds the connection of each to `requests`."""

    requests: list[RequestLog]

    def _attempt(self, probe: Tcp, request: ProbeRequest, done: OnObserved) -> TcpAttempt:
        return LoggedTcpAttempt(
            self,
            probe.host,
            probe.port,
            probe.address_family,
            request,
            done,
            self.clock.monotonic_ns(),
            spec=probe,
            log=self.requests,
        )


class LoggedTcpAttempt(TcpAttempt, kw_only=True):
    """One attempt under way that keeps the addresses of its name."""

    log: list[RequestLog]
    addresses: tuple[str, ...] = ()

    def _named(self, answer: LookedUp) -> None:
        self.addresses = tuple(address.host for address in answer.addresses)
        super()._named(answer)

    def tell(self, seen: Observation) -> None:
        phases = seen.phases
        name_ns = phases.dns_ns or 0 if phases else 0
        connect_ns = name_ns + phases.connect_ns if phases and phases.connect_ns else 0
        answered_ns = phases.first_byte_ns if phases else None
        self.log.append(
            RequestLog(
                host=self.spec.host,
                port=self.spec.port,
                addresses=self.addresses,
                peer=seen.ip or "",
                name_ns=name_ns if self.addresses else 0,
                connect_ns=connect_ns,
                first_byte_ns=connect_ns + answered_ns if answered_ns else 0,
                total_ns=seen.response_time_ns or 0,
                length=len(seen.body or b""),
            )
        )
        super().tell(seen)
