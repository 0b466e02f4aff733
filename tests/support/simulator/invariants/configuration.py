"""Invariants of configuration: what runs is one whole generation, and a new one neither loses nor re-opens anything."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.incidents.incident import Transition, TransitionKind
from watchkeeper.domain.observation.attempt import ProbeRequest
from watchkeeper.domain.observation.outcome import Reason
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.rule import RuleState
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import Moment
from watchkeeper.protocol.owner import SamplesMissing

from .violation import Happened

KEPT = 8


class Heard(NamedTuple):
    """A specification, and when by the monotonic hand the supervisor heard of it."""

    at_ns: int
    target: Target


class ConfigurationRules:
    """S30: every attempt is of one specification, and only what was taken away ends for having been taken away.

    S36: nobody waits for a paused target.
    """

    def __init__(self, complain: Complain, happened: Happened) -> None:
        self._complain = complain
        self._happened = happened
        self._heard: dict[str, deque[Heard]] = {}
        self._gone: dict[str, None] = {}
        self._retired: dict[tuple[str, str], None] = {}
        self._rules: dict[tuple[str, str], None] = {}
        self._paused: dict[str, int] = {}
        """Since when by the monotonic hand; one that a supervisor crashed over counts from when it is heard again."""
        self.newest: dict[str, ProbeRequest] = {}
        """Per target, its newest attempt."""

    def process_began(self, roster: Iterable[Target], now: Moment) -> None:
        """Another process runs what the host asks for now; what it does not ask for is gone."""
        before, self._heard = self._heard, {}
        self._paused = {}
        for target in roster:
            self.tracked(target, now)
        self._gone |= {name: None for name in before if name not in self._heard}

    def tracked(self, target: Target, now: Moment) -> None:
        """The supervisor hears of a specification."""
        if target.paused:
            self.paused(target.id, now)
        else:
            self.resumed(target.id)
        heard = self._heard.setdefault(target.id, deque(maxlen=KEPT))
        heard.append(Heard(now.monotonic_ns, target))
        active = {rule.id for rule in target.rules if rule.state is not RuleState.RETIRED}
        for name, rule in list(self._rules):
            if name == target.id and rule not in active:
                self._retired[name, rule] = None
        self._rules |= {(target.id, rule): None for rule in active}

    def untracked(self, target: str) -> None:
        """The supervisor hears that nobody watches it any more."""
        self._gone[target] = None
        self.resumed(target)

    def paused(self, target: str, now: Moment) -> None:
        self._paused.setdefault(target, now.monotonic_ns)

    def resumed(self, target: str) -> None:
        self._paused.pop(target, None)

    def supervisor_began(self) -> None:
        """The one before may have crashed over a pause."""
        self._paused = {}

    def missing(self, message: SamplesMissing) -> None:
        """The owner is to judge the silence of a target."""
        paused_ns = self._paused.get(message.target)
        if paused_ns is not None and paused_ns < message.since.monotonic_ns:
            self._complain("S36", f"{message.target} is paused, and its silence is judged")

    def judging(self, sample: Sample) -> None:
        """Somebody is judged: not by a heartbeat that was due while nobody was to wait for it."""
        paused_ns = self._paused.get(sample.target)
        missed = sample.reason is Reason.HEARTBEAT_MISSED
        if missed and paused_ns is not None and paused_ns < sample.at.monotonic_ns:
            self._complain("S36", f"{sample.target} is paused, and its heartbeat is missed")

    def probing(self, request: ProbeRequest) -> None:
        """An attempt starts: its probe and its deadline are of one and the same specification, and of one that held."""
        self.newest[request.attempt.target] = request
        started_ns = request.started.monotonic_ns
        left_ns = request.deadline.monotonic_ns - started_ns
        heard = self._heard.get(request.attempt.target, ())
        known = [spec.target for spec in heard if spec.at_ns <= started_ns]
        if not any(spec.probe == request.probe and left_ns <= spec.timeout_ns for spec in known[-2:]):
            self._complain("S30", f"{request} mixes what was configured: {known[-2:]}")

    def committed(self, transitions: Iterable[Transition]) -> None:
        """Nothing is lost by a reload: what ends by decree was taken away."""
        for step in transitions:
            if step.change is not TransitionKind.RESOLVED:
                continue
            if step.reason == "removed" and step.target not in self._gone:
                self._complain("S30", f"{step.target} was never taken away, and its incident ends for that")
            if step.reason == "retired" and (step.target, step.rule) not in self._retired:
                self._complain("S30", f"{step.target}/{step.rule} was never retired, and ends for that")
            if step.reason in {"removed", "retired"}:
                self._happened(f"ended by decree: {step.reason}")
