"""The blocking sibling of the single flight cache, for readers on threads of their own."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Generic

import msgspec

from ..domain.moment import Deadline
from ..domain.policy import CachePolicy
from .cache import CacheStatistics, Failed, K, Loaded, Shelf, V, shareable
from .clock import Clock


class WaitedTooLong(msgspec.Struct, frozen=True):
    """The deadline passed while another thread was loading."""


Answer = Loaded[V] | Failed | WaitedTooLong


class _Flight(Generic[V]):
    """One load by one thread; the others wait for the event."""

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns
        self.landed = threading.Event()
        self.result: Loaded[V] | Failed | None = None
        """None once landed: the loading thread was torn away, and somebody else has to load."""


class ThreadedSingleFlight(Generic[K, V]):
    """Answers from what is kept, else from one load per key, which runs on the thread that asked first.

    Safe for any number of threads. The lock is held for look-ups only, never while loading or waiting.
    """

    def __init__(self, policy: CachePolicy, clock: Clock) -> None:
        self.policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._shelf: Shelf[K, V] = Shelf(policy)
        self._flights: dict[K, _Flight[V]] = {}
        self._counts: Counter[str] = Counter()

    def peek(self, key: K, max_age_ns: int | None = None) -> Loaded[V] | Failed | None:
        """What is kept and fresh enough, without loading or waiting."""
        with self._lock:
            kept = self._shelf.fresh(key, self._clock.read(), max_age_ns)
            self._counts["hits"] += kept is not None
            return kept

    def get(
        self, key: K, load: Callable[[], V], deadline: Deadline, max_age_ns: int | None = None
    ) -> Loaded[V] | Failed | WaitedTooLong:
        """The answer, waited for until the deadline at most; a load on this very thread runs as long as it runs."""
        while True:
            kept, flight, leads = self._enter(key, deadline, max_age_ns)
            if kept is not None:
                return kept
            if flight is None:
                return WaitedTooLong()
            if leads:
                return self._load(key, flight, load)
            if not flight.landed.wait(deadline.remaining_s(self._clock.read())):
                return WaitedTooLong()
            if flight.result is not None:
                return flight.result

    def _enter(
        self, key: K, deadline: Deadline, max_age_ns: int | None
    ) -> tuple[Loaded[V] | Failed | None, _Flight[V] | None, bool]:
        """What is kept, or the flight to wait for, or a new flight to lead; none of them when no time is left."""
        now = self._clock.read()
        with self._lock:
            kept = self._shelf.fresh(key, now, max_age_ns)
            if kept is not None:
                self._counts["hits"] += 1
                return kept, None, False
            if deadline.expired(now):
                return None, None, False
            flight = self._flights.get(key)
            leads = flight is None
            self._counts["misses" if leads else "joined"] += 1
            if flight is None:
                flight = self._flights[key] = _Flight(now.monotonic_ns)
            return None, flight, leads

    def _load(self, key: K, flight: _Flight[V], load: Callable[[], V]) -> Loaded[V] | Failed:
        result: Loaded[V] | Failed | None = None
        try:
            result = shareable(Loaded(load()))
        except Exception as error:  # noqa: BLE001  # the failure is the answer, to everybody who waits
            result = Failed(error)
        finally:
            # Also when this thread is torn away (KeyboardInterrupt, SystemExit): then one of the waiting loads instead.
            self._land(key, flight, result)
        return result

    def _land(self, key: K, flight: _Flight[V], result: Loaded[V] | Failed | None) -> None:
        with self._lock:
            if isinstance(result, Failed):
                self._counts["failures"] += 1
            if self._flights.get(key) is flight:
                del self._flights[key]
                if result is not None:
                    self._shelf.keep(key, result, flight.since_ns)
        flight.result = result
        flight.landed.set()

    def invalidate(self, key: K) -> None:
        """Whatever is kept or being loaded under this key answers nobody who asks from now on."""
        with self._lock:
            self._shelf.drop(key)
            self._flights.pop(key, None)

    def clear(self) -> None:
        """Invalidate every key."""
        with self._lock:
            self._shelf.clear()
            self._flights.clear()

    def statistics(self) -> CacheStatistics:
        with self._lock:
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
        return f"ThreadedSingleFlight({self.policy.name!r}, entries={len(self._shelf)})"
