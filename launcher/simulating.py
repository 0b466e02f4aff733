"""Messages of `simulate`: its progress, and a summary of the result."""

from collections.abc import Callable

from ..actors.ports import Clock
from ..domain.time.moment import NS_PER_S
from ..testing.simulation.configured import Foreseen
from .plural import count_of

HOUR_NS = 3_600 * NS_PER_S
SAID_EVERY_NS = 3 * NS_PER_S


class Progress:
    """Reports every SAID_EVERY_NS how much simulated time has passed."""

    def __init__(self, clock: Clock, whole_ns: float, say: Callable[[str], None]) -> None:
        self._clock = clock
        self._whole_ns = whole_ns
        self._say = say
        self._said_ns = clock.read().monotonic_ns

    def passed(self, simulated_ns: int) -> None:
        """Notes the simulated time so far, and reports it where a report is due."""
        now_ns = self._clock.read().monotonic_ns
        if now_ns - self._said_ns >= SAID_EVERY_NS:
            self._said_ns = now_ns
            self._say(f"{simulated_ns / HOUR_NS:.1f} of {self._whole_ns / HOUR_NS:.1f} hours are simulated")


def in_plain_words(foreseen: Foreseen) -> str:
    """Returns the result in one sentence."""
    hours = f"{foreseen.result.simulated_ns / HOUR_NS:.1f} simulated hours"
    violations = foreseen.result.violations
    if violations:
        return (
            f"After {hours} watchkeeper violated an invariant of its own ({violations[0].invariant}): that is a "
            "defect of watchkeeper, not of your configuration; please report it with the configuration and the seed."
        )
    still_open = sum(incident.resolved_at_ns is None for incident in foreseen.incidents)
    notices = sum(len(told) for told in foreseen.notices.values())
    return (
        f"In {hours} there would be {count_of(len(foreseen.incidents), 'incident')}, {still_open} still open at the end, "
        f"and {count_of(notices, 'notice')}; watchkeeper kept all its invariants."
    )
