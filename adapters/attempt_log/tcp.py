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

    def start(self, request: ProbeRequest, done: OnObserved) -> TcpAttempt:
        probe = request.probe
        assert isinstance(probe, Tcp)  # noqa: S101 - the maker chose this prober by it
        attempt = LoggedTcpAttempt(self, probe, request, done, self.clock.monotonic_ns(), log=self.requests)
        self.under_way.add(attempt)
        attempt.begin()
        return attempt


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
                host=self._spec.host,
                port=self._spec.port,
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
