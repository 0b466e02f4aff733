"""A connection that a coroutine reads and writes: in clear, or by TLS once that has begun."""

import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from ...domain.limits import BODY_BYTES, READ_PLAIN_BYTES
from ...domain.observation.outcome import Reason
from .readiness import EDGE, READABLE, WRITABLE

Ready: TypeAlias = Callable[[socket.SocketType, int], Awaitable[None]]
ENDED = "the peer closed the connection"


class WireBroken(Exception):  # an act of the peer, not a fault of this program
    """The connection ended, or brought what no peer of the protocol sends; `reason` says which."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Wire:
    """Reads and writes one non-blocking connection, which stays its opener's to close.

    `ready` waits until the socket is ready, and is cancelled at the deadline of its caller.
    """

    def __init__(self, connection: socket.SocketType, ready: Ready) -> None:
        self._connection = connection
        self._ready = ready
        self._unread = bytearray()
        self.tls: ssl.SSLObject | None = None
        self._incoming = self._outgoing = ssl.MemoryBIO()

    async def write(self, data: bytes) -> None:
        """Sends everything."""
        if self.tls is not None:
            self.tls.write(data)
            data = self._outgoing.read()
        await self._send(data)

    async def read(self, bytes_max: int = READ_PLAIN_BYTES) -> bytes:
        """Some bytes, at least one. Raises: WireBroken where the connection has ended."""
        if not self._unread:
            await self._read_more()
        piece = bytes(self._unread[:bytes_max])
        del self._unread[: len(piece)]
        return piece

    async def _read_more(self) -> None:
        self._unread += await self._receive() if self.tls is None else await self._decrypt(self.tls)

    async def read_exactly(self, length: int) -> bytes:
        """So many bytes. Raises: WireBroken where fewer come."""
        whole = bytearray()
        while len(whole) < length:
            whole += await self.read(length - len(whole))
        return bytes(whole)

    async def read_line(self, bytes_max: int = BODY_BYTES) -> bytes:
        """A line without its end. Raises: WireBroken where none comes, or one that is too long."""
        # In place, and on from where the last piece ended: thousands of short lines, or a long one that drips, are read once.
        searched = 0
        while (end := self._unread.find(b"\n", searched, bytes_max)) < 0:
            searched = len(self._unread)
            if searched > bytes_max:
                raise WireBroken(Reason.BODY_TOO_LARGE, f"a line has more than {bytes_max} bytes")
            await self._read_more()
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return line.removesuffix(b"\r")

    async def encrypt(self, context: ssl.SSLContext, server_name: str) -> ssl.SSLObject:
        """Begins TLS. Raises: WireBroken where the peer does not prove itself or speaks no TLS.

        Bytes that came in clear before TLS began could have been put there by anybody: they end the attempt.
        """
        if self._unread:
            raise WireBroken(Reason.PROTOCOL_ERROR, "bytes came in clear where TLS must begin")
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send(self._outgoing.read())
                self._incoming.write(await self._receive(ended=Reason.TLS_FAILED))
            except ssl.SSLCertVerificationError as error:
                await self._say_why()
                raise certificate_refusal(error) from None
            except ssl.SSLError as error:
                await self._say_why()
                raise WireBroken(Reason.TLS_FAILED, f"the TLS handshake failed: {tls_words(error)}") from None
            else:
                await self._send(self._outgoing.read())
                self.tls = tls
                return tls

    async def _say_why(self) -> None:
        """Tells the peer by an alert, where it can be sent at once."""
        try:
            self._connection.send(self._outgoing.read())
        except OSError:
            return

    async def _decrypt(self, tls: ssl.SSLObject) -> bytes:
        while True:
            try:
                piece = tls.read(READ_PLAIN_BYTES)
            except ssl.SSLWantReadError:
                # A change of keys is answered.
                await self._send(self._outgoing.read())
                self._incoming.write(await self._receive())
            except ssl.SSLError as error:
                raise WireBroken(Reason.PROTOCOL_ERROR, f"TLS broke: {tls_words(error)}") from None
            else:
                if not piece:
                    raise WireBroken(Reason.TRUNCATED, ENDED)
                return piece

    async def _receive(self, ended: Reason = Reason.TRUNCATED) -> bytes:
        while True:
            try:
                data = self._connection.recv(READ_PLAIN_BYTES)
            except BlockingIOError:
                await self._ready(self._connection, READABLE | EDGE)
            except OSError as error:
                raise _broken(error) from None
            else:
                if not data:
                    raise WireBroken(ended, ENDED)
                return data

    async def _send(self, data: bytes) -> None:
        while data:
            try:
                data = data[self._connection.send(data) :]
            except BlockingIOError:
                await self._ready(self._connection, WRITABLE | EDGE)
            except OSError as error:
                raise _broken(error) from None


def _broken(error: OSError) -> WireBroken:
    number = error.errno or 0
    return WireBroken(Reason.CONNECTION_RESET, os.strerror(number))


def certificate_refusal(error: ssl.SSLCertVerificationError) -> WireBroken:
    """The end of a connection whose peer does not prove itself."""
    return WireBroken(Reason.CERTIFICATE_INVALID, f"the certificate proves nothing: {error.verify_message}")


def tls_words(error: ssl.SSLError) -> str:
    """`wrong version number` of WRONG_VERSION_NUMBER."""
    return (error.reason or "unknown error").replace("_", " ").lower()
