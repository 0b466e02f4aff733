"""Finished pages, for readers that ask at the same time: one rendering a second answers all that may see the same."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from weakref import WeakKeyDictionary

from ...domain import limits
from ...domain.policy import CachePolicy
from ...domain.units import NS_PER_S

POLICY = CachePolicy(
    name="pages",
    key="a page, the role and choices of its reader, and the status that it shows",
    owner="the site",
    fresh_for_ns=limits.PAGE_FRESH_NS,
    entries_max=limits.PAGES_KEPT_MAX,
    invalidation="by age, and by each new status, as after a command",
)


class PageCache:
    """Owns the finished pages of one site. Used on the loops that serve it."""

    def __init__(self) -> None:
        # Of each loop that asks: a host may serve the same application on several, and a task belongs to one of them.
        self._of: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopPages] = WeakKeyDictionary()

    async def body(self, key: Hashable, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Returns the page of a key; `make` makes it once for all that ask meanwhile. Raises: as `make` does."""
        loop = asyncio.get_running_loop()
        pages = self._of.setdefault(loop, _LoopPages())
        return await pages.body(key, make, loop.time())


class _LoopPages:
    """The pages of one loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[float, asyncio.Task[bytes]]] = OrderedDict()
        """When a page was begun, the oldest first, and the work that makes it."""

    async def body(self, key: Hashable, make: Callable[[], Awaitable[bytes]], now_s: float) -> bytes:
        self._forget(now_s)
        if key not in self._kept:
            self._kept[key] = now_s, asyncio.create_task(_done(make))
        # A reader that leaves takes the page from no other.
        task = self._kept[key][1]
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done() and self._kept.get(key, (0, None))[1] is task:
                del self._kept[key]
            raise

    def _forget(self, now_s: float) -> None:
        """Forgets what is too old, and the oldest of too many."""
        oldest_s = now_s - limits.PAGE_FRESH_NS / NS_PER_S
        while self._kept:
            key, (began_s, _) = next(iter(self._kept.items()))
            if began_s > oldest_s and len(self._kept) < limits.PAGES_KEPT_MAX:
                return
            del self._kept[key]


async def _done(make: Callable[[], Awaitable[bytes]]) -> bytes:
    return await make()
