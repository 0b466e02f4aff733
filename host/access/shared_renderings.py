"""One rendering for many readers: what was made within a second serves all of them, and one at a time makes it anew."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from ...domain import limits
from ...domain.policy import CachePolicy

V = TypeVar("V")
POLICY = CachePolicy(
    name="public pages",
    key="a page as it is configured",
    owner="the site",
    fresh_for_ns=limits.PUBLIC_FRESH_NS,
    entries_max=limits.PUBLIC_PAGES_MAX,
    invalidation="none",
)


class SharedRenderings(Generic[V]):
    """Keeps the newest value of each key, for the loops of all doors."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._made: dict[Hashable, tuple[int, V]] = {}
        self._guards: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[V]]) -> V:
        """Returns the value of a key, at most a second old; raises what `make` raises, and keeps nothing then."""
        found = self._fresh(key)
        if found is not None:
            return found
        guard = self._guards.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with guard:
            found = self._fresh(key)
            if found is None:
                found = await make()
                self._made.pop(key, None)
                while len(self._made) >= limits.PUBLIC_PAGES_MAX:
                    self._made.pop(next(iter(self._made)))
                self._made[key] = self._monotonic_ns(), found
            return found

    def _fresh(self, key: Hashable) -> V | None:
        made_ns, found = self._made.get(key, (0, None))
        return found if self._monotonic_ns() - made_ns < limits.PUBLIC_FRESH_NS else None
