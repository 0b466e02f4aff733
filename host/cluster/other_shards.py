"""The shards of other nodes, as the store has them: read within a bounded time, or not at all."""

import threading
from collections.abc import Callable
from typing import Any

from pykka import Timeout

from ...actors.dispatch.run.future import AwaitAnswer, DispatchedFuture
from ...domain.errors import StoreError
from ...domain.limits import OTHER_SHARDS_READ_NS
from ...domain.units import NS_PER_S


class OtherShards:
    """Reads on a thread that alone waits where a store hangs, one such at a time: an answer to a question is never held up by it."""

    def __init__(self, within_ns: int = OTHER_SHARDS_READ_NS) -> None:
        self._within_s = within_ns / NS_PER_S
        self._reading: DispatchedFuture[Any] | None = None

    async def read(self, work: Callable[[], Any], wait: AwaitAnswer) -> Any:
        """Returns the result of a reading, or raises its error.

        Raises: StoreError where it takes longer than that, and while an earlier one that took longer is not over.
        """
        if self._reading is not None and not self._reading.done():
            raise StoreError("an earlier reading is not answered yet")
        reading: DispatchedFuture[Any] = DispatchedFuture()
        # A thread of its own each time: one that hangs keeps neither the next reading nor the end of the process.
        threading.Thread(target=_settle, args=(reading, work), name="watchkeeper-others", daemon=True).start()
        try:
            return await wait(reading, self._within_s)
        except Timeout:
            # The next one waits for its end.
            self._reading = reading
            raise StoreError(f"the store has not answered within {self._within_s:g} s") from None


def _settle(reading: DispatchedFuture[Any], work: Callable[[], Any]) -> None:
    try:
        reading.set(work())
    except BaseException:  # noqa: BLE001  # the one who waits raises it again
        reading.set_exception()
