"""Messages that nobody will handle, counted and said aloud now and then."""

import logging
from collections.abc import Callable

from ....domain.limits import DEAD_LETTERS_LOGGED_EVERY_NS, DEAD_LETTERS_LOGGED_FIRST
from .tally import Tally

logger = logging.getLogger(__name__)


class DeadLetters:
    """Counts every dead letter; logs the first few and then one in five minutes, or the log is the flood."""

    def __init__(self, monotonic_ns: Callable[[], int], *, unlogged: tuple[type, ...] = ()) -> None:
        self._monotonic_ns = monotonic_ns
        self._unlogged = unlogged
        self._tally = Tally()
        self._logged = 0
        self._logged_ns = 0
        self._hushed = False

    def hush(self) -> None:
        """Count on without a word: why nobody listens is said elsewhere."""
        self._hushed = True

    def record(self, name: str, message: object) -> None:
        """Count a message that was sent to the address called `name`."""
        self._tally.add()
        if self._hushed or isinstance(message, self._unlogged):
            return
        if self._may_log(self._monotonic_ns()):
            logger.warning("Dead letter: a %s for %s, which is closed", type(message).__name__, name)

    @property
    def total(self) -> int:
        """How many messages reached a closed address."""
        return self._tally.read()

    def __repr__(self) -> str:
        return f"<DeadLetters {self.total}>"

    def _may_log(self, now_ns: int) -> bool:
        """Two threads may both be told yes once in five minutes; a second line does no harm."""
        first = self._logged < DEAD_LETTERS_LOGGED_FIRST
        if not first and now_ns - self._logged_ns < DEAD_LETTERS_LOGGED_EVERY_NS:
            return False
        self._logged += 1
        self._logged_ns = now_ns
        return True
