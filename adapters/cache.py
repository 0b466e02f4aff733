"""Caches that load an entry once however many ask, in callback style for one thread."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

import msgspec

from ..domain.attempt import CancelOutcome
from ..domain.errors import UsageError
from ..domain.moment import Moment
from ..domain.policy import CachePolicy

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MUTABLE = (list, dict, set, bytearray)


class Loaded(msgspec.Struct, Generic[V], frozen=True):
    """A load gave a value."""

    value: V
    keep: bool = True
    """False: it is for those who wait for it now, and for nobody later."""


class Failed(msgspec.Struct, frozen=True):
    """A load failed."""

    error: BaseException


class Underway(Protocol):
    """A load that was started."""

    def cancel(self) -> CancelOutcome: ...


class CacheStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the questions."""

    entries: int
    loading: int
    hits: int
    misses: int
    """Questions that started a load."""
    joined: int
    """Questions that were answered by a load already under way."""
    evicted: int
    failures: int


class Entry(msgspec.Struct, Generic[V], frozen=True):
    """What is kept: a result and the moment its load began, for it may be as old as that."""

    result: Loaded[V] | Failed
    since_ns: int


class Shelf(Generic[K, V]):
    """The entries of a cache: bounded, the one asked for longest ago goes first. One user at a time."""

    def __init__(self, policy: CachePolicy) -> None:
        self.policy = policy
        self._entries: OrderedDict[K, Entry[V]] = OrderedDict()
        self.evicted = 0

    def fresh(self, key: K, now: Moment, max_age_ns: int | None) -> Loaded[V] | Failed | None:
        """What is kept and no older than both the policy and the question allow."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        age_ns = now.monotonic_ns - entry.since_ns
        if age_ns > self.policy.fresh_for_ns:
            del self._entries[key]
            return None
        if max_age_ns is not None and age_ns > max_age_ns:
            return None
        self._entries.move_to_end(key)
        return entry.result

    def keep(self, key: K, result: Loaded[V] | Failed, since_ns: int) -> None:
        """Store what the policy lets be stored."""
        kept = self.policy.keeps_errors if isinstance(result, Failed) else result.keep
        if not kept:
            return
        self._entries[key] = Entry(result, since_ns)
        self._entries.move_to_end(key)
        while len(self._entries) > self.policy.entries_max:
            self._entries.popitem(last=False)
            self.evicted += 1

    def drop(self, key: K) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


def shareable(result: Loaded[V] | Failed) -> Loaded[V] | Failed:
    """The result itself, or a failure where one reader could change what the next one reads."""
    if isinstance(result, Loaded) and isinstance(result.value, MUTABLE):
        kind = type(result.value).__name__
        return Failed(UsageError(f"a {kind} cannot be shared by several readers: load an immutable value"))
    return result


Done = Callable[[Loaded[V] | Failed], None]
Load = Callable[[Done[V]], Underway]


class Waiter(Generic[K, V]):
    """One who waits for a load."""

    __slots__ = ("_flight", "done")

    def __init__(self, flight: "Flight[K, V]", done: Done[V]) -> None:
        self._flight = flight
        self.done = done

    def cancel(self) -> CancelOutcome:
        """Wait no longer. The load itself is cancelled when nobody waits for it any more."""
        return self._flight.leave(self)


class Flight(Generic[K, V]):
    """One load under way and everybody who waits for it."""

    def __init__(self, cache: "SingleFlightCache[K, V]", key: K, since_ns: int) -> None:
        self._cache = cache
        self.key = key
        self.since_ns = since_ns
        self._waiters: list[Waiter[K, V]] = []
        self._underway: Underway | None = None
        self._landed = False

    def join(self, done: Done[V]) -> Waiter[K, V]:
        waiter = Waiter(self, done)
        self._waiters.append(waiter)
        return waiter

    def start(self, load: Load[V]) -> None:
        try:
            self._underway = load(self._land)
        except Exception as error:  # noqa: BLE001  # a loader that cannot even start has failed like any other
            self._land(Failed(error))

    def _land(self, result: Loaded[V] | Failed) -> None:
        if self._landed:
            return
        self._landed = True
        result = shareable(result)
        self._cache.landed(self, result)
        waiters, self._waiters = self._waiters, []
        faults = []
        for waiter in waiters:
            try:
                waiter.done(result)
            except Exception as fault:  # noqa: BLE001  # one asker's defect must not leave the others waiting
                faults.append(fault)
        if faults:
            raise faults[0]

    def leave(self, waiter: Waiter[K, V]) -> CancelOutcome:
        if self._landed:
            return CancelOutcome.COMPLETED_ANYWAY
        if waiter not in self._waiters:
            return CancelOutcome.WITHOUT_EFFECT
        outcome = CancelOutcome.WITHOUT_EFFECT
        if len(self._waiters) == 1 and self._underway is not None:
            # Detached first: whoever asks from now on must not join a load that is being stopped.
            self._cache.detach(self)
            outcome = self._underway.cancel()
        if outcome is CancelOutcome.WITHOUT_EFFECT and waiter in self._waiters:
            self._waiters.remove(waiter)
        return outcome


class SingleFlightCache(Generic[K, V]):
    """Answers from what is kept, else from one load per key. All calls come from one thread; values are immutable.

    `done` is called within `get` when the answer is kept, or when the load answers at once.
    """

    def __init__(self, policy: CachePolicy) -> None:
        self.policy = policy
        self._shelf: Shelf[K, V] = Shelf(policy)
        self._flights: dict[K, Flight[K, V]] = {}
        self._counts: Counter[str] = Counter()

    def peek(self, key: K, now: Moment, max_age_ns: int | None = None) -> Loaded[V] | Failed | None:
        """What is kept and fresh enough, without loading anything."""
        kept = self._shelf.fresh(key, now, max_age_ns)
        if kept is not None:
            self._counts["hits"] += 1
        return kept

    def get(
        self, key: K, load: Load[V], done: Done[V], now: Moment, max_age_ns: int | None = None
    ) -> Waiter[K, V] | None:
        """Answer `done` once: from the shelf (then None is returned), from the load under way, or from a new load."""
        kept = self.peek(key, now, max_age_ns)
        if kept is not None:
            done(kept)
            return None
        flight = self._flights.get(key)
        if flight is not None and (max_age_ns is None or now.monotonic_ns - flight.since_ns <= max_age_ns):
            self._counts["joined"] += 1
            return flight.join(done)
        self._counts["misses"] += 1
        flight = self._flights[key] = Flight(self, key, now.monotonic_ns)
        waiter = flight.join(done)
        flight.start(load)
        return waiter

    def landed(self, flight: Flight[K, V], result: Loaded[V] | Failed) -> None:
        """A load has ended. What was invalidated meanwhile answers those who waited and is not stored."""
        if isinstance(result, Failed):
            self._counts["failures"] += 1
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]
            self._shelf.keep(flight.key, result, flight.since_ns)

    def detach(self, flight: Flight[K, V]) -> None:
        """Nobody joins this load any more, and its result is not stored."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]

    def invalidate(self, key: K) -> None:
        """Whatever is kept or being loaded under this key answers nobody who asks from now on."""
        self._shelf.drop(key)
        self._flights.pop(key, None)

    def clear(self) -> None:
        """Invalidate every key."""
        self._shelf.clear()
        self._flights.clear()

    def statistics(self) -> CacheStatistics:
        return CacheStatistics(
            entries=len(self._shelf),
            loading=len(self._flights),
            hits=self._counts["hits"],
            misses=self._counts["misses"],
            joined=self._counts["joined"],
            evicted=self._shelf.evicted,
            failures=self._counts["failures"],
        )

    def __repr__(self) -> str:
        return f"SingleFlightCache({self.policy.name!r}, entries={len(self._shelf)}, loading={len(self._flights)})"
