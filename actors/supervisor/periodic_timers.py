"""The supervisor's timers: what each of them is for; and what it does by the clock for all targets and notices together."""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import assert_never

import msgspec

from ...domain import limits
from ...domain.supervision.restart import SupervisorPolicies
from ...domain.supervision.schedule import PendingAttempt, Scheduled
from ...domain.time.moment import NS_PER_S, Moment
from ...domain.time.timers import Timers
from ...protocol.owner import EndOrphans, FlushSamples
from ...protocol.recorder import CounterIncreased, HealthReported
from ...protocol.sink import Commit, ExpireSilences, ReopenStore, RunMaintenance
from ..ports import Neighbours


class Chore(Enum):
    """A timer of the timetable, of which there is one each."""

    COMMIT = "commit what was sampled"
    MAINTENANCE = "keep the store in order"
    FLUSH = "write what has gathered without haste"
    ORPHANS = "close what belongs to no target"
    SILENCES = "look whether a silence is over"
    REOPEN = "reopen the store"

    # A key of `Timers` is hashed several times a sample; the hash of an enumeration is computed in Python.
    __hash__ = object.__hash__


class DrainStep(Enum):
    """What comes when a drain takes its time."""

    CANCEL = "cancel what still runs"
    LEAVE = "end all the same"


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


TimerKey = (
    Scheduled
    | PendingAttempt
    | NoEvidence
    | DeliveryDeadline
    | DeliveryRetry
    | ChildRestart
    | Chore
    | DrainStep
)
"""A target's own tick, an attempt's own deadline, or a kind with what it concerns."""

MAINTENANCE_EVERY_NS = 60 * NS_PER_S
FLUSH_EVERY_NS = 5 * NS_PER_S
ORPHANS_AFTER_NS = 600 * NS_PER_S
"""How long a host has to track again what had an incident open when it went down."""


class PeriodicTimers:
    """Owned by the supervisor: arms the chores, and tells the others when one is due."""

    def __init__(
        self,
        timers: Timers[TimerKey],
        neighbours: Neighbours,
        policies: SupervisorPolicies,
        dice: Callable[[], float],
        newly_counted: Callable[[], Counter[str]],
    ) -> None:
        self._timers = timers
        self._to = neighbours
        self._reopen = policies.reopen
        self._dice = dice
        self._newly_counted = newly_counted
        self._reopenings = 0

    def begin(self, now: Moment) -> None:
        """Arm what is due in every run."""
        self._arm(Chore.MAINTENANCE, MAINTENANCE_EVERY_NS, now)
        self._arm(Chore.FLUSH, FLUSH_EVERY_NS, now)
        self._arm(Chore.ORPHANS, ORPHANS_AFTER_NS, now)

    def _arm(self, chore: Chore, in_ns: int, now: Moment) -> None:
        self._timers.arm(chore, now.monotonic_ns + in_ns)

    def commit_in_time(self, now: Moment) -> None:
        """Samples are durable within a quarter of a second of being taken; nothing is committed where nothing is."""
        if Chore.COMMIT not in self._timers:
            self._arm(Chore.COMMIT, limits.COMMIT_SAMPLES_NS, now)

    def check_silences_at(self, until_ns: int, now: Moment) -> None:
        """Arm the end of a silence. It lies on the wall clock, which may be set meanwhile: no wait is longer than a look."""
        self._arm(Chore.SILENCES, min(max(until_ns - now.wall_ns, 0), limits.SILENCE_LOOK_NS), now)

    def store_failed(self, detail: str, now: Moment) -> None:
        """The record cannot be written: the store is opened anew after a wait that grows."""
        self._reopenings += 1
        self._to.recorder.tell(HealthReported("store", detail))
        self._arm(Chore.REOPEN, self._reopen.wait_ns(self._reopenings, self._dice(), None), now)

    def store_recovered(self) -> None:
        """The record is written again."""
        self._reopenings = 0
        self._to.recorder.tell(HealthReported("store", ""))

    def do(self, chore: Chore, now: Moment) -> None:
        """The time of a chore has come."""
        match chore:
            case Chore.COMMIT:
                self._to.owner.tell(FlushSamples())
            case Chore.MAINTENANCE:
                self._arm(Chore.MAINTENANCE, MAINTENANCE_EVERY_NS, now)
                self._to.sink.tell(RunMaintenance())
            case Chore.FLUSH:
                self._flush(now)
            case Chore.ORPHANS:
                self._to.owner.tell(EndOrphans())
            case Chore.SILENCES:
                self._to.sink.tell(ExpireSilences())
            case Chore.REOPEN:
                self._to.sink.tell(ReopenStore())
            case _:
                assert_never(chore)

    def _flush(self, now: Moment) -> None:
        """Let what has gathered without haste be written, and tell the read model what was counted."""
        self._arm(Chore.FLUSH, FLUSH_EVERY_NS, now)
        self._to.sink.tell(Commit())
        for name, by in self._newly_counted().items():
            self._to.recorder.tell(CounterIncreased(name, by))
