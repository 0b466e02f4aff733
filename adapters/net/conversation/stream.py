"""A connection that is read and written as far as it gets: in clear, or by TLS once that has begun."""

import socket
import ssl

from ....domain.limits import READ_PLAIN_BYTES
from ....domain.observation.outcome import Reason
from ..readiness import READABLE, WRITABLE
from ..wire import ENDED, WireBroken, certificate_refusal, tls_words


class SocketStream:
    """Reads and writes one non-blocking connection, which stays its opener's to close.

    `mask` says what is to be waited for before it can go on. Raises: OSError, WireBroken.
    """

    __slots__ = ("_connection", "_incoming", "_outgoing", "_unsent", "may_hold", "tls")

    def __init__(self, connection: socket.SocketType) -> None:
        self._connection = connection
        self._unsent = b""
        self.tls: ssl.SSLObject | None = None
        """The state of TLS, from the begin of its handshake."""
        self.may_hold = False
        """Bytes may have come with the end of the handshake, of which the system tells no more."""

    @property
    def mask(self) -> int:
        """Returns the readiness mask to wait for."""
        return READABLE | WRITABLE if self._unsent else READABLE

    @property
    def is_flushed(self) -> bool:
        """Whether the system has taken everything that was to be sent."""
        return not self._unsent

    def send(self, data: bytes) -> None:
        """Sends what the system takes at once, and keeps the rest for `flush`."""
        if self.tls is not None:
            self.tls.write(data)
            data = self._outgoing.read()
        self._unsent = self._unsent + data if self._unsent else data
        self.flush()

    def flush(self) -> None:
        """Goes on sending what is left."""
        if not self._unsent:
            return
        try:
            self._unsent = self._unsent[self._connection.send(self._unsent) :]
        except BlockingIOError:
            return

    def receive(self, bytes_max: int = READ_PLAIN_BYTES) -> bytes:
        """The bytes that have come, at most those of one read of the system; none where the peer has ended. Raises: BlockingIOError."""
        if self.tls is None:
            return self._connection.recv(bytes_max)
        if self.may_hold:
            return self.decrypted()
        data = self._connection.recv(READ_PLAIN_BYTES)
        if not data:
            return b""
        self._incoming.write(data)
        return self.decrypted()

    def decrypted(self) -> bytes:
        """All that can be decrypted of what has come; the system tells no more of it. Raises: BlockingIOError for none, WireBroken."""
        assert self.tls is not None  # noqa: S101 - the caller has begun it
        self.may_hold = False
        pieces = []
        try:
            while piece := self.tls.read(READ_PLAIN_BYTES):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            self._answer()
            if not pieces:
                raise BlockingIOError from None
        except ssl.SSLError as error:
            if not pieces:
                raise WireBroken(Reason.PROTOCOL_ERROR, f"TLS broke: {tls_words(error)}") from None
        return b"".join(pieces)

    def _answer(self) -> None:
        """A change of keys is answered."""
        if self._outgoing.pending:
            self._unsent += self._outgoing.read()
            self.flush()

    def begin_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Says the first words of a handshake; `shake_hands` goes on with it."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._answer()

    def shake_hands(self) -> ssl.SSLObject | None:
        """Goes on with the handshake; what was agreed, once it is done. Raises: WireBroken where the peer does not prove itself, BlockingIOError."""
        assert self.tls is not None  # noqa: S101 - the caller has begun it
        self.flush()
        data = self._connection.recv(READ_PLAIN_BYTES)
        if not data:
            raise WireBroken(Reason.TLS_FAILED, ENDED)
        self._incoming.write(data)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._answer()
            return None
        except ssl.SSLCertVerificationError as error:
            self._say_why()
            raise certificate_refusal(error) from None
        except ssl.SSLError as error:
            self._say_why()
            raise WireBroken(Reason.TLS_FAILED, f"the TLS handshake failed: {tls_words(error)}") from None
        self._answer()
        self.may_hold = True
        return self.tls

    def _say_why(self) -> None:
        """Tells the peer by an alert, where it can be sent at once."""
        try:
            self._answer()
        except OSError:
            return
