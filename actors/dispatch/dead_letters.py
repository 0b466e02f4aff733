"""Messages that nobody will handle, counted and said aloud now and then."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ...domain.limits import DEAD_LETTERS_LOGGED_EVERY_NS, DEAD_LETTERS_LOGGED_FIRST
from .tally import Tally

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetterStatistics:
    """How many messages reached a closed address."""

    total: int
    by_type: tuple[tuple[str, int], ...]
    """Name of the message class and count, in order of first appearance."""


class DeadLetters:
    """Counts every dead letter by its class; logs the first few and then one in five minutes, or the log is the flood."""

    def __init__(self, monotonic_ns: Callable[[], int], *, unlogged: tuple[type, ...] = ()) -> None:
        self._monotonic_ns = monotonic_ns
        self._unlogged = unlogged
        self._counts: dict[str, Tally] = {}
        self._logged = 0
        self._logged_ns = 0
        self._hushed = False

    def hush(self) -> None:
        """Count on without a word: why nobody listens is said elsewhere."""
        self._hushed = True

    def record(self, name: str, message: object) -> None:
        """Count a message that was sent to the address called `name`."""
        kind = type(message).__name__
        self._counts.setdefault(kind, Tally()).add()
        if self._hushed or isinstance(message, self._unlogged):
            return
        if self._may_log(self._monotonic_ns()):
            logger.warning("Dead letter: a %s for %s, which is closed", kind, name)

    def statistics(self) -> DeadLetterStatistics:
        """What was counted so far."""
        by_type = tuple((kind, tally.read()) for kind, tally in list(self._counts.items()))
        return DeadLetterStatistics(sum(count for _, count in by_type), by_type)

    def __repr__(self) -> str:
        return f"<DeadLetters {self.statistics().total}>"

    def _may_log(self, now_ns: int) -> bool:
        """Two threads may both be told yes once in five minutes; a second line does no harm."""
        first = self._logged < DEAD_LETTERS_LOGGED_FIRST
        if not first and now_ns - self._logged_ns < DEAD_LETTERS_LOGGED_EVERY_NS:
            return False
        self._logged += 1
        self._logged_ns = now_ns
        return True
