"""A light mail server in a process of its own, which greets and answers each line at once, on many loopback addresses."""

import select
import socket
import sys
from contextlib import suppress

from server_process import ServerProcess

GREETING, ANSWER = b"220 mail.example ESMTP\r\n", b"250 mail.example\r\n"
BACKLOG = 4_096


class Talking(ServerProcess):
    """A running server."""

    def __init__(self, core: int) -> None:
        bound = socket.create_server(("0.0.0.0", 0), backlog=BACKLOG)  # noqa: S104  # all of loopback
        super().__init__(__file__, bound, core)


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
        with suppress(OSError):  # a client that has left already is seen as one that leaves
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
