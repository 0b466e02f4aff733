"""Next ticks: where the end of an attempt moves the tick of a target, its own or that of another one."""

from ...domain.observation.outcome import Reason
from ...domain.supervision.schedule import Scheduled
from ...domain.time.moment import Moment
from .periodic_timers import SupervisorContext


class NextTicks:
    """Gives a suspect target its shorter grid, and targets that found no free descriptor one look beside their grid.

    The places in the grid are fixed. Without that look the targets whose ticks come while all descriptors are taken would be
    the same in each period, and none of them would ever be probed.
    """

    def __init__(self, context: SupervisorContext) -> None:
        self._timers = context.timers
        self._line: dict[Scheduled, None] = {}
        """The targets whose last attempt found no descriptor, in the order in which they get their turn."""
        self._leaves_it = False
        """Whether the last descriptor that came free was left to others than probes: a notice needs one, too."""

    def suspect(self, entry: Scheduled, suspect: bool, now: Moment) -> None:
        """Moves the next tick to the retry cadence after bad evidence, and back after good evidence."""
        if entry.suspect is suspect:
            return
        entry.suspect = suspect
        if entry.retry_cadence != entry.cadence and entry in self._timers:
            self._timers.arm(entry, entry.next_due_ns(now))

    def ended(self, entry: Scheduled, reason: Reason, now: Moment) -> None:
        """Puts a target without a descriptor in the line; every second end of another one gives its first its turn.

        A turn that finds none is followed by a tick of the grid, so that a target has at most one turn between two ticks:
        its want may be its own, such as an address that this machine does not have.
        """
        had_turn, entry.had_turn = entry.had_turn, False
        if reason is not Reason.NO_DESCRIPTORS:
            self._line.pop(entry, None)
            self._give_turn(now)
        elif not had_turn:
            self._line.setdefault(entry)

    def _give_turn(self, now: Moment) -> None:
        self._leaves_it = bool(self._line) and not self._leaves_it
        while self._line and not self._leaves_it:
            first = next(iter(self._line))
            del self._line[first]
            # One whose timer rests is paused, or ends with the supervisor; one whose attempt runs is served already.
            if first in self._timers and first.pending is None and first.target.is_probed:
                first.had_turn = True
                self._timers.arm(first, now.monotonic_ns)
                return

    def forget(self, entry: Scheduled) -> None:
        """Drops a target that is tracked no longer."""
        self._line.pop(entry, None)
