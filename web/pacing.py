"""The pace of long work on the thread of the pages: slices of a millisecond, and a pause after each.

Checks and pages share the lock of the interpreter. A check gives it away at each call to the system; a page that goes on
without a pause takes it at once, and keeps it until its slice ends, so that a check that is due waits for several slices.
`asyncio.sleep(0)` is no pause: it gives the lock away for microseconds, in which the thread of the checks hardly wakes up.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

from . import limits

V = TypeVar("V")
R = TypeVar("R")
VALUES_PER_LOOK = 4
"""Rows that are made between two looks at the clock: each takes up to 60 us."""


class Pacing:
    """The slices of one piece of work, by the clock. The first one begins at once."""

    def __init__(self) -> None:
        self._now_s = asyncio.get_running_loop().time
        self._until_s = self._now_s() + limits.SLICE_S

    @property
    def is_over(self) -> bool:
        """Whether the slice has lasted long enough."""
        return self._now_s() >= self._until_s

    async def rest(self) -> None:
        """Pauses, and begins the next slice."""
        await asyncio.sleep(limits.SLICE_PAUSE_S)
        self._until_s = self._now_s() + limits.SLICE_S


async def sliced(values: Iterable[V], make: Callable[[V], R], pace: Pacing | None = None) -> list[R]:
    """Returns what `make` makes of each value, in slices; `pace` is that of work of which this is a part."""
    pace = pace or Pacing()
    made: list[R] = []
    for number, value in enumerate(values, 1):
        made.append(make(value))
        if number % VALUES_PER_LOOK == 0 and pace.is_over:
            await pace.rest()
    return made


async def joined(parts: Iterable[str], pace: Pacing | None = None) -> list[bytes]:
    """Returns a text of many parts as bytes, in slices."""
    pace = pace or Pacing()
    made: list[bytes] = []
    kept: list[str] = []
    for part in parts:
        kept.append(part)
        if pace.is_over:
            made.append(encoded(kept))
            kept.clear()
            await pace.rest()
    made.append(encoded(kept))
    return made


def encoded(parts: Iterable[str]) -> bytes:
    """Returns parts of a text as bytes. A lone surrogate, which a name of a file system may hold, has no place in UTF-8."""
    return "".join(parts).encode("utf-8", "replace")
