"""One probe for several targets: an equal specification is answered by a result that is young enough."""

from collections.abc import Callable
from typing import Protocol

from ...domain.attempt import CancelOutcome, ProbeRequest
from ...domain.line import one_line
from ...domain.observation import Observation
from ...domain.outcome import Outcome, Reason
from ...domain.policy import CachePolicy
from ...domain.probe import Probe
from ..cache import Failed, Loaded, SingleFlightCache, Underway, Waiter
from ..timers import Clock, Timer, Timers

Done = Callable[[Observation], None]


class Prober(Protocol):
    """What is shared."""

    def start(self, request: ProbeRequest, done: Done) -> Underway: ...

    def close(self) -> None: ...


def shared_results(owner: str, fresh_for_ns: int, entries_max: int) -> CachePolicy:
    """The policy of a cache of probe results; each question's own max_age is tighter still."""
    return CachePolicy(
        name="shared probe results",
        key="the whole probe specification",
        owner=owner,
        fresh_for_ns=fresh_for_ns,
        entries_max=entries_max,
        invalidation="by age; timed out, cancelled and unknown results are never kept",
    )


class SharedProber:
    """Answers a request from an equal probe's result no older than its `max_age_ns`, else runs it.

    While an equal probe is under way a request joins it. Requests with `max_age_ns` 0 are run for themselves.
    """

    def __init__(
        self, prober: Prober, cache: SingleFlightCache[Probe, Observation], clock: Clock, timers: Timers
    ) -> None:
        self._prober = prober
        self._cache = cache
        self._clock = clock
        self._timers = timers

    def start(self, request: ProbeRequest, done: Done) -> Underway:
        if request.max_age_ns <= 0:
            return self._prober.start(request, done)
        return SharedAttempt(self._prober, self._cache, self._clock, self._timers, request, done)

    def close(self) -> None:
        """Close the prober and forget its results; those who wait for one are answered by the prober's own end."""
        self._prober.close()
        self._cache.clear()

    def __repr__(self) -> str:
        return f"SharedProber({self._prober!r}, {self._cache!r})"


class SharedAttempt:
    """One request that may be answered by another one's probe. Its deadline is its own."""

    __slots__ = (
        "_cache",
        "_clock",
        "_done",
        "_ended",
        "_prober",
        "_request",
        "_timer",
        "_timers",
        "_waiter",
    )

    def __init__(
        self,
        prober: Prober,
        cache: SingleFlightCache[Probe, Observation],
        clock: Clock,
        timers: Timers,
        request: ProbeRequest,
        done: Done,
    ) -> None:
        self._prober = prober
        self._cache = cache
        self._clock = clock
        self._timers = timers
        self._request = request
        self._done = done
        self._ended = False
        self._timer: Timer | None = None
        self._waiter: Waiter[Probe, Observation] | None = None
        self._ask()

    def _ask(self) -> None:
        request = self._request
        now = self._clock.read()
        kept = self._cache.peek(request.probe, now, request.max_age_ns)
        if kept is not None:
            self._timer = self._timers.call_at(0, lambda: self._answer(Loaded(kept)))
            return
        led = False

        def load(landed: Callable[[Loaded[Observation] | Failed], None]) -> Underway:
            nonlocal led
            led = True
            return self._prober.start(
                request, lambda seen: landed(Loaded(seen, keep=_says_something_later(seen)))
            )

        self._waiter = self._cache.get(request.probe, load, self._landed, now, request.max_age_ns)
        if not led and not self._ended:
            # Who leads has a probe that ends at this very deadline; who joins needs a timer of its own.
            self._timer = self._timers.call_at(request.deadline.monotonic_ns, self._expire)

    def _landed(self, result: Loaded[Observation] | Failed) -> None:
        if self._ended:
            return
        self._stop_timer()
        if _ran_out_of_anothers_time(result) and not self._request.deadline.expired(self._clock.read()):
            self._ask()
            return
        if self._waiter is None:
            # A probe that could not even start lands while it is being asked for; `done` never comes from within start.
            self._timer = self._timers.call_at(0, lambda: self._answer(result))
            return
        self._answer(result)

    def _answer(self, result: Loaded[Observation] | Failed) -> None:
        self._ended = True
        self._done(result.value if isinstance(result, Loaded) else _crashed(result))

    def _expire(self) -> None:
        self._ended = True
        if self._waiter is not None:
            self._waiter.cancel()
        self._done(
            Observation(
                outcome=Outcome.TIMED_OUT,
                reason=Reason.TIMED_OUT,
                detail="an equal probe under way did not answer in time",
            )
        )

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cancel(self) -> CancelOutcome:
        """Wait no longer; the probe goes on while anybody else waits for it."""
        if self._ended:
            return CancelOutcome.COMPLETED_ANYWAY
        outcome = CancelOutcome.WITHOUT_EFFECT if self._waiter is None else self._waiter.cancel()
        if outcome is CancelOutcome.WITHOUT_EFFECT:
            self._ended = True
            self._stop_timer()
        return outcome


def _says_something_later(seen: Observation) -> bool:
    """Our own trouble, and how much time one request had, say nothing to another request."""
    return seen.outcome.is_evidence and seen.outcome is not Outcome.TIMED_OUT


def _ran_out_of_anothers_time(result: Loaded[Observation] | Failed) -> bool:
    return isinstance(result, Loaded) and result.value.outcome is Outcome.TIMED_OUT


def _crashed(result: Failed) -> Observation:
    detail = one_line(f"{type(result.error).__name__}: {result.error}")
    return Observation(outcome=Outcome.UNKNOWN, reason=Reason.PROBE_CRASHED, detail=detail)
