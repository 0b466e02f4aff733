"""Ports for a program of a test that is to listen on one which the test knows before."""

import socket
from contextlib import suppress
from random import SystemRandom

LOWEST, HIGHEST = 10_000, 32_000
"""Below the ports that systems give to sockets by themselves: no connection of another program gets one in the meantime."""


_given: set[int] = set()


def free_port() -> int:
    """Returns a port of the loopback address that is free now, and that this process was not given before."""
    for _ in range(1_000):
        port = SystemRandom().randrange(LOWEST, HIGHEST)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
    raise AssertionError("no port is free")
