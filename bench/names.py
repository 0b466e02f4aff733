"""A light name server in a process of its own: answers every question at once with one address."""

import os
import socket
import subprocess
import sys
from types import TracebackType
from typing import Self

RECORD = bytes.fromhex("c00c 0001 0001 0000012c 0004 c0000201".replace(" ", ""))
"""The name that was asked for, type A, 300 seconds, 192.0.2.1."""
HEAD = bytes.fromhex("8580 0001 0001 0000 0000".replace(" ", ""))
NAME = "shop.example"


class Names:
    """A running server."""

    def __init__(self, core: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", 0))
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
    """Answers until the process is killed."""
    asked = socket.socket(fileno=number)
    while True:
        question, peer = asked.recvfrom(512)
        asked.sendto(question[:2] + HEAD + question[12:] + RECORD, peer)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
