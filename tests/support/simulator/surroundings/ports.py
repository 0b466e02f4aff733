"""The ports of one simulated process: its probe driver and its messengers, with their mishaps."""

from collections.abc import Callable, Mapping
from typing import Protocol

from watchkeeper.domain.incidents.notice import Answer, Notice
from watchkeeper.domain.observation.attempt import CancelOutcome, ProbeRequest
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline
from watchkeeper.domain.time.timers import CallAt, Timer
from watchkeeper.testing.clock import ManualClock
from watchkeeper.testing.expectations import ScriptedExpectations
from watchkeeper.testing.fakes import answer_to
from watchkeeper.testing.script import Script

from ..cases.faults import Fault
from .aim import Aim
from .hub import Hub
from .micro_faults import InjectedCrash, Site
from .mishaps import Mishaps
from .receiver import Receiver

PROBE_FAULTS = (
    Fault.PROBE_LATENCY,
    Fault.PROBE_HANG,
    Fault.PROBE_RAISES,
    Fault.PROBE_LATE,
    Fault.PROBE_UNSTOPPABLE,
)
CHANNEL_FAULTS = (Fault.CHANNEL_RAISES, Fault.CHANNEL_LATE)
POISONS = (Fault.PROBE_HANG, Fault.PROBE_RAISES)
UNRENDERABLE = "a notice that cannot be rendered"
LATE_NS = 40 * NS_PER_MS
"""The delay of a second answer, and of one after a cancel: longer than any delay of a message (DELAY_NS_MAX)."""
BUSY_RETRY_AFTER_NS = 20 * NS_PER_S
"""Longer than the first backoffs, shorter than the 90 s after which some channels give up."""


class PortObserver(Protocol):
    """Observes every probe and every post."""

    def probing(self, request: ProbeRequest, truth: Outcome | None) -> None: ...

    def probed(self, request: ProbeRequest) -> None: ...

    def sending(self, channel: str, notice: Notice, attempt: int) -> None: ...

    def sent(self, channel: str, notice: Notice, attempt: int) -> None:
        """The request has ended: answered, or cancelled."""
        ...

    def applied(self, channel: str, notice: Notice, *, first: bool) -> None: ...

    def poisoned(self, target: str) -> None:
        """The driver of a target breaks its contract."""
        ...

    def unrenderable(self, key: str) -> None:
        """A notice that no messenger can send."""
        ...

    def happened(self, what: str) -> None: ...


class Edge:
    """The parts that all ports of one process share."""

    def __init__(self, hub: Hub, clock: ManualClock, call_at: CallAt, observer: PortObserver) -> None:
        self.hub = hub
        self.clock = clock
        self.read = clock.read
        self.call_at = call_at
        self.observer = observer

    def after(self, by_ns: int, callback: Callable[[], object]) -> Timer:
        return self.call_at(self.read().monotonic_ns + by_ns, callback)


class Running:
    """A call under way at a port. A correct driver never answers after a cancel; some mishaps make it answer."""

    def __init__(self, edge: Edge, ended: Callable[[], None], mishap: Fault | None) -> None:
        self._edge = edge
        self._ended = ended
        self._mishap = mishap
        self._answer: Callable[[], None] | None = None
        self._alarm: Timer | None = None

    def answer_after(self, by_ns: int, answer: Callable[[], None]) -> None:
        self._answer = answer
        self._alarm = self._edge.after(by_ns, self._arrive)

    def _arrive(self) -> None:
        answer, self._answer = self._answer, None
        if answer is None:
            return
        self._ended()
        answer()
        if self._mishap in {Fault.PROBE_LATE, Fault.CHANNEL_LATE}:
            self._edge.observer.happened("second answer")
            self._edge.after(LATE_NS, answer)

    def handed_over(self) -> "Running":
        """A crash site just before the caller holds the handle: a crash here leaves the call without an owner."""
        try:
            self._edge.hub.pass_site(Site.PORT)
        except InjectedCrash:
            self._ended()
            raise
        return self

    def cancel(self) -> CancelOutcome:
        self._edge.hub.pass_site(Site.PORT)
        self._ended()
        answer = self._answer
        if answer is None and self._mishap is not Fault.PROBE_HANG:
            return CancelOutcome.COMPLETED_ANYWAY
        self._answer = None
        if self._alarm is not None:
            self._alarm.cancel()
        return self._cancelled(answer)

    def _cancelled(self, answer: Callable[[], None] | None) -> CancelOutcome:
        unstoppable = self._mishap is Fault.PROBE_UNSTOPPABLE
        if answer is not None and (unstoppable or self._mishap in {Fault.PROBE_LATE, Fault.CHANNEL_LATE}):
            self._edge.observer.happened("answer after a cancel")
            self._edge.after(LATE_NS, answer)
        return CancelOutcome.UNKNOWN if unstoppable else CancelOutcome.WITHOUT_EFFECT


