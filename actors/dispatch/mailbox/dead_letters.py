"""Dead letters: messages for closed addresses, counted and logged at a limited rate."""

import logging
from collections.abc import Callable

from ....domain.limits import DEAD_LETTERS_LOGGED_EVERY_NS, DEAD_LETTERS_LOGGED_FIRST
from .tally import Tally

logger = logging.getLogger(__name__)


class DeadLetters:
    """Counts every dead letter and logs the first few, then one in five minutes, so that they cannot flood the log."""

    _logged_ns: int
    """The moment of the newest line in the log; set by the first."""

    def __init__(self, monotonic_ns: Callable[[], int], *, unlogged: tuple[type, ...] = ()) -> None:
        self._monotonic_ns = monotonic_ns
        self._unlogged = unlogged
        self._tally = Tally()
        self._logged = 0
        self._hushed = False

    def hush(self) -> None:
        """Stops logging and goes on counting, for an ending whose cause is reported elsewhere."""
        self._hushed = True

    def record(self, name: str, message: object) -> None:
        """Counts a message for the closed address `name`, and logs it where the rate allows."""
        self._tally.add()
        if self._hushed or isinstance(message, self._unlogged):
            return
        if self._may_log(self._monotonic_ns()):
            logger.warning("Dead letter: a %s for %s, which is closed", type(message).__name__, name)

    @property
    def total(self) -> int:
        """The number of messages that were sent to a closed address."""
        return self._tally.read()

    def __repr__(self) -> str:
        return f"<DeadLetters {self.total}>"

    def _may_log(self, now_ns: int) -> bool:
        """Returns whether the rate allows a log line. Unlocked: two threads may both get True, which is harmless."""
        first = self._logged < DEAD_LETTERS_LOGGED_FIRST
        if not first and now_ns - self._logged_ns < DEAD_LETTERS_LOGGED_EVERY_NS:
            return False
        self._logged += 1
        self._logged_ns = now_ns
        return True
