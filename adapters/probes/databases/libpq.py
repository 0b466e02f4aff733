"""A connection of libpq whose bytes go through our own: libpq opens none to the outside, looks up no name and never waits."""

import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from secrets import token_hex
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

PIECE_BYTES = 8192
"""As much as libpq takes at least in one step."""
FAR_BYTES = 64 * 1024
NO_FILE = "/dev/null/none"
"""The file of passwords: there is none, whatever the environment says."""
OF_VERSION = {
    160000: {"require_auth": "scram-sha-256,md5,password,none"},
    170000: {"sslnegotiation": "postgres"},
    180000: {"min_protocol_version": "3.0"},
}
"""Settings that the environment would give, by the version of libpq that has them first."""
FILE = ".s.PGSQL.5432"
CREDENTIALS = struct.Struct("3i")


def load() -> ModuleType:
    """The library that wraps libpq: a fifth of a second for the first time, to be spent on a thread."""
    return import_module("psycopg")


class LibpqUnusable(Exception):  # a word of the environment, not of the target
    """The library does not begin, such as where `PGSERVICE` names a service that there is not."""


class Libpq:
    """One connection. It is given what the server says, piece by piece, and says what is to be sent.

    The way to libpq is a Unix socket between this process and itself: without a file on Linux, elsewhere in a folder of its own.
    """

    def __init__(self, **settings: str) -> None:
        """Raises: OSError where the system makes no socket, LibpqUnusable."""
        psycopg: Any = load()
        fixed = {"port": "5432", "passfile": NO_FILE, "options": "", "sslmode": "disable"}
        fixed |= {"channel_binding": "disable", "target_session_attrs": "any", "client_encoding": "UTF8"}
        for version, added in OF_VERSION.items():
            fixed |= added if psycopg.pq.version() >= version else {}
        with _place() as (host, name), socket.socket(socket.AF_UNIX) as listener:
            listener.bind(name)
            listener.listen(1)
            listener.setblocking(False)
            written = psycopg.conninfo.make_conninfo(host=host, **fixed, **settings).encode()
            self.connection: Any = psycopg.pq.PGconn.connect_start(written)
            if self.connection.status == psycopg.pq.ConnStatus.BAD:
                raise LibpqUnusable(self.connection.error_message.decode("utf-8", "replace").strip())
            try:
                self._far = listener.accept()[0]
            except OSError:
                self.connection.finish()
                raise
        self._far.setblocking(False)
        if not _is_own(self._far):
            self.close()
            raise ConnectionAbortedError("another process came to the connection with libpq")

    def hear(self, data: bytes, step: Callable[[], Any]) -> Any:
        """Gives libpq what the server says, with a step after each piece. Returns what the last one did."""
        done = None
        for at in range(0, len(data), PIECE_BYTES):
            self._far.sendall(data[at : at + PIECE_BYTES])
            done = step()
        return done

    def said(self) -> bytes:
        """The bytes that libpq has for the server."""
        whole = b""
        while True:
            try:
                piece = self._far.recv(FAR_BYTES)
            except BlockingIOError:
                return whole
            if not piece:
                return whole
            whole += piece

    def finish(self) -> bytes:
        """Ends the connection, and returns the words by which the server is told."""
        self.connection.finish()
        return self.said()

    def close(self) -> None:
        """Harmless when repeated."""
        self._far.close()
        self.connection.finish()


@contextmanager
def _place() -> Iterator[tuple[str, str]]:
    """The place of a socket: as libpq writes it, and as the system does."""
    if sys.platform == "linux":
        name = f"watchkeeper-{token_hex(16)}"
        yield f"@{name}", f"\0{name}/{FILE}"
    else:
        with TemporaryDirectory() as folder:
            yield folder, f"{folder}/{FILE}"


def _is_own(connection: socket.socket) -> bool:
    """Whether this very process is at the other end: a socket without a file can be found by others."""
    option: int | None = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    raw = connection.getsockopt(socket.SOL_SOCKET, option, CREDENTIALS.size)
    return bool(CREDENTIALS.unpack(raw)[0] == os.getpid())
