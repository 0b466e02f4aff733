"""A clock whose hands move only when told, together or apart."""

from ..domain.moment import Moment

START_WALL_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, where every manual clock starts."""
START_MONOTONIC_NS = 1_000_000_000


class ManualClock:
    """Both hands by hand: `advance` moves both, `step_wall` only the wall, `suspend` the wall and the boot time."""

    def __init__(self, monotonic_ns: int = START_MONOTONIC_NS, wall_ns: int = START_WALL_NS) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns
        self._boot_ns = monotonic_ns

    def read(self) -> Moment:
        return Moment(self._monotonic_ns, self._wall_ns)

    def boot_ns(self) -> int:
        return self._boot_ns

    def advance(self, by_ns: int) -> Moment:
        """Let time pass. Raises ValueError when asked to go back: monotonic time does not."""
        if by_ns < 0:
            raise ValueError(
                f"monotonic time cannot go back by {-by_ns} ns: use step_wall to move the wall hand"
            )
        self._monotonic_ns += by_ns
        self._wall_ns += by_ns
        self._boot_ns += by_ns
        return self.read()

    def advance_to(self, monotonic_ns: int) -> None:
        """Let time pass until the monotonic hand reads `monotonic_ns`."""
        self.advance(monotonic_ns - self._monotonic_ns)

    def step_wall(self, by_ns: int) -> Moment:
        """Move the wall hand alone, as somebody setting the clock does."""
        self._wall_ns += by_ns
        return self.read()

    def suspend(self, for_ns: int) -> Moment:
        """Sleep as a suspended machine does: the wall and the boot time go on, the monotonic hand stands."""
        self._wall_ns += for_ns
        self._boot_ns += for_ns
        return self.read()

    def __repr__(self) -> str:
        return f"ManualClock(monotonic_ns={self._monotonic_ns}, wall_ns={self._wall_ns})"
