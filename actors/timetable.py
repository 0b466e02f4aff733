"""What the supervisor does by the clock for everybody, apart from targets and notices: its keys and when they are due."""

from ..domain import limits
from ..domain.moment import NS_PER_S, Moment
from ..domain.timers import Timers
from .clockwork import TimerKey

COMMIT: TimerKey = ("commit",)
HOUSE: TimerKey = ("house",)
PULSE: TimerKey = ("pulse",)
ORPHANS: TimerKey = ("orphans",)
SILENCES: TimerKey = ("silences",)
HOUSE_EVERY_NS = 60 * NS_PER_S
PULSE_EVERY_NS = 5 * NS_PER_S
ORPHANS_AFTER_NS = 600 * NS_PER_S
"""How long a host has to track again what had an incident open when it went down."""


def begin(timers: Timers[TimerKey], now: Moment) -> None:
    """Arm what is due in every run."""
    timers.arm(HOUSE, now.monotonic_ns + HOUSE_EVERY_NS)
    timers.arm(PULSE, now.monotonic_ns + PULSE_EVERY_NS)
    timers.arm(ORPHANS, now.monotonic_ns + ORPHANS_AFTER_NS)


def look_at_silences(timers: Timers[TimerKey], until_ns: int, now: Moment) -> None:
    """Arm the end of a silence. It lies on the wall clock, which may be set meanwhile: nobody waits longer than a look."""
    left_ns = min(max(until_ns - now.wall_ns, 0), limits.SILENCE_LOOK_NS)
    timers.arm(SILENCES, now.monotonic_ns + left_ns)
