"""Mishaps: trouble at a port, every so many calls."""

from ..cases.faults import Fault
from ..cases.tape import Stream


class Mishaps:
    """Says for each call which of the allowed faults befalls it. It outlives the processes of a run."""

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
        """What befalls this call, if anything. A draw of zero ends all mishaps."""
        self._left -= 1
        if self._left:
            return None
        kind = self._kinds[self._stream.below(len(self._kinds))]
        self._left = self._gap()
        return kind

    def calm(self) -> None:
        """No more."""
        self._kinds = []
        self._left = -1
