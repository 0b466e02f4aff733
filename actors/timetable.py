"""The supervisor's timers: what each of them is for, and when those are due that belong to no target and no notice."""

from enum import Enum

import msgspec

from ..domain import limits
from ..domain.moment import NS_PER_S, Moment
from ..domain.schedule import Flight, Scheduled
from ..domain.timers import Timers


class Chore(Enum):
    """A timer of which there is one."""

    COMMIT = "commit what was sampled"
    HOUSE = "keep the store in order"
    PULSE = "write what has gathered without haste"
    ORPHANS = "close what belongs to no target"
    SILENCES = "look whether a silence is over"
    REOPEN = "reopen the store"
    CANCEL = "cancel what still runs in a drain"
    LEAVE = "end a drain"

    # A key of `Timers` is hashed several times a sample; the hash of an enumeration is computed in Python.
    __hash__ = object.__hash__


class NoEvidence(msgspec.Struct, frozen=True):
    """How long a rule lets a target be silent."""

    target: str
    rule: str


class DeliveryDeadline(msgspec.Struct, frozen=True):
    """How long a courier has for a notice."""

    channel: str
    key: str


class DeliveryRetry(msgspec.Struct, frozen=True):
    """When a notice may be tried again."""

    key: str


class ChildRestart(msgspec.Struct, frozen=True):
    """When an actor that ended is started again."""

    child: str


TimerKey = Scheduled | Flight | NoEvidence | DeliveryDeadline | DeliveryRetry | ChildRestart | Chore
"""A target's own tick, an attempt's own deadline, or a kind with what it concerns."""

HOUSE_EVERY_NS = 60 * NS_PER_S
PULSE_EVERY_NS = 5 * NS_PER_S
ORPHANS_AFTER_NS = 600 * NS_PER_S
"""How long a host has to track again what had an incident open when it went down."""


def begin(timers: Timers[TimerKey], now: Moment) -> None:
    """Arm what is due in every run."""
    timers.arm(Chore.HOUSE, now.monotonic_ns + HOUSE_EVERY_NS)
    timers.arm(Chore.PULSE, now.monotonic_ns + PULSE_EVERY_NS)
    timers.arm(Chore.ORPHANS, now.monotonic_ns + ORPHANS_AFTER_NS)


def look_at_silences(timers: Timers[TimerKey], until_ns: int, now: Moment) -> None:
    """Arm the end of a silence. It lies on the wall clock, which may be set meanwhile: no wait is longer than a look."""
    left_ns = min(max(until_ns - now.wall_ns, 0), limits.SILENCE_LOOK_NS)
    timers.arm(Chore.SILENCES, now.monotonic_ns + left_ns)
