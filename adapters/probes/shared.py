"""One probe for several targets: an equal specification is answered by a result that is young enough."""

from contextlib import ExitStack
from functools import partial
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from ...domain.limits import SHARED_RESULTS_KEPT, SHARED_RESULTS_NS_MAX
from ...domain.observation.attempt import CancelOutcome, ProbeRequest
from ...domain.observation.observation import Observation, OnObserved, crashed
from ...domain.observation.outcome import Outcome, Reason
from ...domain.policy import CachePolicy
from ...domain.specification.probes.kinds import Probe
from ...domain.time.moment import Moment
from ...domain.time.timers import CallAt, Timer
from ..activity import Activity
from ..cache import Recent
from ..clock import MomentClock

POLICY = CachePolicy(
    name="shared probe results",
    key="the whole probe specification",
    owner="the runtime",
    fresh_for_ns=SHARED_RESULTS_NS_MAX,
    entries_max=SHARED_RESULTS_KEPT,
    invalidation="by age; timed out, cancelled and unknown results are never kept",
)
"""Each question's own max_age is tighter still."""

TOO_LATE = Observation(
    outcome=Outcome.TIMED_OUT,
    reason=Reason.TIMED_OUT,
    detail="an equal probe under way did not answer in time",
)


class Underway(Protocol):
    """A started probe that can be cancelled."""

    def cancel(self) -> CancelOutcome: ...


class SharableProber(Protocol):
    """The prober whose results are shared."""

    def start(self, request: ProbeRequest, done: OnObserved) -> Underway: ...

    def close(self) -> None: ...


class Seen(NamedTuple):
    """A result as it is kept: facts may be as old as the beginning of their probe."""

    observation: Observation
    began_ns: int


class SharedProbe(Activity):
    """One probe under way and the attempts that wait for its result."""

    probe: Probe
    began_ns: int
    waiting: list["SharedAttempt"]
    underway: Underway | None = None
    """None when it could not be started."""


class SharedProber:
    """Answers a request from an equal probe's result no older than its `max_age_ns`, else runs it.

    While an equal probe that began no earlier is under way a request joins it. Requests with `max_age_ns` 0 are run for
    themselves. The age of a result that was shared stands in its observation.
    """

    def __init__(self, prober: SharableProber, clock: MomentClock, call_at: CallAt) -> None:
        self._prober = prober
        self._kept: Recent[Probe, Seen] = Recent(POLICY)
        self._under_way: dict[Probe, SharedProbe] = {}
        self.clock = clock
        self.call_at = call_at

    def start(self, request: ProbeRequest, done: OnObserved) -> Underway:
        if request.max_age_ns <= 0:
            return self._prober.start(request, done)
        attempt = SharedAttempt(self, request, done)
        attempt.ask()
        return attempt

    def known(self, request: ProbeRequest, now: Moment) -> Seen | None:
        """The kept result that is young enough for the request."""
        return self._kept.fresh(request.probe, now, request.max_age_ns)

    def join(self, attempt: "SharedAttempt", request: ProbeRequest, now: Moment) -> SharedProbe | None:
        """The equal probe under way, for which the attempt waits now; None where there is none that began late enough."""
        shared = self._under_way.get(request.probe)
        if shared is None or now.monotonic_ns - shared.began_ns > request.max_age_ns:
            return None
        shared.waiting.append(attempt)
        return shared

    def begin(self, attempt: "SharedAttempt", request: ProbeRequest, now: Moment) -> SharedProbe:
        """Start a probe that equal requests may join."""
        shared = self._under_way[request.probe] = SharedProbe(request.probe, now.monotonic_ns, [attempt])
        landed = partial(self._landed, shared)
        try:
            shared.underway = self._prober.start(request, landed)
        except Exception as error:  # noqa: BLE001  # a probe that cannot start is an internal fault
            self.call_at(0, partial(landed, crashed(error)))
        return shared

    def _landed(self, shared: SharedProbe, observation: Observation) -> None:
        """Keep the result, unless it was forgotten meanwhile, and answer the attempts that wait for it."""
        seen = Seen(observation, shared.began_ns)
        if self._detach(shared) and _says_something_later(observation):
            self._kept.keep(shared.probe, seen, shared.began_ns)
        # Its attempt holds this method: without the cycle nothing waits for the garbage collector.
        waiting, shared.waiting, shared.underway = shared.waiting, [], None
        # A defect in one callback must not leave the other attempts unanswered: a stack calls all, then raises.
        with ExitStack() as answers:
            for attempt in reversed(waiting):
                answers.callback(attempt.landed, seen)

    def _detach(self, shared: SharedProbe) -> bool:
        """Let later requests start a probe of their own; whether this one could be joined until now."""
        joinable = self._under_way.get(shared.probe) is shared
        if joinable:
            del self._under_way[shared.probe]
        return joinable

    def leave(self, attempt: "SharedAttempt", shared: SharedProbe) -> CancelOutcome:
        """Wait no longer; the probe is cancelled when the last one leaves."""
        if attempt not in shared.waiting:
            return CancelOutcome.COMPLETED_ANYWAY
        outcome = CancelOutcome.WITHOUT_EFFECT
        if len(shared.waiting) == 1 and shared.underway is not None:
            # Detached first: a later request must not join a probe that is being cancelled.
            self._detach(shared)
            outcome = shared.underway.cancel()
        if outcome is CancelOutcome.WITHOUT_EFFECT and attempt in shared.waiting:
            shared.waiting.remove(attempt)
        return outcome

    def close(self) -> None:
        """Close the prober and forget its results; those who wait for one are answered by the prober's own end."""
        self._prober.close()
        self._kept.clear()
        self._under_way.clear()

    def __repr__(self) -> str:
        return f"SharedProber({self._prober!r}, entries={len(self._kept)}, under_way={len(self._under_way)})"


