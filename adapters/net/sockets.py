"""Non-blocking sockets of probes, each with whoever waits for it."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from ...domain.observation.outcome import Outcome, Reason
from ..activity import tell
from .readiness import make_events
from .system_errors import NO_ROUTE, SystemErrorMeaning, verdict_of_error

OnReady = Callable[[int], None]

DISCARD = 9
"""A port to name where no packet is sent."""

NONBLOCKING: int = getattr(socket, "SOCK_NONBLOCK", 0)
"""Saves the call that makes a socket non-blocking; macOS has none."""


def open_stream(family: socket.AddressFamily) -> socket.SocketType:
    """A non-blocking TCP socket that no child inherits. Raises OSError where none can be had."""
    # Not socket.socket, which wraps this very type in Python for a microsecond more.
    connection = socket.SocketType(family, socket.SOCK_STREAM | NONBLOCKING)
    if not NONBLOCKING:
        connection.setblocking(False)
    return connection


def socket_error(family: socket.AddressFamily) -> int:
    """Why no socket can be opened at the moment; 0 when one can."""
    try:
        socket.socket(family, socket.SOCK_STREAM).close()
    except OSError as error:
        return error.errno or 0
    return 0


def has_route(host: str) -> bool:
    """Whether this machine knows a way to the address. Asks the system; nothing is sent."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as unsent:
            unsent.connect((host, DISCARD))
    except OSError as error:
        return error.errno not in NO_ROUTE
    return True


def verdict_of_connection(number: int, host: str, detail: str) -> SystemErrorMeaning:
    """Returns the outcome of a connection that failed: UNKNOWN where this machine could reach nobody there."""
    if number in NO_ROUTE and not has_route(host):
        return Outcome.UNKNOWN, Reason.BLIND, f"this machine has no route to {host}: {os.strerror(number)}"
    return verdict_of_error(number, detail)


def refusal_of(connection: socket.SocketType, number: int) -> int:
    """Why a connection is refused, of which a call has failed with `number`; 0 while it is still being made.

    Linux answers the call itself with the reason. BSD and macOS answer it with ENOTCONN while the connection is made, and
    with EPIPE or EINVAL after a refusal, whose reason only SO_ERROR tells.
    """
    reason = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return reason or (0 if number == errno.ENOTCONN else number)


class Sockets:
    """Wakes the one listener of each socket on the loop's thread, with the mask of what it is ready for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._events = make_events(loop, self._on_events)
        self._listeners: dict[int, tuple[socket.SocketType, int, OnReady]] = {}

    def listen(self, connection: socket.SocketType, mask: int, on_ready: OnReady) -> None:
        """Wake `on_ready` whenever the socket is ready, in place of whoever listened before."""
        descriptor = connection.fileno()
        known = self._listeners.get(descriptor)
        if known is None:
            self._events.register(descriptor, mask)
        elif known[1] != mask:
            self._events.modify(descriptor, mask)
        self._listeners[descriptor] = (connection, mask, on_ready)

    def forget(self, connection: socket.SocketType) -> None:
        """Listen to the socket no more, which somebody else owns from now on."""
        descriptor = connection.fileno()
        if self._listeners.pop(descriptor, None) is not None:
            self._events.unregister(descriptor)

    def close(self, connection: socket.SocketType) -> None:
        """Close the socket now and forget its listener."""
        descriptor = connection.fileno()
        if self._listeners.pop(descriptor, None) is not None:
            self._events.will_close(descriptor)
        connection.close()

    def _on_events(self, events: list[tuple[int, int]]) -> None:
        for descriptor, mask in events:
            # An earlier event of the same batch may have closed this one.
            listener = self._listeners.get(descriptor)
            if listener is not None:
                tell(self._loop, listener[2], mask)

    def close_all(self) -> None:
        for connection, _, _ in list(self._listeners.values()):
            self.close(connection)
        self._events.close()
