"""One plain GET over TLS by rustls: the same connection, with a full handshake between connecting and asking.

Rustls is given bytes and asked for bytes, and never the socket. The request leaves in one piece with the end of the
handshake. Its errors are subclasses of those of `ssl`.
"""

import os
import ssl

import pycurl

from ....domain.limits import READ_PLAIN_BYTES
from .exchange import CONNECT, ExchangeHost, OnExchanged, PlainExchange
from .request import PlainRequest, RequestTarget
from .tls_contexts import Context
from .tls_errors import handshake_failure, reading_failure


class TlsExchange(PlainExchange):
    """One request under way over TLS."""

    __slots__ = ("_context", "_incoming", "_outgoing", "_tls")

    def __init__(
        self,
        engine: ExchangeHost,
        request: PlainRequest,
        begun_ns: int,
        done: OnExchanged,
        context: Context | None,
    ) -> None:
        super().__init__(engine, request, begun_ns, done)
        self._context = context
        self._incoming: ssl.MemoryBIO
        self._outgoing: ssl.MemoryBIO
        self._tls: ssl.SSLObject | None = None

    def _connect(self, to: RequestTarget) -> None:
        """Have the first words ready before there is a connection: the time they take to make is not the target's."""
        before_ns = self._engine.now_ns()
        if not self._greet():
            self._engine.soon(self._tell, None)
            return
        self._begun_ns += self._engine.now_ns() - before_ns
        super()._connect(to)

    def _greet(self) -> bool:
        secured = self._request.secured
        if self._context is None or secured is None:
            return False
        self._incoming, self._outgoing = self._context.buffer(), self._context.buffer()
        try:
            self._tls = self._context.settings.wrap_bio(
                self._incoming, self._outgoing, server_hostname=secured.server_name
            )
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._unsent = self._outgoing.read()
            return True
        except (ssl.SSLError, ValueError):
            pass  # a name that rustls does not take
        return False

    def _took(self, data: bytes) -> bool:
        tls = self._tls
        if tls is None:
            return True
        self._incoming.write(data)
        if not self._tls_ns and not self._shake_hands(tls):
            return self._done is None
        return self._read_on(tls)

    def _shake_hands(self, tls: ssl.SSLObject) -> bool:
        """Go on with the handshake; once it is done, ask."""
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._refuse(error)
            return False
        self._tls_ns = self._spent_ns()
        if tls.selected_alpn_protocol() == "h2":
            self._tell(None)
            return False
        if self._context is not None:
            certificate = tls.getpeercert(binary_form=True) or b""
            self._certificate_expires = self._context.expires_of(certificate)
        self._ask(tls, self._request.wire)
        return self._flush()

    @staticmethod
    def _ask(tls: ssl.SSLObject, wire: bytes) -> None:
        """Encrypt the request: rustls takes no more than 64 KB at once."""
        while wire:
            taken = tls.write(wire)
            if not taken:
                raise RuntimeError("the encryption takes no more of it")
            wire = wire[taken:]

    def _refuse(self, error: ssl.SSLError) -> None:
        """Say why there was no handshake, to the peer by the alert that rustls has for it, too."""
        if self._connection is not None and self._outgoing.pending:
            self._unsent = self._outgoing.read()
            self._send(self._connection)
        secured = self._request.secured
        name = "" if secured is None else secured.server_name
        self._tell(self._answer(*handshake_failure(error, name)))

    def _flush(self) -> bool:
        """Send what rustls has to say; whether the connection still stands."""
        connection = self._connection
        if connection is None or not self._outgoing.pending:
            return connection is not None
        self._unsent += self._outgoing.read()
        number = self._send(connection)
        if number:
            self.failed(number)
        elif self._unsent:
            self._engine.watch_again(connection.fileno(), CONNECT)
        return not number

    def _read_on(self, tls: ssl.SSLObject) -> bool:
        # Until it wants more: rustls takes all that has come at once and buffers what it has decrypted.
        while True:
            try:
                piece = tls.read(READ_PLAIN_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                self._tell(self._answer(*reading_failure(error)))
                return True
            if super()._took(piece):
                return True
        return not self._flush()

    def _closed_by_peer(self) -> None:
        """The connection ended without a farewell."""
        self._incoming.write_eof()
        tls = self._tls
        if tls is None:
            return
        try:
            if self._tls_ns:
                tls.read(READ_PLAIN_BYTES)
            else:
                tls.do_handshake()
        except ssl.SSLError as error:
            words = reading_failure(error) if self._tls_ns else handshake_failure(error, "")
            self._tell(self._answer(*words))
        else:
            super()._closed_by_peer()

    def failed(self, number: int) -> None:
        if self._connect_ns and not self._tls_ns:
            message = f"Recv failure: {os.strerror(number)}"
            self._tell(self._answer(pycurl.E_SSL_CONNECT_ERROR, message, error_number=number))
        else:
            super().failed(number)