class SharedAttempt(Activity):
    """One request that may be answered by another one's probe. Its deadline is its own."""

    _prober: SharedProber
    _request: ProbeRequest
    _done: OnObserved
    _shared: SharedProbe | None = None
    """None while a kept result is about to answer."""
    _leads: bool = False
    """The probe is run for this request."""
    _timer: Timer | None = None
    _ended: bool = False

    def ask(self) -> None:
        prober, request, now = self._prober, self._request, self._prober.clock.read()
        self._leads, self._shared = False, None
        kept = prober.known(request, now)
        if kept is not None:
            self._timer = prober.call_at(0, lambda: self._answer(kept))
            return
        self._shared = prober.join(self, request, now)
        if self._shared is None:
            self._leads, self._shared = True, prober.begin(self, request, now)
        else:
            # The probe of the request that leads ends at that deadline; one that joins needs a timer of its own.
            self._timer = prober.call_at(request.deadline.monotonic_ns, self._expire)

    def landed(self, seen: Seen) -> None:
        """The probe has ended. One that ran out of another request's time is asked again."""
        if self._ended:
            return
        self._stop_timer()
        timed_out = seen.observation.outcome is Outcome.TIMED_OUT
        if timed_out and not self._request.deadline.expired(self._prober.clock.read()):
            self.ask()
        else:
            self._answer(seen)

    def _answer(self, seen: Seen) -> None:
        self._ended = True
        observation, began_ns = seen
        if not self._leads:
            age_ns = self._prober.clock.read().monotonic_ns - began_ns
            observation = replace(observation, shared_age_ns=age_ns)
        self._done(observation)

    def _expire(self) -> None:
        self._ended = True
        if self._shared is not None:
            self._prober.leave(self, self._shared)
        self._done(TOO_LATE)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cancel(self) -> CancelOutcome:
        """Wait no longer; the probe goes on while anybody else waits for it."""
        if self._ended:
            return CancelOutcome.COMPLETED_ANYWAY
        shared = self._shared
        outcome = CancelOutcome.WITHOUT_EFFECT if shared is None else self._prober.leave(self, shared)
        if outcome is CancelOutcome.WITHOUT_EFFECT:
            self._ended = True
            self._stop_timer()
        return outcome


def _says_something_later(seen: Observation) -> bool:
    """Our own trouble, and how much time one request had, say nothing to another request."""
    return seen.outcome.is_evidence and seen.outcome is not Outcome.TIMED_OUT
