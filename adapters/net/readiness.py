"""Which of many sockets have something to do: asked of an epoll of our own, or of the loop where the system has no epoll.

Our own epoll is one descriptor of the loop: registering a socket with asyncio or uvloop costs several microseconds, and a
probe does it three times. Measured with curl on fresh connections: a fifth of the CPU per request less than one reader each.
"""

import asyncio
import select
from collections.abc import Callable
from typing import Any, TypeAlias

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
Change: TypeAlias = Callable[[int, int], None]


class KernelEvents:
    """An epoll inside the loop's own: tells its one listener what the registered descriptors are ready for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_events: OnEvents) -> None:
        self._loop = loop
        self._on_events = on_events
        self._epoll = _select.epoll()
        # The system's own methods: a Python function around each would cost as much again.
        self.register: Change = self._epoll.register
        """Listen to a descriptor that is not registered."""
        self.modify: Change = self._epoll.modify
        """Listen for a mask in place of what was listened for before."""
        self.unregister: Callable[[int], None] = self._epoll.unregister
        """Stop listening. Raises OSError for a descriptor that is closed already."""
        loop.add_reader(self._epoll.fileno(), self._ready)

    @property
    def closed(self) -> bool:
        return bool(self._epoll.closed)

    def will_close(self, descriptor: int) -> None:
        """The caller closes the descriptor next, which takes it out of the epoll; it need not have been registered."""

    def _ready(self) -> None:
        self._on_events(self._epoll.poll(0, EVENTS_PER_BATCH_MAX))

    def close(self) -> None:
        """Stop listening to all. Harmless when repeated."""
        if self._epoll.closed:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


class LoopEvents:
    """The same by a reader and a writer of the loop for each descriptor."""

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


Events: TypeAlias = KernelEvents | LoopEvents
make_events: Callable[[asyncio.AbstractEventLoop, OnEvents], Events] = (
    KernelEvents if hasattr(select, "epoll") else LoopEvents
)
