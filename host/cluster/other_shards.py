"""The shards of other nodes, as the store has them: read within a bounded time, or not at all."""

import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any

from msgspec.structs import replace
from pykka import Timeout

from ...actors.dispatch.run.future import AwaitAnswer, DispatchedFuture
from ...domain.errors import StoreError
from ...domain.limits import OTHER_SHARDS_READ_NS
from ...domain.read_model.status import TargetStatus
from ...domain.rules.aggregate import Status
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


class KnownSince:
    """Remembers since when each target has its status, where the record of another node's shard does not say it, as of one that its
    configuration pauses: it is so since this node has seen it first.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Status, int]] = {}

    def of(
        self, own: Iterable[TargetStatus], others: Iterable[TargetStatus], dated: Collection[str]
    ) -> tuple[TargetStatus, ...]:
        """Returns the rows of other nodes' targets with that time; those of `dated` have that of the record."""
        before, found = self._known, list[TargetStatus]()
        after = {row.id: (row.status, row.since_ns) for row in own}
        for row in others:
            status, since_ns = before.get(row.id, (row.status, row.since_ns))
            if row.id not in dated and status is row.status and since_ns < row.since_ns:
                row = replace(row, since_ns=since_ns)  # noqa: PLW2901  # the row of this round
            after[row.id] = row.status, row.since_ns
            found.append(row)
        # Replaced whole: several threads may ask at once.
        self._known = after
        return tuple(found)


def _settle(reading: DispatchedFuture[Any], work: Callable[[], Any]) -> None:
    try:
        reading.set(work())
    except BaseException:  # noqa: BLE001  # the one who waits raises it again
        reading.set_exception()
