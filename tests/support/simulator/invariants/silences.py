"""The invariant of silences: a silence that has ended is not shown in force for longer than a second."""

from collections.abc import Iterable

from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.incidents.record import Silence
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Moment

from .violation import Happened

NOTICED_WITHIN_NS = NS_PER_S
STALL_NS = 20 * NS_PER_MS
"""A wake-up that is later than this shows that the process did not run."""


class SilenceRules:
    """L14: a silence is shown in force at most a second after its end, while the sink and the supervisor live."""

    def __init__(self, complain: Complain, happened: Happened) -> None:
        self._complain = complain
        self._happened = happened
        self._shown: tuple[Silence, ...] = ()
        self._over: dict[Silence, int] = {}
        """The monotonic time of each silence's end."""
        self._looked: Moment | None = None
        self._able_ns = 0
        self._missing: dict[str, None] = {"sink": None, "supervisor": None}

    def process_began(self) -> None:
        self._shown, self._over, self._looked = (), {}, None
        self._missing = {"sink": None, "supervisor": None}

    def crashed(self, actor: str) -> None:
        """Marks an actor as dead: without the sink and the supervisor no silence can end."""
        if actor in {"sink", "supervisor"}:
            self._missing[actor] = None
        if actor == "recorder":
            self._shown = ()

    def began(self, actor: str, now: Moment) -> None:
        """An actor lives again, and has its full time from now on."""
        self._missing.pop(actor, None)
        self._able_ns = now.monotonic_ns

    def shown(self, silences: Iterable[Silence]) -> None:
        """The read model has received the silences in force."""
        ended = [silence for silence in self._shown if silence in self._over]
        self._shown = tuple(silences)
        if any(silence not in self._shown for silence in ended):
            self._happened("end of a silence noticed")

    def woke(self, planned_ns: int, now: Moment) -> None:
        """Checks, at a wake-up of the supervisor, that no silence is shown that ended more than a second ago."""
        if now.monotonic_ns - planned_ns > STALL_NS:
            self._able_ns = now.monotonic_ns
        over = {silence: None for silence in self._shown if silence.until_ns <= now.wall_ns}
        self._over = {silence: self._over.get(silence) or self._since(silence, now) for silence in over}
        self._looked = now
        for silence, since_ns in self._over.items():
            late_ns = now.monotonic_ns - max(since_ns, self._able_ns)
            if late_ns > NOTICED_WITHIN_NS and not self._missing:
                self._complain("L14", f"{silence.id} is in force {late_ns / NS_PER_S:g} s after its end")

    def _since(self, silence: Silence, now: Moment) -> int:
        """Returns the end of a silence; now, where the wall clock was set since the last check."""
        looked = self._looked
        stepped = looked is None or now.wall_ns - looked.wall_ns != now.since(looked)
        return now.monotonic_ns - (0 if stepped else now.wall_ns - silence.until_ns)
