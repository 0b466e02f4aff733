"""The keys of the supervisor's timers, and the periodic chores that concern all targets and notices together."""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, assert_never

import msgspec

from ...domain import limits
from ...domain.supervision.restart import SupervisorPolicies
from ...domain.supervision.schedule import PendingAttempt, Scheduled
from ...domain.time.moment import NS_PER_S, Moment
from ...domain.time.timers import Timers
from ...protocol import supervisor as heard
from ...protocol.owner import EndOrphans, ExpireAcknowledgements, FlushSamples
from ...protocol.recorder import CounterIncreased, HandOverProblems, HealthReported, LoadSeen
from ...protocol.sink import (
    Commit,
    ContinueMaintenance,
    RenewTenure,
    ReopenStore,
    ReviewNotices,
    RunMaintenance,
)
from ..ports import Neighbours
from .poller_registry import Roster


class Chore(Enum):
    """A periodic or single timer for the whole runtime; each exists once."""

    COMMIT = "commit the samples"
    MAINTENANCE = "maintain the store"
    SLICE = "do the next slice of maintenance"
    FLUSH = "write the records that are not urgent"
    ORPHANS = "close incidents without a target"
    PROBLEMS = "tell the runtime's own problems"
    NOTICES = "review the notices that wait"
    ACKNOWLEDGEMENTS = "check for ended acknowledgements"
    REOPEN = "reopen the store"
    UNANSWERED = "report that the store does not answer"
    TENURE = "renew the lease of the store"
    PING = "begin the next round of the dead-man's ping"

    # A key of `Timers` is hashed several times for each sample, and Enum computes its hash in Python, which is slow.
    __hash__ = object.__hash__


class DrainStep(Enum):
    """A step of a drain whose attempts have not all ended."""

    CANCEL = "cancel the running attempts"
    LEAVE = "end with attempts still running"


class NoEvidence(msgspec.Struct, frozen=True):
    """The timer of a no_data rule: rings when a target had no evidence for too long."""

    target: str
    rule: str


class RunDeadline(msgspec.Struct, frozen=True):
    """The time by which the run of a job must have ended."""

    target: str


class DeliveryDeadline(msgspec.Struct, frozen=True):
    """The deadline of a courier for one notice."""

    channel: str
    key: str


class DeliveryRetry(msgspec.Struct, frozen=True):
    """The time of the next attempt to deliver a notice."""

    key: str


class ChildRestart(msgspec.Struct, frozen=True):
    """The time at which an ended actor is restarted."""

    child: str


TimerKey = (
    Scheduled
    | PendingAttempt
    | NoEvidence
    | RunDeadline
    | DeliveryDeadline
    | DeliveryRetry
    | ChildRestart
    | Chore
    | DrainStep
)
"""The key of a timer: a target for its tick, an attempt for its deadline, or a kind with the names it concerns."""


class SupervisorContext(NamedTuple):
    """The parts of the supervisor that its helpers share; made anew for each incarnation."""

    timers: Timers[TimerKey]
    to: Neighbours
    policies: SupervisorPolicies
    dice: Callable[[], float]
    roster: Roster
    discreet: Callable[[str], str]
    """Masks the known secrets in a foreign text."""
    is_outdated: Callable[[], bool] = bool
    """Whether a newer configuration is known to be elsewhere."""


UNANSWERED = (
    f"a call to the store has had no answer for {limits.STORE_ANSWER_NS // NS_PER_S} s:"
    " nothing is recorded and no new notice leaves until it answers"
)
_BESIDE_TICKS_NS = limits.SHARED_TICK_NS // 2
"""Commits of a grid come between the ticks of targets: threads that wait for the lock of the interpreter delay each other."""
ORPHANS_EVERY_NS = 60 * NS_PER_S
"""The time that a restarted host has to track targets with open incidents again, before these are closed.

Repeated, as a crash of the owner may have come before the record had the ends.
"""


