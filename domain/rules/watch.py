"""One rule on one target: its evaluator, phase and open incident, and the checkpoint that a restart resumes."""

import msgspec
from msgspec.structs import replace

from ..incidents.acknowledgement import outgrown
from ..incidents.incident import Incident, Transition, TransitionKind
from ..incidents.record import Checkpoint
from ..specification.rule import BurnRate, Consecutive, JudgedRule, KOfN, Nagios, RuleState, Severity
from ..time.duration import parse_duration
from ..time.moment import Moment
from .cause import Cause
from .evaluation import evaluator_of
from .evaluator import Evaluator
from .phase import IDLE, Phase, PhaseState


class RuleCheckpoint(msgspec.Struct, frozen=True, array_like=True):
    """The saved state of one rule. Clocks are saved as time elapsed at the last sample, not as monotonic readings.

    A monotonic reading means nothing after a reboot.
    """

    rule: str
    phase: Phase
    active_ns: int | None
    keep_firing_ns: int | None
    since_wall_ns: int | None
    counters: tuple[int, ...]


class RuleWatch:
    """A rule with its evaluator, phase and open incident. Owned by one aggregate, never shared."""

    __slots__ = ("evaluator", "for_ns", "incident", "keep_firing_ns", "phase_state", "rule")

    def __init__(self, rule: JudgedRule) -> None:
        self.evaluator: Evaluator = evaluator_of(rule)
        self.phase_state: PhaseState = IDLE
        self.incident: Incident | None = None
        self._keep(rule)

    def adopt(self, rule: JudgedRule, now: Moment) -> None:
        """Applies a new specification of the same rule: counts that stay valid go on."""
        if measures_otherwise(self.rule, rule):
            former, self.evaluator = self.evaluator, evaluator_of(rule)
            if counts_alike(self.rule, rule):
                self.evaluator.resume_saved(former.saved(now), former.since(), now)
            else:
                self.evaluator.resume(self.evaluator.counters(), former.since())
        self._keep(rule)

    def _keep(self, rule: JudgedRule) -> None:
        self.rule = rule
        self.for_ns = parse_duration(rule.for_)
        self.keep_firing_ns = parse_duration(rule.keep_firing_for)

    def follow(self, found: str) -> None:
        """Notes what was found last for the open incident, if there is one."""
        if self.incident is not None and self.incident.latest != found:
            self.incident = replace(self.incident, latest=found)

    @property
    def firing(self) -> bool:
        return self.phase_state.phase is Phase.FIRING

    @property
    def severity(self) -> Severity:
        """The severity that its incident has by the newest sample."""
        return self.evaluator.severity(self.rule.severity)

    @property
    def has_other_severity(self) -> bool:
        """Whether the newest sample gives its open incident another severity."""
        return self.incident is not None and self.severity is not self.incident.severity


def measures_otherwise(old: JudgedRule, new: JudgedRule) -> bool:
    """Whether the evaluator must be replaced: the rules differ in kind, or in more than id, state, clocks and severity."""
    kept = ("id", "severity", "state", "for_", "keep_firing_for")
    same = {name: getattr(old, name) for name in kept}
    return msgspec.structs.replace(new, **same) != old


def counts_alike(old: JudgedRule, new: JudgedRule) -> bool:
    """Whether counters of the old rule stay valid under the new one: both count the same samples as bad."""
    match old, new:
        case (Consecutive(on=before), Consecutive(on=after)) | (KOfN(on=before), KOfN(on=after)):
            return before == after
        case _:
            return type(old) is type(new) and isinstance(old, Nagios | BurnRate)


def is_idle(watch: RuleWatch) -> bool:
    """Whether the rule has no state that a restart would lose."""
    return (
        watch.phase_state is IDLE and not any(watch.evaluator.counters()) and watch.evaluator.since() is None
    )


