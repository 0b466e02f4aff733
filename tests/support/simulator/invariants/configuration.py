"""Invariants of configuration: each attempt is of one specification, and a new one neither loses nor re-opens anything."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.incidents.incident import Transition, TransitionKind
from watchkeeper.domain.observation.attempt import ProbeRequest
from watchkeeper.domain.observation.outcome import SILENCES
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.rule import RuleState
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import Moment
from watchkeeper.protocol.owner import SamplesMissing

from .violation import Happened

KEPT = 8
"""An attempt is compared with the two specifications before its start; later ones may have arrived since."""


class Heard(NamedTuple):
    """A specification, and the monotonic time at which the supervisor received it."""

    at_ns: int
    target: Target


class ConfigurationRules:
    """S30: every attempt is of one specification, and an incident ends as removed only where its target was removed.

    S36: a paused target is never judged by its silence.
    """

    def __init__(self, complain: Complain, happened: Happened) -> None:
        self._complain = complain
        self._happened = happened
        self._heard: dict[str, deque[Heard]] = {}
        self._gone: dict[str, None] = {}
        self._retired: dict[tuple[str, str], None] = {}
        self._rules: dict[tuple[str, str], None] = {}
        self._paused: dict[str, int] = {}
        """The monotonic time of each pause; a pause that crashed the supervisor counts from its repetition."""
        self.newest: dict[str, ProbeRequest] = {}
        """Per target, its newest attempt."""

    def process_began(self, roster: Iterable[Target], now: Moment) -> None:
        """A new process runs the present roster; targets outside it are removed."""
        before, self._heard = self._heard, {}
        self._paused = {}
        for target in roster:
            self.tracked(target, now)
        self._gone |= {name: None for name in before if name not in self._heard}

    def tracked(self, target: Target, now: Moment) -> None:
        """The supervisor receives a specification."""
        if target.paused:
            self.paused(target.id, now)
        else:
            self.resumed(target.id)
        heard = self._heard.setdefault(target.id, deque(maxlen=KEPT))
        heard.append(Heard(now.monotonic_ns, target))
        active = {rule.id for rule in target.judged_rules if rule.state is not RuleState.RETIRED}
        for name, rule in list(self._rules):
            if name == target.id and rule not in active:
                self._retired[name, rule] = None
        self._rules |= {(target.id, rule): None for rule in active}

    def untracked(self, target: str) -> None:
        """The supervisor untracks a target."""
        self._gone[target] = None
        self.resumed(target)

    def paused(self, target: str, now: Moment) -> None:
        self._paused.setdefault(target, now.monotonic_ns)

    def resumed(self, target: str) -> None:
        self._paused.pop(target, None)

    def supervisor_began(self) -> None:
        """The previous incarnation may have crashed on a pause."""
        self._paused = {}

    def missing(self, message: SamplesMissing) -> None:
        """Checks a lack of samples that the owner is to judge."""
        paused_ns = self._paused.get(message.target)
        if paused_ns is not None and paused_ns < message.since.monotonic_ns:
            self._complain("S36", f"{message.target} is paused, and its silence is judged")

    def judging(self, sample: Sample) -> None:
        """Checks a missed heartbeat: it must not have been due while its target was paused."""
        paused_ns = self._paused.get(sample.target)
        missed = sample.reason in SILENCES
        if missed and paused_ns is not None and paused_ns < sample.at.monotonic_ns:
            self._complain("S36", f"{sample.target} is paused, and its heartbeat is missed")

    def probing(self, request: ProbeRequest) -> None:
        """Checks an attempt at its start: probe and deadline are of the same specification, which was in force."""
        self.newest[request.attempt.target] = request
        started_ns = request.started.monotonic_ns
        left_ns = request.deadline.monotonic_ns - started_ns
        heard = self._heard.get(request.attempt.target, ())
        known = [spec.target for spec in heard if spec.at_ns <= started_ns]
        if not any(spec.probe == request.probe and left_ns <= spec.timeout_ns for spec in known[-2:]):
            self._complain("S30", f"{request} mixes specifications: {known[-2:]}")

    def committed(self, transitions: Iterable[Transition]) -> None:
        """Checks that an incident ends by decree only where its target or its rule was removed."""
        for step in transitions:
            if step.change is not TransitionKind.RESOLVED:
                continue
            if step.reason == "removed" and step.target not in self._gone:
                self._complain("S30", f"{step.target} was never removed, and its incident ends as removed")
            if step.reason == "retired" and (step.target, step.rule) not in self._retired:
                self._complain("S30", f"{step.target}/{step.rule} was never retired, and ends as retired")
            if step.reason in {"removed", "retired"}:
                self._happened(f"ended by decree: {step.reason}")
