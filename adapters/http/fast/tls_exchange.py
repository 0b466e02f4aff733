"""One plain GET over TLS by rustls: the same connection, with a full handshake between connecting and asking.

Rustls is given bytes and asked for bytes, and never the socket. The request leaves in one piece with the end of the
handshake. Its errors are subclasses of those of `ssl`.
"""

import os
import ssl

import pycurl

from ....domain.limits import READ_PLAIN_BYTES
from ...net.certificates import peer_certificate, sent_chain
from .exchange import CONNECT, PlainExchange
from .tls_contexts import Greeting
from .tls_errors import handshake_failure, reading_failure


class TlsExchange(PlainExchange, kw_only=True):
    """One request under way over TLS."""

    greeting: Greeting

    def _took(self, data: bytes) -> bool:
        tls = self.greeting.tls
        self.greeting.incoming.write(data)
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
        self._certificate = peer_certificate(sent_chain(tls))
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
        if self._connection is not None and self.greeting.outgoing.pending:
            self._unsent = self.greeting.outgoing.read()
            self._send(self._connection)
        self._tell(self._answer(*handshake_failure(error, self._request.server_name or "")))

    def _flush(self) -> bool:
        """Send what rustls has to say; whether the connection still stands."""
        connection = self._connection
        if connection is None or not self.greeting.outgoing.pending:
            return connection is not None
        self._unsent += self.greeting.outgoing.read()
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
        self.greeting.incoming.write_eof()
        tls = self.greeting.tls
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
