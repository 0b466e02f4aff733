"""While a runtime starts anew: what is reported is kept for the next engine, and who asks waits until it is there."""

import asyncio
import threading
from concurrent.futures import Future

from ..domain.errors import UsageError
from ..domain.limits import COMMANDS_KEPT_MAX
from .commands import HostReport

LATE = "this runtime starts anew, and has not done so in time"


class RestartBuffer:
    """The time between two engines of one runtime, when it is such a time."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        """Held while one report is handed over or kept, and while one engine gives way to another; for nothing longer."""
        self._kept: list[HostReport] = []
        self._over: Future[None] | None = None

    def begin(self) -> None:
        """From here on reports are kept, and questions wait."""
        over: Future[None] = Future()
        # One that is said to run cannot be cancelled, so nobody who waits no longer ends the waiting of all.
        over.set_running_or_notify_cancel()
        self._over = over

    def keep(self, report: HostReport) -> bool:
        """Keep one; False while no restart is under way. Raises UsageError when no more fit."""
        if self._over is None:
            return False
        if len(self._kept) >= COMMANDS_KEPT_MAX:
            raise UsageError(
                f"this runtime starts anew, and keeps no more than {COMMANDS_KEPT_MAX} commands until it has"
            )
        self._kept.append(report)
        return True

    def end(self) -> list[HostReport]:
        """Keep no more, and let those ask who waited; what was kept."""
        kept, self._kept = self._kept, []
        over, self._over = self._over, None
        if over is not None:
            over.set_result(None)
        return kept

    def wait(self, within_s: float) -> None:
        """Block while a restart is under way. Raises TimeoutError when it takes longer."""
        over = self._over
        if over is None:
            return
        try:
            over.result(within_s)
        except TimeoutError:
            raise TimeoutError(LATE) from None

    async def wait_async(self, within_s: float) -> None:
        """The same from an event loop."""
        over = self._over
        if over is None:
            return
        try:
            await asyncio.wait_for(asyncio.wrap_future(over), within_s)
        except TimeoutError:
            raise TimeoutError(LATE) from None
