"""Ports for a program of a test that is to listen on one which the test knows before."""

import socket
from contextlib import suppress
from random import SystemRandom

LOWEST, HIGHEST = 10_000, 32_000
"""Below the ports that systems give to sockets by themselves: no connection of another program gets one in the meantime."""
_GIVEN: set[int] = set()
"""None is given twice: a test may ask for a second one before a program listens on the first."""


def free_port() -> int:
    """Returns a port of the loopback address that is free now, and that this process was not given before."""
    for _ in range(1_000):
        port = SystemRandom().randrange(LOWEST, HIGHEST)
        if port in _GIVEN:
            continue
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            _GIVEN.add(port)
            return port
    raise AssertionError("no port is free")
