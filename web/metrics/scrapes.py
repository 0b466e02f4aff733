"""Scrapes: the newest text of the metrics in each format, made in slices and shared for a second."""

import asyncio
from typing import NamedTuple
from weakref import WeakKeyDictionary

from ...host.access.operations import Operations
from .. import limits
from .exposition import Exposition
from .family import LINES_OF_TARGET, Scrape


class _Text(NamedTuple):
    """A text, and when its making began (monotonic)."""

    at_ns: int
    slices: list[bytes]


class Scrapes:
    """Owns the texts. One is made at a time on each event loop; others that want one wait for it."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._kept: dict[bool, _Text] = {}
        """By format: whether it is OpenMetrics."""
        # Of each loop: a host may serve the same application on several, one after the other or at once.
        self._making: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def text(self, exposition: Exposition) -> list[bytes]:
        """Returns the text of at most a second ago, in slices.

        Raises: UsageError, StoreError or TimeoutError where the runtime watches and does not answer in time.
        """
        making = self._making.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        try:
            async with asyncio.timeout(limits.SCRAPE_WITHIN_S), making:
                return await self._newest(exposition)
        except TimeoutError as error:
            raise TimeoutError(
                str(error) or "the metrics were not made in time: is this machine overloaded?"
            ) from error

    async def _newest(self, exposition: Exposition) -> list[bytes]:
        now_ns = self._operations.monotonic_ns()
        kept = self._kept.get(exposition.is_open_metrics)
        if kept is None or now_ns - kept.at_ns >= limits.SCRAPE_FRESH_NS:
            kept = self._kept[exposition.is_open_metrics] = _Text(now_ns, await self._made(exposition))
        return kept.slices

    async def _made(self, exposition: Exposition) -> list[bytes]:
        web = self._operations.configuration().web
        targets = web is None or web.metrics.targets
        scrape = Scrape.of(await self._operations.metrics.read_async(targets=targets))
        slices = 1 + len(scrape.targets) * LINES_OF_TARGET / limits.SLICE_LINES
        pause_s = min(limits.SCRAPE_PAUSE_S, limits.SCRAPE_PAUSES_S / slices)
        made = []
        for part in exposition.slices(scrape):
            made.append(part)
            # Not 0: a check gives the lock of the interpreter away at each call to the system, and would get it back only
            # after one more slice. Beside scrapes of 5,000 targets, 500 checks/s start 2.5 ms late at p99, and 17 ms without
            # the pause (bench/metrics.py).
            await asyncio.sleep(pause_s)
        return made
