"""Non-blocking sockets of probes, each with whoever waits for it."""

import asyncio
import socket
from collections.abc import Callable

from .readiness import Readiness

OnReady = Callable[[int], None]


class Sockets:
    """Wakes the one listener of each socket on the loop's thread, with the mask of what it is ready for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._readiness = Readiness(loop, self._on_events)
        self._listeners: dict[int, tuple[socket.socket, OnReady]] = {}

    def listen(self, connection: socket.socket, mask: int, on_ready: OnReady) -> None:
        """Wake `on_ready` whenever the socket is ready, in place of whoever listened before."""
        descriptor = connection.fileno()
        self._readiness.watch(descriptor, mask)
        self._listeners[descriptor] = (connection, on_ready)

    def close(self, connection: socket.socket) -> None:
        """Close the socket now and forget its listener."""
        descriptor = connection.fileno()
        if self._listeners.pop(descriptor, None) is not None:
            self._readiness.forget(descriptor)
        connection.close()

    def _on_events(self, events: list[tuple[int, int]]) -> None:
        for descriptor, mask in events:
            # An earlier event of the same batch may have closed this one.
            listener = self._listeners.get(descriptor)
            if listener is not None:
                listener[1](mask)

    @property
    def count(self) -> int:
        return len(self._listeners)

    def close_all(self) -> None:
        for connection, _ in list(self._listeners.values()):
            self.close(connection)
        self._readiness.close()
