"""Attempts: numbered runs of a probe with a deadline, and every state one can be in."""

from enum import StrEnum

import msgspec

from ..specification.probe import Probe
from ..time.moment import Deadline, Moment


class AttemptState(StrEnum):
    """Where an attempt is, or how it ended. Cancelling is a move in this table, never an exception."""

    QUEUED = "queued"
    """Due, waiting to be admitted."""
    RUNNING = "running"
    FINISHED = "finished"
    """The probe answered in time, whatever it answered."""
    TIMED_OUT = "timed_out"
    """The deadline passed while it ran; what it may still answer is refused."""
    EXPIRED = "expired"
    """The deadline passed before it was admitted: it never ran."""
    CANCELLED_BEFORE_START = "cancelled_before_start"
    CANCELLED_WITHOUT_EFFECT = "cancelled_without_effect"
    """It was stopped and nothing of it goes on."""
    COMPLETED_ANYWAY = "completed_anyway"
    """The cancel came too late: the answer had been given."""
    CANCEL_UNKNOWN = "cancel_unknown"
    """It was asked to stop and may go on: a thread cannot be killed."""
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
    """What a probe or a channel says when it is asked to stop."""

    WITHOUT_EFFECT = "without_effect"
    COMPLETED_ANYWAY = "completed_anyway"
    UNKNOWN = "unknown"


CANCELLED_STATES: dict[CancelOutcome, AttemptState] = {
    CancelOutcome.WITHOUT_EFFECT: AttemptState.CANCELLED_WITHOUT_EFFECT,
    CancelOutcome.COMPLETED_ANYWAY: AttemptState.COMPLETED_ANYWAY,
    CancelOutcome.UNKNOWN: AttemptState.CANCEL_UNKNOWN,
}


class AttemptId(msgspec.Struct, frozen=True, gc=False):
    """Which attempt is meant: a late or stale answer carries an old one and is refused by it."""

    target: str
    epoch: int
    """The poller's incarnation."""
    number: int


class ProbeRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a probe driver is asked to do."""

    attempt: AttemptId
    probe: Probe
    deadline: Deadline
    """The end of everything: name look-up, connecting, redirects, reading. No driver sets a clock of its own."""
    started: Moment
    max_age_ns: int = 0
    """How old a result of an equal probe may be to answer this one; 0: it is run for this attempt alone."""


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt as anybody may inspect it."""

    attempt: AttemptId
    state: AttemptState
    due: Moment
    started: Moment | None = None
    ended: Moment | None = None
    lateness_ns: int = 0
    """From due to started."""
    missed: int = 0
    """Ticks of the grid that passed unserved just before this one."""
    outcome: str = ""
