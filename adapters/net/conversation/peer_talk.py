"""The common part of what is said on a connection: errors become verdicts, and TLS may begin."""

import os
import socket
import ssl
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from ....domain.observation.outcome import Outcome, Reason
from ..certificates import PeerCertificate, peer_certificate, sent_chain
from ..system_errors import UP, SystemErrorMeaning, verdict_of_error
from ..wire import WireBroken, tls_words
from .stream import SocketStream


class Securing(NamedTuple):
    """The means of a handshake."""

    context: ssl.SSLContext
    server_name: str
    now_ns: Callable[[], int]


class PeerTalk:
    """One conversation. `begin` and `advance` do what can be done without waiting and say how it ended, or None.

    After None, the caller waits for `mask`, and where `pauses` is true no longer than an answer pauses.
    """

    __slots__ = (
        "_began_tls_ns",
        "_securing",
        "_shaking",
        "begins_in_clear",
        "certificate",
        "received",
        "stream",
        "tls_ns",
    )

    ends_with_pause: ClassVar[bool] = False
    """Whether an answer is over with a pause: no text says where it ends."""

    def __init__(
        self, connection: socket.SocketType, securing: Securing | None = None, *, in_clear: bool = True
    ) -> None:
        """With `in_clear` false TLS begins with the first byte, by the means of `securing`."""
        self.stream = SocketStream(connection)
        self.received = bytearray()
        """All that was read, in clear."""
        self.certificate: PeerCertificate | None = None
        self.tls_ns: int | None = None
        """The time that the handshake took, once it is done."""
        self._securing = securing
        self.begins_in_clear = in_clear
        self._shaking = not in_clear
        self._began_tls_ns: int | None = None

    @property
    def mask(self) -> int:
        """Returns the readiness mask to wait for."""
        return self.stream.mask

    @property
    def pauses(self) -> bool:
        """Whether what has come may be all of the answer, unless more follows soon."""
        return False

    @property
    def awaited(self) -> str:
        """The thing that has yet to come, for people."""
        return "an answer"

    @property
    def place(self) -> str:
        """The words before every verdict."""
        return ""

    def begin(self) -> SystemErrorMeaning | None:
        """Says the first words."""
        return self._guarded(self._begin_tls if self._shaking else self._begin)

    def advance(self) -> SystemErrorMeaning | None:
        """Goes on, once the connection is ready."""
        return self._guarded(self._shake_hands if self._shaking else self._go_on)

    def paused(self) -> SystemErrorMeaning | None:
        """Goes on after a pause of the peer."""
        return None

    def late(self) -> SystemErrorMeaning:
        """The verdict at the deadline."""
        waiting = "in the TLS handshake" if self._shaking else f"before {self.awaited} came"
        return Outcome.TIMED_OUT, Reason.TIMED_OUT, f"{self.place}the deadline passed {waiting}"

    def _begin(self) -> SystemErrorMeaning | None:
        """As a subclass has it: a handshake alone is over now."""
        return UP

    def _go_on(self) -> SystemErrorMeaning | None:
        return UP

    def _begin_tls(self) -> None:
        assert self._securing is not None  # noqa: S101 - its maker gives it wherever TLS may begin
        self._shaking, self._began_tls_ns = True, self._securing.now_ns()
        self.stream.begin_tls(self._securing.context, self._securing.server_name)

    def _shake_hands(self) -> SystemErrorMeaning | None:
        tls = self.stream.shake_hands()
        if tls is None or self._securing is None:
            return None
        self.tls_ns = self._securing.now_ns() - (self._began_tls_ns or 0)
        self.certificate = peer_certificate(sent_chain(tls))
        self._shaking = False
        return self._begin()

    def _guarded(self, work: Callable[[], SystemErrorMeaning | None]) -> SystemErrorMeaning | None:
        try:
            return work()
        except BlockingIOError:
            return None
        except WireBroken as broken:
            return Outcome.DOWN, broken.reason, f"{self.place}{broken}"
        except ssl.SSLError as error:
            return Outcome.DOWN, Reason.PROTOCOL_ERROR, f"{self.place}TLS broke: {tls_words(error)}"
        except OSError as error:
            number = error.errno or 0
            return verdict_of_error(number, f"{self.place}{os.strerror(number)}")
