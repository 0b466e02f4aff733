"""Attempts: numbered runs of a probe with a deadline, and all their states."""

from enum import StrEnum

import msgspec

from ..public_value import PublicValue
from ..specification.probes.kinds import Probe
from ..time.moment import Deadline, Moment
from ..units import NS_PER_MS


class AttemptState(StrEnum):
    """The state of an attempt. A cancel is a transition of the table below, never an exception."""

    QUEUED = "queued"
    """Due, and waits for admission."""
    RUNNING = "running"
    FINISHED = "finished"
    """The probe answered in time, with any result."""
    TIMED_OUT = "timed_out"
    """The deadline passed while it ran; a later answer is refused."""
    EXPIRED = "expired"
    """The deadline passed before it was admitted: it never ran."""
    CANCELLED_BEFORE_START = "cancelled_before_start"
    CANCELLED_WITHOUT_EFFECT = "cancelled_without_effect"
    """It was stopped, and nothing of it continues."""
    COMPLETED_ANYWAY = "completed_anyway"
    """The cancel came after the answer."""
    CANCEL_UNKNOWN = "cancel_unknown"
    """It was asked to stop and may run on: a thread cannot be killed."""
    LOST = "lost"
    """Its poller crashed."""


ATTEMPT_TRANSITIONS: dict[AttemptState, tuple[AttemptState, ...]] = {
    AttemptState.QUEUED: (AttemptState.RUNNING, AttemptState.EXPIRED, AttemptState.CANCELLED_BEFORE_START),
    AttemptState.RUNNING: (
        AttemptState.FINISHED,
        AttemptState.TIMED_OUT,
        AttemptState.CANCELLED_WITHOUT_EFFECT,
        AttemptState.COMPLETED_ANYWAY,
        AttemptState.CANCEL_UNKNOWN,
        AttemptState.LOST,
    ),
    AttemptState.FINISHED: (),
    AttemptState.TIMED_OUT: (),
    AttemptState.EXPIRED: (),
    AttemptState.CANCELLED_BEFORE_START: (),
    AttemptState.CANCELLED_WITHOUT_EFFECT: (),
    AttemptState.COMPLETED_ANYWAY: (),
    AttemptState.CANCEL_UNKNOWN: (),
    AttemptState.LOST: (),
}


class CancelOutcome(StrEnum):
    """The answer of a probe or a channel to a cancel."""

    WITHOUT_EFFECT = "without_effect"
    COMPLETED_ANYWAY = "completed_anyway"
    UNKNOWN = "unknown"


CANCELLED_STATES: dict[CancelOutcome, AttemptState] = {
    CancelOutcome.WITHOUT_EFFECT: AttemptState.CANCELLED_WITHOUT_EFFECT,
    CancelOutcome.COMPLETED_ANYWAY: AttemptState.COMPLETED_ANYWAY,
    CancelOutcome.UNKNOWN: AttemptState.CANCEL_UNKNOWN,
}


class AttemptId(msgspec.Struct, frozen=True, gc=False):
    """The identity of an attempt; a late or stale answer carries an old one and is refused by it."""

    target: str
    epoch: int
    """The poller's incarnation."""
    number: int


class ProbeRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The request to a probe driver."""

    attempt: AttemptId
    probe: Probe
    deadline: Deadline
    """Limits everything: name look-up, connecting, redirects, reading. No driver has a deadline of its own."""
    started: Moment
    max_age_ns: int = 0
    """The maximum age of an equal probe's result that may answer this one; 0: the probe runs for this attempt alone."""


class AttemptRecord(PublicValue, frozen=True, kw_only=True, gc=False):
    """One attempt, for inspection."""

    attempt: AttemptId
    state: AttemptState
    due: Moment
    started: Moment | None = None
    ended: Moment | None = None
    lateness_ns: int
    """The time from due to started."""
    missed: int
    """Ticks of the grid that passed without an attempt just before this one."""
    outcome: str = ""

    @property
    def lateness_ms(self) -> float:
        return self.lateness_ns / NS_PER_MS
