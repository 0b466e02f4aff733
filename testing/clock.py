"""A clock whose hands move only when told, together or apart."""

from ..domain.time.moment import Moment

START_WALL_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, where every manual clock starts."""
START_MONOTONIC_NS = 1_000_000_000


class ManualClock:
    """Hands by hand: `advance` moves all, `step_wall` the wall, `suspend` wall and boot time, `reboot` all but the wall."""

    def __init__(self, monotonic_ns: int = START_MONOTONIC_NS, wall_ns: int = START_WALL_NS) -> None:
        self.now = Moment(monotonic_ns, wall_ns)
        """What both hands show: made when they move, as they are read far more often."""
        self._boot_ns = self._began_ns = monotonic_ns
        self._before_ns = 0

    def read(self) -> Moment:
        return self.now

    def boot_ns(self) -> int:
        return self._boot_ns

    @property
    def lived_ns(self) -> int:
        """What a bystander's stopwatch shows: the monotonic hand as it would be had the machine never started anew."""
        return self._before_ns + self.now.monotonic_ns

    def advance(self, by_ns: int) -> Moment:
        """Let time pass. Raises ValueError when asked to go back: monotonic time does not."""
        if by_ns < 0:
            raise ValueError(
                f"monotonic time cannot go back by {-by_ns} ns: use step_wall to move the wall hand"
            )
        self.now = self.now.shifted(by_ns)
        self._boot_ns += by_ns
        return self.now

    def advance_to(self, monotonic_ns: int) -> None:
        """Let time pass until the monotonic hand reads `monotonic_ns`."""
        self.advance(monotonic_ns - self.now.monotonic_ns)

    def step_wall(self, by_ns: int) -> Moment:
        """Move the wall hand alone, as somebody setting the clock does."""
        self.now = Moment(self.now.monotonic_ns, self.now.wall_ns + by_ns)
        return self.now

    def suspend(self, for_ns: int) -> Moment:
        """Sleep as a suspended machine does: the wall and the boot time go on, the monotonic hand stands."""
        self._boot_ns += for_ns
        return self.step_wall(for_ns)

    def reboot(self) -> Moment:
        """Start the machine anew: the monotonic hand and the boot time begin again, the wall goes on."""
        self._before_ns += self.now.monotonic_ns - self._began_ns
        self._boot_ns = self._began_ns
        self.now = Moment(self._began_ns, self.now.wall_ns)
        return self.now

    def __repr__(self) -> str:
        return f"ManualClock(monotonic_ns={self.now.monotonic_ns}, wall_ns={self.now.wall_ns})"
