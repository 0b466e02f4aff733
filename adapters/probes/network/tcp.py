"""The `tcp` probe: a connection, and optionally something sent and something expected, in steps or at once.

An answer of which no text is expected, and which a condition reads, ends when the peer closes or pauses.
"""

import socket

from ....domain.observation.attempt import ProbeRequest
from ....domain.observation.observation import OnObserved
from ....domain.specification.probe import Tcp, Tls
from ...net.conversation.dialogue import StepTalk
from ...net.conversation.peer_talk import PeerTalk, Securing
from ...net.conversation.talk import Talk
from ..secured import securing
from .connecting import ConnectingAttempt, ConnectingProber

UNSTATED = Tls()
"""The settings of a step with `starttls` where the target states none."""


class TcpProber(ConnectingProber):
    """Runs `tcp` probes on one loop."""

    def start(self, request: ProbeRequest, done: OnObserved) -> "TcpAttempt":
        """Starts an attempt.

        Raises: TypeError for the specification of another probe.
        """
        probe = request.probe
        if not isinstance(probe, Tcp):
            raise TypeError(f"a tcp prober was given {type(probe).__name__}")
        attempt = self._attempt(probe, request, done)
        self.under_way.add(attempt)
        attempt.begin()
        return attempt

    def _attempt(self, probe: Tcp, request: ProbeRequest, done: OnObserved) -> "TcpAttempt":
        return TcpAttempt(
            self,
            probe.host,
            probe.port,
            probe.address_family,
            request,
            done,
            self.clock.monotonic_ns(),
            spec=probe,
        )


class TcpAttempt(ConnectingAttempt, kw_only=True):
    """One attempt of a `tcp` probe under way."""

    spec: Tcp
    _securing: Securing | None = None

    def _prepare(self) -> None:
        spec = self.spec
        if spec.is_encrypted:
            self._securing = securing(spec.host, spec.tls or UNSTATED, self._prober.clock.monotonic_ns)

    def _converse(self, connection: socket.SocketType) -> PeerTalk | None:
        spec = self.spec
        if spec.dialogue:
            return StepTalk(connection, spec.dialogue, self._securing, in_clear=spec.begins_in_clear)
        if spec.send or spec.expect:
            return Talk(connection, spec, self._securing, in_clear=spec.begins_in_clear)
        if self._securing is not None:
            return PeerTalk(connection, self._securing, in_clear=False)
        return None
