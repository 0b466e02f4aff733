"""A callback at a moment of the monotonic clock."""

import logging
from collections.abc import Callable

_logger = logging.getLogger(__name__)


class Alarm:
    """One armed callback; `cancel` may be called at any time, also after it rang."""

    __slots__ = ("_callback", "due_ns")

    def __init__(self, due_ns: int, callback: Callable[[], object]) -> None:
        self.due_ns = due_ns
        self._callback: Callable[[], object] | None = callback

    @property
    def armed(self) -> bool:
        """True until it rang or was cancelled."""
        return self._callback is not None

    def cancel(self) -> None:
        """Never call back."""
        self._callback = None

    def ring(self) -> None:
        """Call back, once and if it was not cancelled."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Errand:
    """A callback that waits for its turn among the actors."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback = callback

    def run_turn(self) -> None:
        """Call back. What it raises goes to the log, as nobody else waits for it."""
        try:
            self._callback()
        except Exception:
            _logger.exception("A callback on a dispatcher failed")
