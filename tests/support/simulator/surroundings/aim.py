"""Aimed deaths: the process dies between the decision of a digest, its commit, its post, its answer and the record of that."""

from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch

from ..cases.tape import Stream
from .hub import Hub

STRUCK_ONE_IN = 4
DEATHS_MAX = 8
"""In one run: each costs a restart, after which the same digest passes the same moments again."""


class Aim:
    """Decides at which of these moments the process dies. It outlives the processes of a run."""

    def __init__(self, stream: Stream, *, is_on: bool) -> None:
        self._stream = stream
        self._left = DEATHS_MAX if is_on else 0
        self._digests: set[str] = set()

    def at(self, moment: str, hub: Hub) -> None:
        """Passes a moment. Raises ProcessDied where the process dies."""
        if self._left and not hub.dead and self._stream.one_in(STRUCK_ONE_IN):
            self._left -= 1
            hub.die(moment)

    def committing(self, batch: Batch, hub: Hub) -> None:
        """A batch is about to be written: digests are decided, and others have their answer."""
        if not self._left:
            return
        decided = {notice.key for notice in batch.notices if notice.digest}
        self._digests |= decided
        if decided:
            self.at("digest decided", hub)
        if self._settles(batch):
            self.at("digest answered", hub)

    def committed(self, batch: Batch, hub: Hub) -> None:
        """A batch is written, and nothing of it has left yet."""
        if not self._left:
            return
        if any(notice.digest for notice in batch.notices):
            self.at("digest committed", hub)
        if self._settles(batch):
            self.at("digest recorded", hub)

    def _settles(self, batch: Batch) -> bool:
        return any(
            delivery.state is DeliveryState.DELIVERED and delivery.key in self._digests
            for delivery in batch.deliveries
        )

    def calm(self) -> None:
        """Ends all deaths."""
        self._left = 0
