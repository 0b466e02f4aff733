"""Many sockets behind one descriptor of the loop.

An epoll of our own inside the loop's: registering a socket with asyncio or uvloop costs several microseconds, and a probe
does it three times. Measured with curl on fresh connections: a fifth of the CPU per request less than one reader each.
"""

import asyncio
import select
from collections.abc import Callable

from ..domain.limits import EVENTS_PER_BATCH_MAX

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT
BROKEN = select.EPOLLERR | select.EPOLLHUP

OnEvents = Callable[[list[tuple[int, int]]], None]


class Readiness:
    """Tells its one listener, on the loop's thread, which of the watched descriptors have something to do."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_events: OnEvents) -> None:
        self._loop = loop
        self._on_events = on_events
        self._epoll = select.epoll()
        self._watched: dict[int, int] = {}
        loop.add_reader(self._epoll.fileno(), self._ready)

    def watch(self, descriptor: int, mask: int) -> None:
        """Listen for `mask`, in place of what was listened for before."""
        before = self._watched.get(descriptor)
        if before is None:
            self._epoll.register(descriptor, mask)
        elif before != mask:
            self._epoll.modify(descriptor, mask)
        self._watched[descriptor] = mask

    def forget(self, descriptor: int) -> None:
        """Stop listening; harmless for a descriptor that is unknown or closed already."""
        if self._watched.pop(descriptor, None) is None:
            return
        try:
            self._epoll.unregister(descriptor)
        except OSError:
            return

    def watches(self, descriptor: int) -> bool:
        return descriptor in self._watched

    def _ready(self) -> None:
        self._on_events(self._epoll.poll(0, EVENTS_PER_BATCH_MAX))

    def close(self) -> None:
        if self._epoll.closed:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._watched.clear()

    def __repr__(self) -> str:
        return f"Readiness(watched={len(self._watched)})"
