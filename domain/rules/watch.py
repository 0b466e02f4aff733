"""One rule on one target: its evaluator, phase and open incident, and the checkpoint that a restart resumes."""

import msgspec
from msgspec.structs import replace

from ..incidents.acknowledgement import outgrown
from ..incidents.incident import Incident, Transition, TransitionKind
from ..incidents.record import Checkpoint
from ..specification.rule import Consecutive, Rule, RuleState
from ..time.duration import parse_duration
from ..time.moment import Moment
from .evaluation import Evaluator, evaluator_of
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

    def __init__(self, rule: Rule) -> None:
        self.adopt(rule)
        self.evaluator: Evaluator = evaluator_of(rule)
        self.phase_state: PhaseState = IDLE
        self.incident: Incident | None = None

    def adopt(self, rule: Rule) -> None:
        """Applies a new specification of the same rule."""
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


def measures_otherwise(old: Rule, new: Rule) -> bool:
    """Whether the evaluator must be replaced: the rules differ in kind, or in more than id, state, clocks and severity."""
    kept = ("id", "severity", "state", "for_", "keep_firing_for")
    same = {name: getattr(old, name) for name in kept}
    return msgspec.structs.replace(new, **same) != old


def counts_alike(old: Rule, new: Rule) -> bool:
    """Whether counters of the old rule stay valid under the new one: both count the same samples as bad."""
    return type(old) is Consecutive and type(new) is Consecutive and old.on == new.on


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
        watch.evaluator.counters(),
    )


def resume(watch: RuleWatch, saved: RuleCheckpoint, now: Moment) -> None:
    """Resumes the clocks as they were at the last sample; time without a running process counts for none of them."""
    since = Moment(now.monotonic_ns, saved.since_wall_ns) if saved.since_wall_ns is not None else None
    if len(saved.counters) == len(watch.evaluator.counters()):
        watch.evaluator.resume(saved.counters, since)
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


def rules_of(state: bytes) -> list[RuleCheckpoint]:
    """Returns the rules of a checkpoint. Raises: msgspec.DecodeError of bytes that are none."""
    return msgspec.msgpack.decode(state, type=list[RuleCheckpoint]) if state else []


def is_readable(checkpoint: Checkpoint) -> bool:
    """Whether a restart can go on from a checkpoint: one of another version, or of a defect, may be of another form."""
    try:
        rules_of(checkpoint.state)
    except msgspec.DecodeError:
        return False
    return True


def reconfigured(incident: Incident, rule: Rule, now: Moment, notify: tuple[str, ...]) -> Transition:
    """Returns the step of an open incident whose rule has another severity or state now.

    A rise of the severity ends an acknowledgement that holds until then.
    """
    ended = outgrown(incident, rule.severity)
    of = f"; the acknowledgement of {incident.acknowledged_by} has ended by it" if ended else ""
    return Transition.after(
        incident,
        TransitionKind.CHANGED,
        now.wall_ns,
        severity=rule.severity,
        draft=rule.state is RuleState.DRAFT,
        reason="reconfigured",
        explanation=f"the rule is now {rule.state.value} with severity {rule.severity.value}{of}",
        notify=notify,
        **ended,
    )


def _ago(length_ns: int | None, now: Moment) -> Moment | None:
    return None if length_ns is None else now.shifted(-length_ns)
