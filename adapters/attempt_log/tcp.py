"""A `tcp` attempt with its log."""

from ...domain.observation.attempt import ProbeRequest
from ...domain.observation.observation import Observation, OnObserved, Phases
from ...domain.specification.probe import Tcp
from ..net.names import LookedUp
from ..probes.network.tcp import TcpAttempt, TcpProber
from .request_log import RequestLog, TlsLog, name_in

NO_PHASES = Phases()


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
        phases = seen.phases or NO_PHASES
        name_ns = phases.dns_ns or 0
        connect_ns = name_ns + phases.connect_ns if phases.connect_ns else 0
        tls_ns = connect_ns + phases.tls_ns if phases.tls_ns else 0
        # A handshake in the middle of a dialogue comes behind the first byte.
        before_ns = connect_ns if self._talk is None or self._talk.begins_in_clear else tls_ns
        self.log.append(
            RequestLog(
                host=self.spec.host,
                port=self.spec.port,
                addresses=self.addresses,
                peer=seen.ip or "",
                name_ns=name_ns if self.addresses else 0,
                connect_ns=connect_ns,
                tls_ns=tls_ns,
                tls=self._agreed(seen) if tls_ns else None,
                first_byte_ns=before_ns + phases.first_byte_ns if phases.first_byte_ns else 0,
                total_ns=seen.response_time_ns or 0,
                length=len(seen.body or b""),
            )
        )
        super().tell(seen)

    def _agreed(self, seen: Observation) -> TlsLog:
        tls = None if self._talk is None else self._talk.stream.tls
        return TlsLog(
            version=None if tls is None else (tls.version() or "").removeprefix("TLSv"),
            names=seen.certificate_names or (),
            issuer=name_in(seen.certificate_issuer or ""),
            expires_in_ns=seen.certificate_expires_in_ns,
        )