class Targets:
    """The targets and their scripts. They outlive every simulated process."""

    def __init__(self, mishaps: Mishaps, clock: ManualClock, roster: Mapping[str, Target]) -> None:
        self.mishaps = mishaps
        self._clock = clock
        self._roster = roster
        self._expectation_of = ScriptedExpectations()
        self._scripts: dict[str, tuple[int, Script]] = {}
        self.deaf_until_ns = 0
        """The time of the world's own clock up to which no driver answers."""

    def follow(self, target: str, script: Script) -> None:
        """Sets the script of a target, which begins now."""
        self._scripts[target] = (self._clock.lived_ns, script)

    def behaviour(self, target: str) -> tuple[Observation, int | None]:
        """Returns the target's answer now, and the nanoseconds until it (None: never)."""
        began_ns, script = self._scripts[target]
        behaviour = script.at(self._clock.lived_ns - began_ns)
        return behaviour.observation, behaviour.after_ns

    def truth(self, request: ProbeRequest, seen: Observation) -> Outcome:
        """Returns the true outcome of an observation, judged by the expectation that the target has at this moment."""
        target = self._roster.get(request.attempt.target)
        if target is not None and target.expect:
            return self._expectation_of(target).judge(request.attempt, request.started, seen).outcome
        broken = seen.status is not None and seen.status >= 400
        return Outcome.DOWN if broken else seen.outcome


class SimulatedProber:
    """The driver of all probes of one process."""

    def __init__(self, edge: Edge, targets: Targets) -> None:
        self._edge = edge
        self._targets = targets

    def start(self, request: ProbeRequest, done: Callable[[Observation], None]) -> Running:
        self._edge.hub.pass_site(Site.PORT)
        mishap = self._targets.mishaps.next()
        if self._edge.clock.lived_ns < self._targets.deaf_until_ns:
            mishap = Fault.PROBE_HANG
        if mishap is not None:
            self._edge.observer.happened(mishap.value)
        if mishap in POISONS:
            self._edge.observer.poisoned(request.attempt.target)
        if mishap is Fault.PROBE_RAISES:
            raise RuntimeError("a defect of the driver")
        seen, after_ns = self._targets.behaviour(request.attempt.target)
        left_ns = request.deadline.remaining_ns(self._edge.read())
        if mishap is Fault.PROBE_LATENCY and after_ns is not None:
            after_ns = max(after_ns, left_ns * 2 // 5)
        if after_ns is None or after_ns >= left_ns:
            seen, after_ns = _timed_out(left_ns), left_ns
        hangs = mishap is Fault.PROBE_HANG
        running = Running(self._edge, lambda: self._edge.observer.probed(request), mishap)
        self._edge.observer.probing(request, None if hangs else self._targets.truth(request, seen))
        if not hangs:
            running.answer_after(after_ns, lambda: self._tell(done, seen))
        return running.handed_over()

    def _tell(self, done: Callable[[Observation], None], seen: Observation) -> None:
        if not self._edge.hub.dead:
            done(seen)

    def close(self) -> None:
        """Nothing is held."""


def _timed_out(after_ns: int) -> Observation:
    return Observation(
        connected=False, outcome=Outcome.TIMED_OUT, reason=Reason.TIMED_OUT, response_time_ns=after_ns
    )


class SimulatedMessenger:
    """The messenger of one channel in one process."""

    def __init__(self, edge: Edge, receiver: Receiver, mishaps: Mishaps, aim: Aim) -> None:
        self._edge = edge
        self._aim = aim
        self._receiver = receiver
        self._mishaps = mishaps

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> Running:
        edge, receiver = self._edge, self._receiver
        edge.hub.pass_site(Site.PORT)
        mishap = self._mishaps.next()
        if mishap is Fault.CHANNEL_RAISES:
            edge.observer.happened(mishap.value)
            edge.observer.unrenderable(notice.key)
            raise RuntimeError(UNRENDERABLE)
        now = edge.read()
        behaviour = receiver.script.at(receiver.since_ns(edge.clock.lived_ns))
        answer = answer_to(behaviour.observation)
        if behaviour.observation.status == 429:
            answer = Answer(accepted=False, retry_after_ns=BUSY_RETRY_AFTER_NS, detail="HTTP 429")
        edge.observer.sending(receiver.channel, notice, attempt)
        receiver.take_in(edge.clock.lived_ns, notice, attempt)
        running = Running(edge, lambda: edge.observer.sent(receiver.channel, notice, attempt), mishap)
        left_ns = deadline.remaining_ns(now)
        after_ns = left_ns + 1 if behaviour.after_ns is None else behaviour.after_ns
        if answer.accepted or behaviour.after_ns is None:
            # The receiver applies the notice even where the process dies before the answer.
            looks_ns = left_ns // 2 if behaviour.after_ns is None else after_ns - 1
            receiver.expect(notice, edge.clock.lived_ns + looks_ns)
            edge.after(looks_ns, self._take_in)
        if after_ns >= left_ns:
            answer, after_ns = Answer(accepted=False, detail="timed out"), left_ns
        running.answer_after(after_ns, lambda: self._tell(done, answer))
        if notice.digest:
            self._aim.at("digest posted", edge.hub)
        return running.handed_over()

    def _take_in(self) -> None:
        receiver = self._receiver
        for notice in receiver.due(self._edge.clock.lived_ns):
            self._edge.observer.applied(receiver.channel, notice, first=receiver.apply(notice))

    def _tell(self, done: Callable[[Answer], None], answer: Answer) -> None:
        if answer.accepted:
            self._take_in()
        if not self._edge.hub.dead:
            done(answer)

    def close(self) -> None:
        """Nothing is held."""
