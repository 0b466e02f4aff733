"""Caches that load an entry once however many ask, in callback style for one thread."""

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


class Recent(Generic[K, V]):
    """Values by the moment from which they count: bounded, the one asked for longest ago goes first. One user at a time."""

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
    """One who waits for a load."""

    __slots__ = ("_flight", "done")

    def __init__(self, load: "Load[K, V]", done: OnLoaded[V]) -> None:
        self._flight = load
        self.done = done

    def cancel(self) -> CancelOutcome:
        """Wait no longer. The load itself is cancelled when nobody waits for it any more."""
        return self._flight.leave(self)


class Load(Generic[K, V]):
    """One load under way and everybody who waits for it."""

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
        except Exception as error:  # noqa: BLE001  # a loader that cannot even start has failed like any other
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
            except Exception as fault:  # noqa: BLE001  # one asker's defect must not leave the others waiting
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
        self._kept: Recent[K, V] = Recent(policy)
        self._loads: dict[K, Load[K, V]] = {}

    def peek(self, key: K, now: Moment, max_age_ns: int | None = None) -> V | None:
        """Returns the kept value that is fresh enough, or None; loads nothing."""
        return self._kept.fresh(key, now, max_age_ns)

    def get(
        self, key: K, start_load: StartLoad[V], done: OnLoaded[V], now: Moment, max_age_ns: int | None = None
    ) -> Waiter[K, V] | None:
        """Answer `done` once: from what is kept (then None is returned), from the load under way, or from a new load."""
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
        """A load has ended. A failure, and what was cleared away meanwhile, answers those who waited and is not kept."""
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
