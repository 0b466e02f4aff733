"""The time of a replay: the wall clock of the record, and a monotonic clock that never stops beside it."""

from ...domain.time.moment import Moment
from ..clock import START_MONOTONIC_NS


class VirtualTime:
    """Turns wall times of the record into moments. Steps of the recorded wall clock are part of it, and not known."""

    def __init__(self, begin_ns: int) -> None:
        self._offset_ns = START_MONOTONIC_NS - begin_ns

    def at(self, wall_ns: int) -> Moment:
        """Returns the moment of a wall time."""
        return Moment(wall_ns + self._offset_ns, wall_ns)
