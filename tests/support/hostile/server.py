"""A real HTTP server on loopback that answers as badly as the path asks, for tests of probes and channels that must survive it."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Self

import msgspec

from .answers import ANSWERS
from .visit import Answer, Visit

BACKLOG = 512
"""Connections that may wait for the accepting thread, so that a burst of a test is not refused."""
JOIN_S = 20.0
"""Every answer ends at once when the server is closed; a longer wait is a defect of the answer."""


class Heard(msgspec.Struct, frozen=True):
    """One request as it arrived."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Returns the value of the first header of a name, which is given in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class HostileServer:
    """Serves on its own threads from the begin of `with` to its end; every answer ends at once when it is closed.

    `answers` adds to or replaces the ready-made ones, which are keyed by the first segment of the path; `greeting` takes
    a connection over before anything is read; with `tls` the connection is TLS.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        greeting: Callable[[Visit], None] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.heard: list[Heard] = []
        self.arrived = threading.Event()
        """Set by each request, once it was read or its connection was greeted."""
        self.gone = threading.Event()
        """Set when a client has left a connection."""
        self.answers: dict[str, Answer] = {**ANSWERS, **(answers or {})}
        self._tls = tls
        self._greeting = greeting
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._visits: set[Visit] = set()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        self.host: str = host
        self.port: int = self._listener.getsockname()[1]

    def url(self, path: str = "/healthy") -> str:
        scheme = "http" if self._tls is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="hostile server", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            visit = Visit(connection, self._stopped)
            self._visits.add(visit)
            self._start(partial(self._serve, visit))

    def _serve(self, visit: Visit) -> None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            self._attend(visit)
        visit.close()
        self._visits.discard(visit)
        self.gone.set()

    def _attend(self, visit: Visit) -> None:
        if self._greeting is not None:
            self.arrived.set()
            self._greeting(visit)
            return
        if self._tls is not None:
            visit.secure(self._tls)
        while visit.read_request():
            self._hear(visit)
            self._answer_of(visit)(visit)
            if not visit.kept:
                return

    def _hear(self, visit: Visit) -> None:
        self.heard.append(Heard(visit.method, visit.path, visit.headers, visit.body))
        self.arrived.set()

    def _answer_of(self, visit: Visit) -> Answer:
        name = visit.path.split("?")[0].split("/")[1]
        return self.answers.get(name, self.answers["healthy"])

    def close(self) -> None:
        """Close the listener and every connection, and wait for the threads."""
        self._stopped.set()
        # Closing alone would leave accept() blocked.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        # First the one that accepts: a connection that has just come is among the visits then.
        for thread in self._threads[:1]:
            thread.join(JOIN_S)
        for visit in list(self._visits):
            visit.interrupt()
        for thread in self._threads:
            thread.join(JOIN_S)
