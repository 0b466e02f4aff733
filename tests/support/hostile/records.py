"""A real name server on loopback, over UDP, TCP and TLS, whose answers a test writes byte by byte."""

import contextlib
import errno
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

HEADER = struct.Struct(">HHHHHH")
IS_ANSWER, CUT = 0x8400, 0x0200
READ_WITHIN_S = 20.0
JOIN_S = 20.0
PORTS_TRIED_MAX = 20

Reply = Callable[[bytes], bytes | None]
"""Makes the answer to a question; None: nothing is said."""


def name(text: str) -> bytes:
    """A name as DNS writes it."""
    labels = [part.encode() for part in text.removesuffix(".").split(".") if part]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(kind: int, data: bytes, owner: bytes = b"\xc0\x0c", ttl: int = 300) -> bytes:
    """One record, by default of the name that was asked for."""
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def reply(
    question: bytes, *parts: Iterable[bytes], code: int = 0, flags: int = IS_ANSWER, number: int | None = None
) -> bytes:
    """An answer with the records of its parts."""
    counts = [len(list(part)) for part in parts] + [0] * (3 - len(parts))
    asked = int.from_bytes(question[:2]) if number is None else number
    return (
        HEADER.pack(asked, flags | code, 1, *counts)
        + question[12:]
        + b"".join(b"".join(part) for part in parts)
    )


def _same_port() -> tuple[socket.socket, socket.socket]:
    """A listener and a socket for datagrams with one port; another socket may have the port that the listener gets."""
    for _ in range(PORTS_TRIED_MAX):
        listener = socket.create_server(("127.0.0.1", 0))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(listener.getsockname())
        except OSError:
            listener.close()
            datagrams.close()
        else:
            return listener, datagrams
    raise OSError(errno.EADDRINUSE, "no port is free for TCP and for UDP")


class RecordServer:
    """Serves on its own threads from the begin of `with` to its end; UDP and TCP have the same port."""

    def __init__(self, by_udp: Reply, by_tcp: Reply | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self._replies = {"udp": by_udp, "tcp": by_tcp or by_udp}
        self._tls = tls
        self._listener, self._datagrams = _same_port()
        self.port: int = self._listener.getsockname()[1]
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._serve_datagrams, self._accept)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(JOIN_S)
        self._listener.close()
        self._datagrams.close()

    def _answer(self, way: str, question: bytes) -> bytes | None:
        self.asked.append((way, question))
        return self._replies[way](question)

    def _serve_datagrams(self) -> None:
        while True:
            question, peer = self._datagrams.recvfrom(4096)
            if not question:
                return
            answer = self._answer("udp", question)
            if answer is not None:
                self._datagrams.sendto(answer, peer)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                connection.settimeout(READ_WITHIN_S)
                self._attend(connection)

    def _attend(self, connection: socket.socket) -> None:
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection:
            length = int.from_bytes(connection.recv(2))
            answer = self._answer("tcp", connection.recv(length))
            if answer is not None:
                connection.sendall(len(answer).to_bytes(2) + answer)
            connection.recv(1)
