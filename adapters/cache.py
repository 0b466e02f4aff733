"""Single-flight caches: one load per key for any number of requests, with callbacks, for one thread."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

import msgspec

from ..domain.observation.attempt import CancelOutcome
from ..domain.policy import CachePolicy
from ..domain.time.moment import Moment

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loaded(msgspec.Struct, Generic[V], frozen=True):
    """The value of a successful load."""

    value: V
    keep: bool = True
    """False: the value answers the current waiters and is not kept."""


class Failed(msgspec.Struct, frozen=True):
    """The error of a failed load."""

    error: BaseException


class Underway(Protocol):
    """A started load that can be cancelled."""

    def cancel(self) -> CancelOutcome: ...


class Recent(Generic[K, V]):
    """A bounded store of values with their ages that evicts the least recently requested entry. Not thread-safe."""

    def __init__(self, policy: CachePolicy) -> None:
        self.policy = policy
        self._entries: OrderedDict[K, tuple[int, V]] = OrderedDict()

    def fresh(self, key: K, now: Moment, max_age_ns: int | None = None) -> V | None:
        """Returns the kept result that is within the age limits of both the policy and the question, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        age_ns = now.monotonic_ns - entry[0]
        if age_ns > self.policy.fresh_for_ns:
            del self._entries[key]
            return None
        if max_age_ns is not None and age_ns > max_age_ns:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def keep(self, key: K, value: V, since_ns: int) -> None:
        self._entries[key] = since_ns, value
        self._entries.move_to_end(key)
        if len(self._entries) > self.policy.entries_max:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


OnLoaded = Callable[[Loaded[V] | Failed], None]
StartLoad = Callable[[OnLoaded[V]], Underway]


class Waiter(Generic[K, V]):
    """One request that waits for a load."""

    __slots__ = ("_flight", "done")

    def __init__(self, load: "Load[K, V]", done: OnLoaded[V]) -> None:
        self._flight = load
        self.done = done

    def cancel(self) -> CancelOutcome:
        """Stops waiting. The load itself is cancelled when its last waiter leaves."""
        return self._flight.leave(self)


class Load(Generic[K, V]):
    """One running load and its waiters."""

    def __init__(self, cache: "SingleFlightCache[K, V]", key: K, since_ns: int) -> None:
        self._cache = cache
        self.key = key
        self.since_ns = since_ns
        self._waiters: list[Waiter[K, V]] = []
        self._underway: Underway | None = None
        self._finished = False

    def join(self, done: OnLoaded[V]) -> Waiter[K, V]:
        waiter = Waiter(self, done)
        self._waiters.append(waiter)
        return waiter

    def start(self, start_load: StartLoad[V]) -> None:
        try:
            self._underway = start_load(self._finish)
        except Exception as error:  # noqa: BLE001  # a loader that cannot start counts as a failed load
            self._finish(Failed(error))

    def _finish(self, result: Loaded[V] | Failed) -> None:
        if self._finished:
            return
        self._finished = True
        self._cache.finished(self, result)
        waiters, self._waiters = self._waiters, []
        faults = []
        for waiter in waiters:
            try:
                waiter.done(result)
            except Exception as fault:  # noqa: BLE001  # a defect in one callback must not leave the other waiters unanswered
                faults.append(fault)
        if faults:
            raise faults[0]

    def leave(self, waiter: Waiter[K, V]) -> CancelOutcome:
        if self._finished:
            return CancelOutcome.COMPLETED_ANYWAY
        if waiter not in self._waiters:
            return CancelOutcome.WITHOUT_EFFECT
        outcome = CancelOutcome.WITHOUT_EFFECT
        if len(self._waiters) == 1 and self._underway is not None:
            # Detached first: a later request must not join a load that is being cancelled.
            self._cache.detach(self)
            outcome = self._underway.cancel()
        if outcome is CancelOutcome.WITHOUT_EFFECT and waiter in self._waiters:
            self._waiters.remove(waiter)
        return outcome


class SingleFlightCache(Generic[K, V]):
    """Answers from kept values, else from one load per key. All calls come from one thread; values are immutable.

    `done` is called within `get` when the value is kept, or when the load finishes at once.
    """

    def __init__(self, policy: CachePolicy) -> None:
        self.policy = policy
        self._kept: Recent[K, V] = Recent(policy)
        self._loads: dict[K, Load[K, V]] = {}

    def peek(self, key: K, now: Moment, max_age_ns: int | None = None) -> V | None:
        """Returns the kept value that is fresh enough, or None; loads nothing."""
        return self._kept.fresh(key, now, max_age_ns)

    def get(
        self, key: K, start_load: StartLoad[V], done: OnLoaded[V], now: Moment, max_age_ns: int | None = None
    ) -> Waiter[K, V] | None:
        """Calls `done` once: from a kept value (then returns None), from the running load, or from a new load."""
        kept = self.peek(key, now, max_age_ns)
        if kept is not None:
            done(Loaded(kept))
            return None
        load = self._loads.get(key)
        if load is not None and (max_age_ns is None or now.monotonic_ns - load.since_ns <= max_age_ns):
            return load.join(done)
        load = self._loads[key] = Load(self, key, now.monotonic_ns)
        waiter = load.join(done)
        load.start(start_load)
        return waiter

    def finished(self, load: Load[K, V], result: Loaded[V] | Failed) -> None:
        """Answers the waiters of a load; a failure or a load that was cleared meanwhile is not kept."""
        if self._loads.get(load.key) is load:
            del self._loads[load.key]
            if isinstance(result, Loaded) and result.keep:
                self._kept.keep(load.key, result.value, load.since_ns)

    def detach(self, load: Load[K, V]) -> None:
        """Takes a load out of the cache: later questions start their own, and its result is not stored."""
        if self._loads.get(load.key) is load:
            del self._loads[load.key]

    def clear(self) -> None:
        """Forgets every result; a load under way answers only the questions that wait for it already."""
        self._kept.clear()
        self._loads.clear()

    def __repr__(self) -> str:
        return (
            f"SingleFlightCache({self.policy.name!r}, entries={len(self._kept)}, loading={len(self._loads)})"
        )
