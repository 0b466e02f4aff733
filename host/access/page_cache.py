"""Finished pages, for readers that ask at the same time: one rendering a second answers all that may see the same."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ...domain import limits
from ...domain.limits import INTEGER_MAX
from ...domain.policy import CachePolicy
from ...domain.units import NS_PER_S

T = TypeVar("T")
PARTS_POLICY = CachePolicy(
    name="parts of pages",
    key="a row: the mount, the span of days and the target",
    owner="the site",
    fresh_for_ns=INTEGER_MAX,
    entries_max=limits.PAGE_PARTS_KEPT_MAX,
    invalidation="by anything else that the row shows",
)
POLICY = CachePolicy(
    name="pages",
    key="a page, with the role and the choices of its reader",
    owner="the site",
    fresh_for_ns=limits.PAGE_FRESH_NS,
    entries_max=limits.PAGES_KEPT_MAX,
    invalidation="by age, and by every command that comes over the web",
)
POLICIES = (POLICY, PARTS_POLICY)


class PageCache:
    """Owns the finished pages of one site, and their parts. Used on the loops that serve it."""

    def __init__(self) -> None:
        self.parts = PageParts()
        # Of each loop that asks: a host may serve the same application on several, and a task belongs to one of them.
        self._of: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopPages] = WeakKeyDictionary()

    async def body(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Returns the page of a key; `make` makes it once for all that ask meanwhile. Raises: as `make` does."""
        pages = self._of.setdefault(asyncio.get_running_loop(), _LoopPages())
        return await pages.body(key, make)

    def forget(self) -> None:
        """Forgets every page: a reader who has commanded something sees what stands now."""
        self._of.clear()


class _LoopPages:
    """The pages of one loop."""

    def __init__(self) -> None:
        self._making: dict[Hashable, asyncio.Task[Any]] = {}
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        """When a page was finished, the oldest first, and the page."""

    async def body(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._oldest_s():
            found: T = kept[1]
            return found
        if key not in self._making:
            self._making[key] = asyncio.create_task(self._make(key, make))
            self._making[key].add_done_callback(_noticed)
        # A reader that leaves takes the page from no other.
        made: T = await asyncio.shield(self._making[key])
        return made

    def _oldest_s(self) -> float:
        return asyncio.get_running_loop().time() - limits.PAGE_FRESH_NS / NS_PER_S

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        try:
            body = await make()
        finally:
            del self._making[key]
        self._kept.pop(key, None)
        self._kept[key] = asyncio.get_running_loop().time(), body
        oldest_s = self._oldest_s()
        while self._kept:
            made_s, _ = next(iter(self._kept.values()))
            if made_s > oldest_s and len(self._kept) <= limits.PAGES_KEPT_MAX:
                break
            self._kept.popitem(last=False)
        return body


def _noticed(task: "asyncio.Task[Any]") -> None:
    """Takes note of the fault of a page whose readers have all left: asyncio would log it as one of nobody."""
    if not task.cancelled():
        task.exception()


class PageParts:
    """Owns finished parts of pages, one for each key: a part is made anew when it would show something else."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[object, Any]] = {}

    def get(self, key: Hashable, shows: object, make: Callable[[], T]) -> T:
        """Returns the part of a key that was made for an equal `shows`, else what `make` makes now."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] == shows:
            found: T = kept[1]
            return found
        made = make()
        if len(self._kept) >= limits.PAGE_PARTS_KEPT_MAX:
            # Those of targets that are gone are among them; the others are made again in one page.
            self._kept.clear()
        self._kept[key] = shows, made
        return made
