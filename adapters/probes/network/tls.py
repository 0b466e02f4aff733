"""The `tls` probe: a handshake on any port, and what was agreed in it."""

import socket
import ssl

import msgspec

from ....domain.observation.attempt import ProbeRequest
from ....domain.observation.observation import Observation, OnObserved
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.probes.tls_handshake import TlsHandshake
from ...net.certificates import UNREADABLE, Certificate, PeerCertificate, peer_certificate, sent_chain
from ...net.conversation.peer_talk import PeerTalk, Securing
from ...net.secure_contexts import client_context
from ...net.system_errors import SystemErrorMeaning
from ...net.wire import Wire
from ..conversing import ConversingProber
from ..course import AttemptCourse, ProbeFailed, Surroundings
from ..secured import secure, securing
from ..shared import Underway
from .connecting import ConnectingAttempt, ConnectingProber
from .starttls import ask_for_tls


class TlsProber(ConnectingProber):
    """Runs `tls` probes on one loop. Those that ask for TLS in the words of a protocol are coroutines."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(
            around.loop,
            around.clock,
            around.resolver,
            deny_private_addresses=around.deny_private_addresses,
        )
        self._asking = ConversingProber(around, shake_hands, self.sockets)

    def start(self, request: ProbeRequest, done: OnObserved) -> Underway:
        """Starts an attempt. Raises: TypeError for the specification of another probe."""
        probe = request.probe
        if not isinstance(probe, TlsHandshake):
            raise TypeError(f"a tls prober was given {type(probe).__name__}")
        if probe.starttls is not None:
            return self._asking.start(request, done)
        attempt = TlsAttempt(
            self,
            probe.host,
            probe.port,
            probe.address_family,
            request,
            done,
            self.clock.monotonic_ns(),
            spec=probe,
        )
        self.under_way.add(attempt)
        attempt.begin()
        return attempt

    def close(self) -> None:
        self._asking.close()
        super().close()


class TlsAttempt(ConnectingAttempt, kw_only=True):
    """One handshake under way that begins with the first byte."""

    spec: TlsHandshake
    _securing: Securing | None = None

    def _prepare(self) -> None:
        spec = self.spec
        now_ns = self._prober.clock.monotonic_ns
        self._securing = securing(spec.host, spec.tls, now_ns, spec.oldest_version)

    def _converse(self, connection: socket.SocketType) -> PeerTalk:
        return Handshake(connection, self._securing)

    def _body(self, talk: PeerTalk) -> bytes | None:
        return talk.agreed if isinstance(talk, Handshake) else None


class Handshake(PeerTalk):
    """A handshake alone, whose result is read for conditions."""

    __slots__ = ("agreed",)

    def __init__(self, connection: socket.SocketType, securing: Securing | None) -> None:
        super().__init__(connection, securing, in_clear=False)
        self.agreed: bytes | None = None

    def _begin(self) -> SystemErrorMeaning | None:
        verdict = _fault_of(self.certificate)
        if verdict is None and self.certificate is not None and self.stream.tls is not None:
            self.agreed = _agreed(self.stream.tls, self.certificate.own)
        return verdict or super()._begin()


async def shake_hands(probe: TlsHandshake, course: AttemptCourse) -> Observation:
    """One attempt of a `tls` probe that asks for TLS. Raises: ProbeFailed, WireBroken, UnusableFileError."""
    context = client_context(probe.tls, probe.oldest_version)
    wire = Wire(await course.connect(probe.host, probe.port, probe.address_family), course.ready)
    if probe.starttls is not None:
        course.stage = "while TLS was asked for"
        await ask_for_tls(wire, probe.starttls)
    tls = await secure(course, wire, probe.host, probe.tls, context)
    course.response_time_ns = course.spent_ns()
    shown = peer_certificate(sent_chain(tls))
    fault = _fault_of(shown)
    if shown is None or fault is not None:
        raise ProbeFailed(*(fault or NOT_SHOWN))
    return course.observation(body=_agreed(tls, shown.own), **shown.facts(course.request.started.wall_ns))


NOT_SHOWN: SystemErrorMeaning = (Outcome.DOWN, Reason.TLS_FAILED, "the server showed no certificate")


def _fault_of(shown: PeerCertificate | None) -> SystemErrorMeaning | None:
    """The verdict on a certificate that tells nothing."""
    if shown is None:
        return NOT_SHOWN
    if shown.own is UNREADABLE:
        return Outcome.DOWN, Reason.CERTIFICATE_INVALID, "the certificate cannot be read"
    return None


def _agreed(tls: ssl.SSLObject, own: Certificate) -> bytes:
    cipher = tls.cipher()
    agreed = {
        "version": (tls.version() or "").removeprefix("TLSv"),
        "cipher": cipher[0] if cipher else "",
        "subject": own.subject,
    }
    return msgspec.json.encode(agreed)
