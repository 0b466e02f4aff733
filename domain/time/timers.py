"""Timers: what is due when, by key. Told the time, it wakes nobody."""

from bisect import insort
from collections.abc import Callable, Hashable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Generic, Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)

SLOT_BITS = 24
"""Timers are sorted only when their slot of 2 ** 24 ns (17 ms) has come: most are cancelled or armed again before."""
_DEBRIS_MIN = 64
"""Below this many cancelled entries nothing is worth rebuilding."""
_DEBRIS_SHARE = 2
"""Nor below this many for each that is armed: a deadline a period, cancelled by an answer, goes with its slot soon enough."""


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """Prevent it. Harmless afterwards and when repeated."""
        ...


class CallAt(Protocol):
    """A dispatcher's way to be called back once, on its own thread, at a monotonic time: the one kind of timer there is.

    Never before that time and never from within this call; as soon as it comes round where the time has passed.
    """

    def __call__(self, monotonic_ns: int, callback: Callable[[], object], /) -> Timer: ...


class Timers(Generic[Key]):
    """One timer a key; arming again replaces it. Equal due times fire in the order in which they were armed.

    An entry waits unsorted in its slot until the slot's time has come; what is cancelled stays there as debris.
    """

    def __init__(self) -> None:
        self._armed: dict[Key, tuple[int, int, Key]] = {}
        self._first: tuple[int, int, Key] | None = None
        """The earliest entry; not later than the earliest once it has been cancelled or has fired."""
        self._near: list[tuple[int, int, Key]] = []
        """The entries of every slot up to the one opened last, sorted; those before `_place` have been taken out."""
        self._place = 0
        self._opened = -1
        self._later: dict[int, list[tuple[int, int, Key]]] = {}
        self._later_count = 0
        self._slots: list[int] = []
        """A heap of the slots that wait."""
        self._sequence = count()

    def __len__(self) -> int:
        return len(self._armed)

    def __contains__(self, key: Key) -> bool:
        return key in self._armed

    def arm(self, key: Key, at_ns: int) -> None:
        """Let `key` be due at `at_ns` (monotonic), whatever it was due at before."""
        self._armed[key] = entry = (at_ns, next(self._sequence), key)
        if self._first is None or at_ns < self._first[0]:
            self._first = entry
        slot = at_ns >> SLOT_BITS
        if slot <= self._opened:
            insort(self._near, entry, self._place)
            return
        self._later_count += 1
        waiting = self._later.get(slot)
        if waiting is None:
            self._later[slot] = [entry]
            heappush(self._slots, slot)
        else:
            waiting.append(entry)

    def cancel(self, key: Key) -> bool:
        """Forget `key`; False when it was not armed."""
        if self._armed.pop(key, None) is None:
            return False
        self._clear_if_worth_it()
        return True

    def _clear_if_worth_it(self) -> None:
        """Removes disarmed entries once they outnumber the armed ones."""
        armed = self._armed
        if self._later_count + len(self._near) <= (1 + _DEBRIS_SHARE) * len(armed) + _DEBRIS_MIN:
            return
        self._near = [entry for entry in self._near[self._place :] if armed.get(entry[2]) is entry]
        self._place = 0
        for slot in list(self._later):
            self._clear_slot(slot)
        self._slots = sorted(self._later)

    def _clear_slot(self, slot: int) -> list[tuple[int, int, Key]]:
        """Returns the keys of a slot that are still armed; drops an empty slot."""
        waiting, armed = self._later[slot], self._armed
        left = [entry for entry in waiting if armed.get(entry[2]) is entry]
        self._later_count -= len(waiting) - len(left)
        if left:
            self._later[slot] = left
        else:
            del self._later[slot]
        return left

    def next_ns(self) -> int | None:
        """Returns when the earliest timer is due, or None when none is armed."""
        first = self._first
        if first is not None and self._armed.get(first[2]) is not first:
            first = self._first = self._find_first()
        return None if first is None else first[0]

    def _find_first(self) -> tuple[int, int, Key] | None:
        armed, near = self._armed, self._near
        while self._place < len(near):
            entry = near[self._place]
            if armed.get(entry[2]) is entry:
                return entry
            self._place += 1
        while self._slots:
            left = self._clear_slot(self._slots[0])
            if left:
                return min(left)
            heappop(self._slots)
        return None

    def due(self, now_ns: int) -> Iterator[tuple[Key, int]]:
        """Removes and yields every key that is due by now, with the time at which it was due.

        Keys that are armed during the iteration and already due come out too.
        """
        self._clear_if_worth_it()
        armed = self._armed
        while self._place < len(self._near) or self._open(now_ns >> SLOT_BITS):
            entry = self._near[self._place]
            if entry[0] > now_ns:
                return
            self._place += 1
            if armed.get(entry[2]) is entry:
                del armed[entry[2]]
                yield entry[2], entry[0]

    def _open(self, until_slot: int) -> bool:
        """Sorts the next slot if it is due and holds armed keys; returns whether it did."""
        while self._slots and self._slots[0] <= until_slot:
            self._opened = heappop(self._slots)
            self._near, self._place = self._clear_slot(self._opened), 0
            if self._near:
                del self._later[self._opened]
                self._later_count -= len(self._near)
                self._near.sort()
                return True
        return False
