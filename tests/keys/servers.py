"""Real servers that show what a probe or a channel sent to them."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from hostile.server import HostileServer


@contextmanager
def web(host: str = "127.0.0.1", **answers) -> Iterator[HostileServer]:
    """A web server whose `heard` are the requests."""
    with HostileServer(answers or None, host=host) as server:
        yield server


class Authority:
    """A certificate authority of a test, and servers and clients that it vouches for."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.file = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.file)
        client = self._ca.issue_cert("client@example.org")
        self.certificate_file, self.key_file = str(folder / "client.pem"), str(folder / "client.key")
        client.cert_chain_pems[0].write_to_path(self.certificate_file)
        client.private_key_pem.write_to_path(self.key_file)
        key = serialization.load_pem_private_key(client.private_key_pem.bytes(), None)
        self.locked_key_file = str(folder / "locked.key")
        Path(self.locked_key_file).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"sesame"),
            )
        )

    def context(self, name: str = "127.0.0.1") -> ssl.SSLContext:
        """Returns what a server proves itself by."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(name).configure_cert(context)
        return context

    def server_files(self, name: str = "127.0.0.1") -> tuple[str, str]:
        """Returns the files of a server's certificate and of its key."""
        own = self._ca.issue_cert(name)
        files = self.file.replace("ca.pem", "server.pem"), self.file.replace("ca.pem", "server.key")
        own.cert_chain_pems[0].write_to_path(files[0])
        own.private_key_pem.write_to_path(files[1])
        return files

    @contextmanager
    def web(self, name: str = "127.0.0.1", *, asks_for_client: bool = False) -> Iterator[HostileServer]:
        context = self.context(name)
        if asks_for_client:
            context.verify_mode = ssl.CERT_REQUIRED
            self._ca.configure_trust(context)
        with self.web_by(context) as server:
            yield server

    @contextmanager
    def web_by(self, context: ssl.SSLContext) -> Iterator[HostileServer]:
        with HostileServer(tls=context) as server:
            yield server

    @contextmanager
    def listing_suites(self) -> Iterator[tuple[int, list[set[int]]]]:
        """A TLS server; yields its port and the numbers of the cipher suites that each client offers."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert("127.0.0.1").configure_cert(context)
        offered: list[set[int]] = []

        def serve(connection: socket.socket) -> None:
            offered.append(suites_offered(connection))
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1_000)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

        with listening("127.0.0.1", serve) as port:
            yield port, offered


def suites_offered(connection: socket.socket) -> set[int]:
    """Looks into the first record of a TLS client. `shared_ciphers` of older Pythons gives the server's own suites."""
    waits = socket.MSG_PEEK | socket.MSG_WAITALL
    length = int.from_bytes(connection.recv(5, waits)[3:])
    hello = connection.recv(5 + length, waits)
    session = 5 + 4 + 2 + 32  # after the heads of record and message, the version and the random bytes
    begin = session + 1 + hello[session]
    end = begin + 2 + int.from_bytes(hello[begin : begin + 2])
    return {int.from_bytes(hello[at : at + 2]) for at in range(begin + 2, end, 2)}


@contextmanager
def listening(host: str, serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection after the other on a thread; yields the port."""
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError, IndexError):
                connection.settimeout(10)
                serve(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(20)


@contextmanager
def talking(answer: bytes, host: str = "127.0.0.1") -> Iterator[tuple[int, list[bytes]]]:
    """A TCP server that reads a line and answers; yields its port and the received lines."""
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(100))
        connection.sendall(answer)

    with listening(host, serve) as port:
        yield port, heard
