"""A light mail server in a process of its own, which greets and answers each line at once, on many loopback addresses."""

import os
import select
import socket
import subprocess
import sys
from types import TracebackType
from typing import Self

GREETING, ANSWER = b"220 mail.example ESMTP\r\n", b"250 mail.example\r\n"
BACKLOG = 4_096


class Talking:
    """A running server."""

    def __init__(self, core: int) -> None:
        self._socket = socket.create_server(("0.0.0.0", 0), backlog=BACKLOG)  # noqa: S104  # all of loopback
        self.port: int = self._socket.getsockname()[1]
        number = self._socket.fileno()
        self.process = subprocess.Popen([sys.executable, __file__, str(number)], pass_fds=[number])
        os.sched_setaffinity(self.process.pid, {core})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._socket.close()


def serve(number: int) -> None:
    """Greets and answers until the process is killed; a client that says QUIT or leaves is left."""
    listener = socket.socket(fileno=number)
    listener.setblocking(False)
    ready = select.epoll()
    ready.register(listener, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in ready.poll():
            if descriptor == listener.fileno():
                _greet(listener, ready, clients)
            elif not _answer(clients[descriptor]):
                # Closing takes it out of the epoll.
                clients.pop(descriptor).close()


def _greet(listener: socket.socket, ready: select.epoll, clients: dict[int, socket.socket]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        client.send(GREETING)
        clients[client.fileno()] = client
        ready.register(client, select.EPOLLIN)


def _answer(client: socket.socket) -> bool:
    """Whether the client stays."""
    try:
        said = client.recv(512)
        if said and not said.startswith(b"QUIT"):
            client.send(ANSWER)
            return True
    except OSError:
        return False
    return False


if __name__ == "__main__":
    serve(int(sys.argv[1]))
