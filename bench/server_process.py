"""A light server in a process of its own, on a socket that its maker has bound."""

import os
import socket
import subprocess
import sys
from types import TracebackType
from typing import Self


class ServerProcess:
    """A running server: a script that is given the descriptor of its socket."""

    def __init__(self, script: str, bound: socket.socket, core: int) -> None:
        self._socket = bound
        self.port: int = bound.getsockname()[1]
        number = bound.fileno()
        self.process = subprocess.Popen([sys.executable, script, str(number)], pass_fds=[number])
        os.sched_setaffinity(self.process.pid, {core})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._socket.close()
