"""The buffer between two engines of a runtime: keeps reports for the next engine and lets questions wait for it."""

import threading
from typing import TypeAlias

from pykka import Timeout

from ..actors.dispatch.run.future import AwaitAnswer, DispatchedFuture
from ..domain.errors import UsageError
from ..domain.limits import COMMANDS_KEPT_MAX
from ..protocol.owner import Acknowledge, OfDrills, Unacknowledge
from ..protocol.sink import Announce, EndAnnouncement, Mute, Unmute
from ..protocol.supervisor import Beat, CheckNow

HostReport: TypeAlias = (
    Beat | CheckNow | Acknowledge | Unacknowledge | OfDrills | Mute | Unmute | Announce | EndAnnouncement
)
"""Reports an event: needs an engine, and is kept in the restart buffer while a reload replaces the engine."""
LATE = "this runtime is restarting and has not finished in time: try again, and see its log for the cause"


class RestartBuffer:
    """Owns the reports that arrive during a restart, and the future that ends the waiting of questions."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        """Held for one hand-over of a report and for the exchange of the engines; never longer."""
        self._kept: list[HostReport] = []
        self._over: DispatchedFuture[None] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a restart is under way."""
        return self._over is not None

    def begin(self) -> None:
        """Starts to keep reports and to let questions wait."""
        self._over = DispatchedFuture()

    def keep(self, report: HostReport) -> bool:
        """Keeps one report. Returns False while no restart is under way.

        Raises: UsageError where the buffer is full.
        """
        if self._over is None:
            return False
        if type(report) is CheckNow and report in self._kept:
            return True  # one attempt answers all of them
        if len(self._kept) >= COMMANDS_KEPT_MAX:
            raise UsageError(
                f"this runtime is restarting and keeps at most {COMMANDS_KEPT_MAX} commands: try again later"
            )
        self._kept.append(report)
        return True

    def end(self) -> list[HostReport]:
        """Stops keeping and releases the waiting questions. Returns the kept reports."""
        kept, self._kept = self._kept, []
        over, self._over = self._over, None
        if over is not None:
            over.set()
        return kept

    async def wait(self, within_s: float, wait: AwaitAnswer) -> None:
        """Waits while a restart is under way. Raises: TimeoutError where it takes longer than `within_s`."""
        over = self._over
        if over is None:
            return
        try:
            await wait(over, within_s)
        except Timeout:
            raise TimeoutError(LATE) from None
