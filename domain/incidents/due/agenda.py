"""The agenda of the ledger: what is to be looked at now, and when the next moment comes."""

from collections.abc import Iterable

from ...limits import CLOCK_STEP_NS
from ...time.timers import Timers
from .groups import GroupKey


class Agenda:
    """Owns the timers of incidents and groups, all by wall time, and the queue of incidents that wait for their review."""

    def __init__(self) -> None:
        self.timers: Timers[str | GroupKey] = Timers()
        """An incident is reviewed, or a group is looked at."""
        self._queue: dict[str, None] = {}
        self._ready: dict[GroupKey, None] = {}
        self._seen_ns = 0

    def queue(self, names: Iterable[str]) -> None:
        """Queues incidents for their review."""
        self._queue |= dict.fromkeys(names)

    def take(self, at_most: int) -> list[str]:
        """Takes the incidents that are to be reviewed now."""
        taken = list(self._queue)[:at_most] if at_most < len(self._queue) else list(self._queue)
        for name in taken:
            del self._queue[name]
        return taken

    def take_ready(self) -> GroupKey | None:
        """Takes a group whose moment has come; none while incidents wait for a review, which may change what is due."""
        if self._queue or not self._ready:
            return None
        ready = next(iter(self._ready))
        del self._ready[ready]
        return ready

    @property
    def has_ready(self) -> bool:
        """Whether the moment of a group has come that was not taken."""
        return bool(self._ready)

    def come(self, now_ns: int) -> bool:
        """Queues what is due by now. Returns False where the wall clock was set back: what waits for a moment would wait for
        the time that it has lost.
        """
        goes_on = now_ns >= self._seen_ns - CLOCK_STEP_NS
        self._seen_ns = now_ns
        for key, _ in self.timers.due(now_ns):
            if isinstance(key, str):
                self._queue[key] = None
            else:
                self._ready[key] = None
        return goes_on

    @property
    def is_reviewing(self) -> bool:
        """Whether incidents wait for their review."""
        return bool(self._queue)

    @property
    def next_ns(self) -> int | None:
        """When the next moment comes; None without any."""
        return self.timers.next_ns()

    def look_at(self, name: str, at_ns: int | None) -> None:
        """Lets an incident be reviewed at a moment, in place of any former one; None for none."""
        if at_ns is None:
            self.timers.cancel(name)
        else:
            self.timers.arm(name, at_ns)
