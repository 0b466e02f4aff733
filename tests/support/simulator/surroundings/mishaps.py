"""Mishaps: faults at a port, one in so many calls."""

from ..cases.faults import Fault
from ..cases.tape import Stream


class Mishaps:
    """Decides for each call which of the allowed faults strikes it. It outlives the processes of a run."""

    def __init__(
        self, stream: Stream, allowed: tuple[Fault, ...], kinds: tuple[Fault, ...], every: int
    ) -> None:
        self._stream = stream
        self._kinds = [kind for kind in kinds if kind in allowed]
        self._every = every
        self._left = self._gap()

    def _gap(self) -> int:
        return (self._stream.below(2 * self._every) or -1) if self._kinds else -1

    def next(self) -> Fault | None:
        """Returns the fault of this call, or None. A draw of zero ends all mishaps."""
        self._left -= 1
        if self._left:
            return None
        kind = self._kinds[self._stream.below(len(self._kinds))]
        self._left = self._gap()
        return kind

    def calm(self) -> None:
        """Ends all mishaps."""
        self._kinds = []
        self._left = -1
