"""Gathers what goes to one place within a short slice of time into one message."""

from collections.abc import Callable
from typing import Generic, TypeVar

from ...domain.limits import REMOTE_BYTES_MAX, REMOTE_ITEMS_MAX, REMOTE_SLICE_NS
from ...domain.time.timers import CallAt, Timer
from ..clock import MomentClock

Item = TypeVar("Item")
HEAD_BYTES = 1024
"""The bytes of a message besides its items, at most."""


class Batching(Generic[Item]):
    """Hands its items on together, a slice of time after the first, or sooner where one more would make the message too large."""

    def __init__(self, clock: MomentClock, call_at: CallAt, send: Callable[[list[Item]], None]) -> None:
        self._clock, self._call_at, self._send = clock, call_at, send
        self._items: list[Item] = []
        self._bytes = 0
        self._timer: Timer | None = None

    def add(self, item: Item, size: int) -> None:
        """Adds an item that takes at most `size` bytes."""
        if self._bytes + size > REMOTE_BYTES_MAX - HEAD_BYTES or len(self._items) >= REMOTE_ITEMS_MAX:
            self.flush()
        self._items.append(item)
        self._bytes += size
        if self._timer is None:
            self._timer = self._call_at(self._clock.read().monotonic_ns + REMOTE_SLICE_NS, self.flush)

    def flush(self) -> None:
        """Hands on what there is."""
        self.clear_timer()
        items, self._items, self._bytes = self._items, [], 0
        if items:
            self._send(items)

    def clear_timer(self) -> None:
        """Lets nothing be handed on by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __len__(self) -> int:
        return len(self._items)