def saved_of(watch: RuleWatch, at: Moment) -> RuleCheckpoint:
    """Returns the checkpoint of a rule at the moment of the last sample, `at`."""
    phase_state, since = watch.phase_state, watch.evaluator.since()
    # A firing rule does not use active_at; without it the bytes stay equal while nothing changes.
    pending = phase_state.active_at if phase_state.phase is Phase.PENDING else None
    return RuleCheckpoint(
        watch.rule.id,
        phase_state.phase,
        at.since(pending) if pending else None,
        at.since(phase_state.keep_since) if phase_state.keep_since else None,
        since.wall_ns if since else None,
        watch.evaluator.saved(at),
    )


def resume(watch: RuleWatch, saved: RuleCheckpoint, now: Moment) -> None:
    """Resumes the clocks as they were at the last sample; time without a running process counts for none of them."""
    since = Moment(now.monotonic_ns, saved.since_wall_ns) if saved.since_wall_ns is not None else None
    if watch.evaluator.fits(saved.counters):
        watch.evaluator.resume_saved(saved.counters, since, now)
    if saved.phase is not Phase.INACTIVE:
        watch.phase_state = PhaseState(
            saved.phase,
            _ago(saved.active_ns, now),
            _ago(saved.keep_firing_ns, now),
        )


OF_TARGET = ""
"""Stands for the target itself among its rules, which have ids: since when it is up. Earlier versions leave it aside."""


def saved_up(since_ns: int) -> RuleCheckpoint:
    """Returns the part of a checkpoint that says since when the target is up."""
    return RuleCheckpoint(OF_TARGET, Phase.INACTIVE, None, None, since_ns, ())


_RULES = msgspec.msgpack.Decoder(list[RuleCheckpoint])
"""Made once: a status of 100,000 targets decodes as many checkpoints, and a decoder takes several times as long to make as to use."""


def rules_of(state: bytes) -> list[RuleCheckpoint]:
    """Returns the rules of a checkpoint. Raises: msgspec.DecodeError of bytes that are none."""
    return _RULES.decode(state) if state else []


def up_since_ns(checkpoint: Checkpoint) -> int | None:
    """Returns since when the target of a checkpoint is up; None where it is not, or the checkpoint is of another form."""
    try:
        rules = rules_of(checkpoint.state)
    except msgspec.DecodeError:
        return None
    return next((each.since_wall_ns for each in rules if each.rule == OF_TARGET), None)


def is_readable(checkpoint: Checkpoint) -> bool:
    """Whether a restart can go on from a checkpoint: one of another version, or of a defect, may be of another form."""
    try:
        rules_of(checkpoint.state)
    except msgspec.DecodeError:
        return False
    return True


def reconfigured(incident: Incident, watch: RuleWatch, now: Moment, notify: tuple[str, ...]) -> Transition:
    """Returns the step of an open incident whose rule has another severity or state now."""
    rule, severity = watch.rule, watch.severity
    cause = Cause("reconfigured", f"the rule is now {rule.state.value} with severity {severity.value}")
    return restated(incident, watch, cause, now, notify)


def restated(
    incident: Incident, watch: RuleWatch, cause: Cause, now: Moment, notify: tuple[str, ...]
) -> Transition:
    """Returns the step of an open incident to the present severity and state of its rule.

    A rise of the severity ends an acknowledgement that holds until then.
    """
    ended = outgrown(incident, watch.severity)
    of = f"; the acknowledgement of {incident.acknowledged_by} has ended by it" if ended else ""
    return Transition.after(
        incident,
        TransitionKind.CHANGED,
        now.wall_ns,
        severity=watch.severity,
        draft=watch.rule.state is RuleState.DRAFT,
        reason=cause.reason,
        explanation=f"{cause.explanation}{of}",
        notify=notify,
        **ended,
    )


def _ago(length_ns: int | None, now: Moment) -> Moment | None:
    return None if length_ns is None else now.shifted(-length_ns)
