"""Which of many sockets have something to do: asked of an epoll of our own, or of the loop where the system has no epoll.

Our own epoll is one descriptor of the loop: registering a socket with asyncio or uvloop costs several microseconds, and a
probe does it three times. Measured with curl on fresh connections: a fifth of the CPU per request less than one reader each.
"""

import asyncio
import select
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from ...domain.limits import EVENTS_PER_BATCH_MAX

_select: Any = select  # epoll and its constants exist on Linux alone

# The masks of poll(2), which epoll shares.
READABLE = select.POLLIN
WRITABLE = select.POLLOUT
BROKEN = select.POLLERR | select.POLLHUP
HALF_CLOSED: int = getattr(select, "EPOLLRDHUP", 0x2000)
"""The peer sends no more. Told by epoll alone: elsewhere the end is found by reading."""
EDGE: int = getattr(select, "EPOLLET", 1 << 31)
"""Tell a change once. Elsewhere only writability is told once, so a listener with more to send modifies its mask again."""

OnEvents: TypeAlias = Callable[[list[tuple[int, int]]], None]


class Events(Protocol):
    """Tells one listener, on the loop's thread, what the registered descriptors are ready for."""

    @property
    def closed(self) -> bool: ...
    def register(self, descriptor: int, mask: int, /) -> None:
        """Listen to a descriptor that is not registered."""
        ...

    def modify(self, descriptor: int, mask: int, /) -> None:
        """Listen for `mask` in place of what was listened for before."""
        ...

    def unregister(self, descriptor: int, /) -> None:
        """Stop listening. Raises OSError for a descriptor that is closed already."""
        ...

    def will_close(self, descriptor: int, /) -> None:
        """Stop listening to a descriptor that the caller closes next, or that was never registered."""
        ...

    def close(self) -> None:
        """Stop listening to all. Harmless when repeated."""
        ...


class KernelEvents:
    """An epoll inside the loop's own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_events: OnEvents) -> None:
        self._loop = loop
        self._on_events = on_events
        self._epoll = _select.epoll()
        # The system's own methods: a Python function around each would cost as much again.
        self.register = self._epoll.register
        self.modify = self._epoll.modify
        self.unregister = self._epoll.unregister
        loop.add_reader(self._epoll.fileno(), self._ready)

    @property
    def closed(self) -> bool:
        return bool(self._epoll.closed)

    def will_close(self, descriptor: int) -> None:
        """Nothing to do: closing takes a descriptor out of the epoll without a further call."""

    def _ready(self) -> None:
        self._on_events(self._epoll.poll(0, EVENTS_PER_BATCH_MAX))

    def close(self) -> None:
        if self._epoll.closed:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


class LoopEvents:
    """A reader and a writer of the loop for each descriptor."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_events: OnEvents) -> None:
        self._loop = loop
        self._on_events = on_events
        self._masks: dict[int, int] = {}
        self.closed = False

    def register(self, descriptor: int, mask: int) -> None:
        self._masks[descriptor] = 0
        self.modify(descriptor, mask)

    def modify(self, descriptor: int, mask: int) -> None:
        before, self._masks[descriptor] = self._masks[descriptor], mask
        changed = before ^ mask
        if changed & READABLE:
            if mask & READABLE:
                self._loop.add_reader(descriptor, self._on_events, [(descriptor, READABLE)])
            else:
                self._loop.remove_reader(descriptor)
        if changed & WRITABLE:
            if mask & WRITABLE:
                self._loop.add_writer(descriptor, self._on_writable, descriptor)
            else:
                self._loop.remove_writer(descriptor)

    def unregister(self, descriptor: int) -> None:
        self.modify(descriptor, 0)
        del self._masks[descriptor]

    def will_close(self, descriptor: int) -> None:
        if descriptor in self._masks:
            self.unregister(descriptor)

    def _on_writable(self, descriptor: int) -> None:
        mask = self._masks[descriptor]
        if mask & EDGE:
            # A socket is writable nearly always: a listener that has sent everything would be called in every round.
            self.modify(descriptor, mask & ~WRITABLE)
        self._on_events([(descriptor, WRITABLE)])

    def close(self) -> None:
        self.closed = True
        if not self._loop.is_closed():
            for descriptor in list(self._masks):
                self.unregister(descriptor)
        self._masks.clear()


make_events: Callable[[asyncio.AbstractEventLoop, OnEvents], Events] = (
    KernelEvents if hasattr(select, "epoll") else LoopEvents
)
