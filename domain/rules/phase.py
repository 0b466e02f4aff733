"""The life of a rule on one target: inactive, pending, firing. Prometheus' state machine, as a table and one step."""

from enum import StrEnum

import msgspec

from ..time.moment import Moment
from .evaluation import Verdict


class Phase(StrEnum):
    """How far a rule has come on one target."""

    INACTIVE = "inactive"
    PENDING = "pending"
    """Broken, but not yet for long enough."""
    FIRING = "firing"


PHASE_MOVES: dict[Phase, tuple[Phase, ...]] = {
    Phase.INACTIVE: (Phase.INACTIVE, Phase.PENDING, Phase.FIRING),
    Phase.PENDING: (Phase.PENDING, Phase.FIRING, Phase.INACTIVE),
    Phase.FIRING: (Phase.FIRING, Phase.INACTIVE),
}


class Standing(msgspec.Struct, frozen=True, gc=False):
    """Where a rule stands: its phase, and the two clocks that run in it."""

    phase: Phase = Phase.INACTIVE
    active_at: Moment | None = None
    """When the rule was first found broken without a break since."""
    keep_since: Moment | None = None
    """When a firing rule was first found whole again."""


QUIET = Standing()


def step(standing: Standing, verdict: Verdict, at: Moment, *, for_ns: int, keep_ns: int) -> Standing:
    """Where a rule stands after a verdict at `at`.

    Bounds are as in Prometheus: it fires when `at - active_at >= for`, and goes on firing while
    `at - keep_since < keep`. One good verdict ends pending at once. An open incident is never made pending
    again by a longer `for`: what people were told stays true.
    """
    if verdict is Verdict.UNCHANGED:
        return standing
    if verdict is Verdict.BROKEN:
        return _broken(standing, at, for_ns)
    return _whole(standing, at, keep_ns)


def _broken(standing: Standing, at: Moment, for_ns: int) -> Standing:
    active_at = standing.active_at or at
    if standing.phase is Phase.FIRING or at.since(active_at) >= for_ns:
        return Standing(Phase.FIRING, active_at)
    return Standing(Phase.PENDING, active_at)


def _whole(standing: Standing, at: Moment, keep_ns: int) -> Standing:
    if standing.phase is not Phase.FIRING:
        return QUIET
    keep_since = standing.keep_since or at
    if at.since(keep_since) < keep_ns:
        return Standing(Phase.FIRING, standing.active_at, keep_since)
    return QUIET
