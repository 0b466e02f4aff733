"""One connection as a hostile server sees it."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable

from .hello import first_record, protocols_in

READ_BYTES = 64 * 1024
TIMEOUT_S = 60.0
"""Longer than every timeout of a probe in the tests, so that the client always ends the connection first."""


def exactly(connection: socket.socket, length: int) -> bytes:
    """Returns so many bytes. Raises: ValueError where the client leaves before."""
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise ValueError("the client has left")
        data += piece
    return data


class Visit:
    """A client's connection, its last request, and the ways to mistreat it. Every wait ends when the server is closed."""

    def __init__(self, connection: socket.socket, stopped: threading.Event) -> None:
        connection.settimeout(TIMEOUT_S)
        self._socket = connection
        self._stopped = stopped
        self._read = b""
        self.method = ""
        self.path = "/"
        self.headers: tuple[tuple[str, str], ...] = ()
        self.body = b""
        self.kept = False
        """Whether another request may follow on the connection."""

    def secure(self, context: ssl.SSLContext) -> None:
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def offered_protocols(self) -> list[str]:
        """The protocols that the client offers in the handshake that is about to begin."""
        return protocols_in(first_record(self._socket))

    @property
    def protocol(self) -> str | None:
        """The protocol that was agreed on in the TLS handshake, such as `h2`."""
        return self._socket.selected_alpn_protocol() if isinstance(self._socket, ssl.SSLSocket) else None

    def read_request(self) -> bool:
        """Reads one request. Returns False where the client has left, also in the middle of it: one that was killed there said nothing."""
        self.kept = False
        while b"\r\n\r\n" not in self._read:
            if not self._read_more():
                return False
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        self.headers = tuple((name, value.strip()) for name, _, value in pairs)
        return self._read_body()

    def _read_body(self) -> bool:
        length = next((int(value) for name, value in self.headers if name.lower() == "content-length"), 0)
        while len(self._read) < length:
            if not self._read_more():
                return False
        self.body, self._read = self._read[:length], self._read[length:]
        return True

    def _read_more(self) -> bool:
        chunk = self._socket.recv(READ_BYTES)
        self._read += chunk
        return bool(chunk)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send_in_clear(self, data: bytes) -> None:
        """Sends bytes past TLS, where it has begun."""
        socket.socket.send(self._socket, data)

    def say_farewell(self) -> None:
        """Sends the close message of TLS, and does not wait for the client's."""
        self._socket.settimeout(0)
        if isinstance(self._socket, ssl.SSLSocket):
            with contextlib.suppress(ssl.SSLWantReadError):
                self._socket.unwrap()

    def answer(self, status: str = "200 OK", headers: Iterable[str] = (), body: bytes = b"ok") -> None:
        """One well-formed answer; the connection may be kept."""
        lines = (f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", "")
        self.kept = True
        self.send("\r\n".join(lines).encode("latin-1") + body)

    def drip(self, parts: Iterable[bytes], every_s: float) -> None:
        """Sends the parts with a pause after each, until all are sent, the client leaves or the server is closed."""
        for part in parts:
            self.send(part)
            if self._stopped.wait(every_s):
                return

    def pour(self, chunk: bytes, times: int) -> None:
        """Sends the same chunk again and again without a pause."""
        for _ in range(times):
            if self._stopped.is_set():
                return
            self.send(chunk)

    def wait_for_client_to_leave(self) -> None:
        """Answer nothing and read on until the client closes."""
        while self._socket.recv(READ_BYTES):
            pass

    def read_exactly(self, length: int) -> bytes:
        """Returns so many bytes, and leaves those behind them: a client of MySQL begins TLS without waiting for an answer.

        Raises: ValueError where the client leaves before.
        """
        data, self._read = self._read[:length], self._read[length:]
        return data + exactly(self._socket, length - len(data))

    def read_something(self) -> bytes:
        """Returns the first bytes that the client sends, without parsing them as a request."""
        return self._socket.recv(READ_BYTES)

    def reset(self) -> None:
        """Close with RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def interrupt(self) -> None:
        """End the connection under a thread that waits on it."""
        with contextlib.suppress(OSError):
            # The plain socket: shutting down TLS would wait for the peer's close message.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()


Answer = Callable[[Visit], None]