class PeriodicTimers:
    """Arms the chores and sends the messages of those that are due. Owned by the supervisor."""

    def __init__(
        self,
        context: SupervisorContext,
        newly_counted: Callable[[], Counter[str]],
        take_load: Callable[[], LoadSeen],
    ) -> None:
        self._timers, self._to, self._dice = context.timers, context.to, context.dice
        self._reopen, self._flush_ns = context.policies.reopen, context.policies.flush_every_ns
        self._is_outdated = context.is_outdated
        self._commit_samples_ns = context.policies.commit_samples_ns
        self._commit_grid_ns = context.policies.commit_grid_ns
        self._newly_counted, self._take_load = newly_counted, take_load
        self._reopenings = 0
        self._is_unanswered = False
        self._wall_ns: dict[Chore, int] = {}
        """The wall times of the checks that were asked for."""
        self._offset_ns = 0
        """The difference between the two clocks by which they are armed."""

    def begin(self, now: Moment) -> None:
        """Arms the chores that every run has."""
        self._offset_ns = now.wall_ns - now.monotonic_ns
        self._arm(Chore.MAINTENANCE, limits.HOUSE_EVERY_NS, now)
        self._arm(Chore.FLUSH, self._flush_ns, now)
        self._arm(Chore.ORPHANS, ORPHANS_EVERY_NS, now)
        self._arm(Chore.PROBLEMS, limits.OWN_PROBLEMS_EVERY_NS, now)

    def end_orphans(self, now: Moment) -> None:
        """Lets incidents without a target end at once: no other target will be tracked."""
        self._arm(Chore.ORPHANS, 0, now)

    def _arm(self, chore: Chore, in_ns: int, now: Moment) -> None:
        self._timers.arm(chore, now.monotonic_ns + in_ns)

    def commit_in_time(self, now: Moment) -> None:
        """Arms the commit where it is not armed: a sample is durable soon, and no sample means no commit."""
        if Chore.COMMIT not in self._timers:
            until_ns = now.monotonic_ns + self._commit_samples_ns
            self._timers.arm(Chore.COMMIT, until_ns - (until_ns - _BESIDE_TICKS_NS) % self._commit_grid_ns)

    def asked(self, message: heard.OfRecord, now: Moment) -> None:
        """Sets the timer that the sink asks for: it owns the record, but no time."""
        match message:
            case heard.NoticeCheckRequested(until_ns):
                self._check_at(Chore.NOTICES, until_ns, now)
            case heard.AcknowledgementCheckRequested(until_ns):
                self._check_at(Chore.ACKNOWLEDGEMENTS, until_ns, now)
            case heard.StoreFailed(detail):
                self._store_failed(detail, now)
            case heard.StoreRecovered():
                self._store_recovered()
            case heard.StoreAsked():
                self._arm(Chore.UNANSWERED, limits.STORE_ANSWER_NS, now)
            case heard.StoreAnswered():
                self._store_answered()
            case heard.RenewalRequested():
                self._arm(Chore.TENURE, limits.TENURE_BEAT_NS, now)
            case heard.NextSliceRequested():
                # The pause leaves the sink to commits and deliveries for most of the time.
                self._arm(Chore.SLICE, limits.HOUSE_PAUSE_NS, now)
            case _:
                assert_never(message)

    def _check_at(self, chore: Chore, until_ns: int, now: Moment) -> None:
        """Arms the check for what ends at a wall time."""
        self._wall_ns[chore] = until_ns
        self._arm(chore, max(until_ns - now.wall_ns, 0), now)

    def follow_clock(self, now: Moment) -> None:
        """Arms the checks for wall times anew where the wall clock was set, or the machine slept, since the last wake-up.

        A wake-up comes at the latest with the next flush; a clock that is slewed is followed as soon as that makes a difference.
        """
        offset_ns = now.wall_ns - now.monotonic_ns
        if abs(offset_ns - self._offset_ns) < limits.CLOCK_DRIFT_NS:
            return
        self._offset_ns = offset_ns
        for chore, until_ns in self._wall_ns.items():
            if chore in self._timers:
                self._check_at(chore, until_ns, now)

    def _store_failed(self, detail: str, now: Moment) -> None:
        """Reports the store's problem and arms its reopening after a wait that grows with each failure."""
        self._reopenings += 1
        self._to.recorder.tell(HealthReported("store", detail))
        self._arm(Chore.REOPEN, self._reopen.wait_ns(self._reopenings, self._dice(), None), now)

    def _store_recovered(self) -> None:
        """Ends the store's problem and resets the wait."""
        self._reopenings = 0
        self._to.recorder.tell(HealthReported("store", ""))

    def _store_unanswered(self) -> None:
        """Reports a call that hangs: the sink, which has made it, cannot."""
        self._is_unanswered = True
        self._to.recorder.tell(HealthReported("store", UNANSWERED))

    def _store_answered(self) -> None:
        """Ends the problem of a call that hung; that of a store which waits to be reopened goes on."""
        self._timers.cancel(Chore.UNANSWERED)
        was_unanswered, self._is_unanswered = self._is_unanswered, False
        if was_unanswered and not self._reopenings:
            self._to.recorder.tell(HealthReported("store", ""))

    def do(self, chore: Chore, now: Moment) -> None:
        """Does a chore that is due."""
        match chore:
            case Chore.COMMIT:
                self._to.owner.tell(FlushSamples())
            case Chore.MAINTENANCE:
                self._arm(Chore.MAINTENANCE, limits.HOUSE_EVERY_NS, now)
                self._to.sink.tell(RunMaintenance())
            case Chore.SLICE:
                self._to.sink.tell(ContinueMaintenance())
            case Chore.FLUSH:
                self._flush(now)
            case Chore.ORPHANS:
                self._arm(Chore.ORPHANS, ORPHANS_EVERY_NS, now)
                if not self._is_outdated():
                    self._to.owner.tell(EndOrphans())
            case Chore.PROBLEMS:
                self._arm(Chore.PROBLEMS, limits.OWN_PROBLEMS_EVERY_NS, now)
                self._to.recorder.tell(HandOverProblems())
            case Chore.NOTICES:
                self._to.sink.tell(ReviewNotices())
            case Chore.ACKNOWLEDGEMENTS:
                self._to.owner.tell(ExpireAcknowledgements())
            case Chore.REOPEN:
                self._to.sink.tell(ReopenStore())
            case Chore.UNANSWERED:
                self._store_unanswered()
            case Chore.TENURE:
                self._to.sink.tell(RenewTenure())
            case Chore.PING:
                pass  # of the supervisor's own
            case _:
                assert_never(chore)

    def _flush(self, now: Moment) -> None:
        """Lets the sink commit records that are not urgent, and sends new counts and the load to the recorder."""
        self._arm(Chore.FLUSH, self._flush_ns, now)
        self._to.sink.tell(Commit())
        for name, by in self._newly_counted().items():
            self._to.recorder.tell(CounterIncreased(name, by))
        self._to.recorder.tell(self._take_load())
