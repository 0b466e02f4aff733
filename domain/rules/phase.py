"""The phases of a rule on one target: inactive, pending, firing. Prometheus' state machine, as a table and one step."""

from enum import StrEnum

import msgspec

from ..time.moment import Moment
from .evaluator import Verdict


class Phase(StrEnum):
    """The phase of a rule on one target."""

    INACTIVE = "inactive"
    PENDING = "pending"
    """Violated, but not yet for long enough."""
    FIRING = "firing"


PHASE_TRANSITIONS: dict[Phase, tuple[Phase, ...]] = {
    Phase.INACTIVE: (Phase.INACTIVE, Phase.PENDING, Phase.FIRING),
    Phase.PENDING: (Phase.PENDING, Phase.FIRING, Phase.INACTIVE),
    Phase.FIRING: (Phase.FIRING, Phase.INACTIVE),
}


class PhaseState(msgspec.Struct, frozen=True, gc=False):
    """The phase of a rule, and the two clocks that run in it."""

    phase: Phase = Phase.INACTIVE
    active_at: Moment | None = None
    """The first moment of the present uninterrupted violation."""
    keep_since: Moment | None = None
    """The first moment at which a firing rule was ok again."""


IDLE = PhaseState()


def next_state(
    state: PhaseState, verdict: Verdict, at: Moment, *, for_ns: int, keep_firing_ns: int
) -> PhaseState:
    """Returns the state of a rule after a verdict at `at`.

    Bounds are as in Prometheus: it fires when `at - active_at >= for`, and goes on firing while
    `at - keep_since < keep`. One good verdict ends pending at once. A longer `for` never makes an open incident pending
    again, because channels have been notified of it.
    """
    if verdict is Verdict.UNCHANGED:
        return state
    if verdict is Verdict.VIOLATED:
        active_at = state.active_at or at
        if state.phase is Phase.FIRING or at.since(active_at) >= for_ns:
            return PhaseState(Phase.FIRING, active_at)
        return PhaseState(Phase.PENDING, active_at)
    if state.phase is not Phase.FIRING:
        return IDLE
    keep_since = state.keep_since or at
    if at.since(keep_since) < keep_firing_ns:
        return PhaseState(Phase.FIRING, state.active_at, keep_since)
    return IDLE
