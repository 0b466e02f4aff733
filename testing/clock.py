"""A clock that moves only when a test moves it: all hands together, or each alone."""

from ..domain.time.moment import Moment

START_WALL_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, the start of every manual clock."""
START_MONOTONIC_NS = 1_000_000_000


class ManualClock:
    """A clock that a test moves.

    `advance` moves all hands, `step_wall` the wall alone, `suspend` wall and boot time; `reboot` resets all but the
    wall.
    """

    def __init__(self, monotonic_ns: int = START_MONOTONIC_NS, wall_ns: int = START_WALL_NS) -> None:
        self.now = Moment(monotonic_ns, wall_ns)
        """The present moment: stored and not computed, because it is read far more often than it moves."""
        self._boot_ns = self._began_ns = monotonic_ns
        self._before_ns = 0

    def read(self) -> Moment:
        return self.now

    def boot_ns(self) -> int:
        return self._boot_ns

    @property
    def lived_ns(self) -> int:
        """The nanoseconds that the machine has run, not suspended, over all reboots."""
        return self._before_ns + self.now.monotonic_ns

    def advance(self, by_ns: int) -> Moment:
        """Moves all hands forward. Raises: ValueError for a negative step, because monotonic time cannot go back."""
        if by_ns < 0:
            raise ValueError(
                f"monotonic time cannot go back by {-by_ns} ns: use step_wall to move the wall hand"
            )
        self.now = self.now.shifted(by_ns)
        self._boot_ns += by_ns
        return self.now

    def advance_to(self, monotonic_ns: int) -> None:
        """Moves all hands forward until the monotonic hand reads `monotonic_ns`."""
        self.advance(monotonic_ns - self.now.monotonic_ns)

    def step_wall(self, by_ns: int) -> Moment:
        """Moves the wall hand alone, as a change of the system clock does."""
        self.now = Moment(self.now.monotonic_ns, self.now.wall_ns + by_ns)
        return self.now

    def suspend(self, for_ns: int) -> Moment:
        """Suspends the machine: wall and boot time go on, the monotonic hand stands still."""
        self._boot_ns += for_ns
        return self.step_wall(for_ns)

    def reboot(self) -> Moment:
        """Reboots the machine: the monotonic hand and the boot time start again, the wall hand goes on."""
        self._before_ns += self.now.monotonic_ns - self._began_ns
        self._boot_ns = self._began_ns
        self.now = Moment(self._began_ns, self.now.wall_ns)
        return self.now

    def __repr__(self) -> str:
        return f"ManualClock(monotonic_ns={self.now.monotonic_ns}, wall_ns={self.now.wall_ns})"
