"""Causes: why an incident opens, changes or ends, and the step that ends one."""

import msgspec

from .. import limits
from ..incidents.incident import RECOVERED, Incident, Transition, TransitionKind
from ..observation.outcome import GOOD
from ..time.moment import Moment


class Cause(msgspec.Struct, frozen=True):
    """The cause of a transition: a reason for programs and a line for people."""

    reason: str
    explanation: str

    def led_by(self, counted: str) -> "Cause":
        """Returns the same with what a rule has counted before it."""
        return Cause(self.reason, f"{counted}: {self.explanation}"[: limits.EXPLANATION_CHARACTERS_MAX])


SILENCE_IS_BAD = Cause("no_data", "no sample for too long")
SILENCE_IS_FINE = Cause("no_data", "the rule counts missing samples as ok")
RETIRED = Cause("retired", "the rule was retired")
REMOVED = Cause("removed", "the target is no longer watched")


def end_of(
    incident: Incident,
    cause: Cause,
    now: Moment,
    *,
    at: Moment | None = None,
    evidence: tuple[int, ...] = (),
    notify: tuple[str, ...] = (),
) -> Transition:
    """Returns the end of an incident at `at` (None: now); without `notify` its channels stay."""
    return Transition.after(
        incident,
        TransitionKind.RESOLVED,
        now.wall_ns,
        reason=RECOVERED if cause.reason in GOOD else cause.reason,
        explanation=cause.explanation,
        # The wall clock may have gone back since the opening; an incident never ends before it began.
        resolved_at_ns=max((at or now).wall_ns, incident.acknowledged_at_ns or incident.opened_at_ns),
        evidence=evidence,
        notify=notify or incident.notify,
    )
