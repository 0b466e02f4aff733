"""Timers: what is due when, by key. A heap with lazy cancelling; it is told the time and wakes nobody."""

from collections.abc import Hashable, Iterator
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_DEBRIS_MIN = 64
"""Below this many cancelled entries the heap is not worth rebuilding."""


class Timers(Generic[Key]):
    """One timer a key; arming again replaces it. Equal due times fire in the order in which they were armed."""

    __slots__ = ("_armed", "_heap", "_sequence")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Key]] = []
        self._armed: dict[Key, int] = {}
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._armed)

    def __contains__(self, key: Key) -> bool:
        return key in self._armed

    def arm(self, key: Key, at_ns: int) -> None:
        """Let `key` be due at `at_ns` (monotonic), whatever it was due at before."""
        self._sequence = sequence = self._sequence + 1
        self._armed[key] = sequence
        heappush(self._heap, (at_ns, sequence, key))

    def cancel(self, key: Key) -> bool:
        """Forget `key`; False when it was not armed."""
        if self._armed.pop(key, None) is None:
            return False
        if len(self._heap) > 2 * len(self._armed) + _DEBRIS_MIN:
            armed = self._armed
            self._heap = [entry for entry in self._heap if armed.get(entry[2]) == entry[1]]
            heapify(self._heap)
        return True

    def next_ns(self) -> int | None:
        """When the earliest timer is due, None when nothing is armed."""
        heap, armed = self._heap, self._armed
        while heap and armed.get(heap[0][2]) != heap[0][1]:
            heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now_ns: int) -> Iterator[tuple[Key, int]]:
        """Take out, one by one, every key that is due by now, with the time it was due at.

        What is armed while this runs and is due already comes out too.
        """
        heap, armed = self._heap, self._armed
        while heap and heap[0][0] <= now_ns:
            at_ns, sequence, key = heappop(heap)
            if armed.get(key) == sequence:
                del armed[key]
                yield key, at_ns
            if heap is not self._heap:
                heap = self._heap
