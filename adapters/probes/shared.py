"""One probe for several targets: an equal specification is answered by a result that is young enough."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from ...domain.line import one_line
from ...domain.observation.attempt import CancelOutcome, ProbeRequest
from ...domain.observation.observation import Observation, OnObserved
from ...domain.observation.outcome import Outcome, Reason
from ...domain.policy import CachePolicy
from ...domain.specification.probe import Probe
from ...domain.time.timers import CallAt, Timer
from ..cache import Failed, Loaded, SingleFlightCache, Underway, Waiter
from ..clock import MomentClock


class SharableProber(Protocol):
    """The prober whose results are shared."""

    def start(self, request: ProbeRequest, done: OnObserved) -> Underway: ...

    def close(self) -> None: ...


class Seen(NamedTuple):
    """A result as it is kept: facts may be as old as the beginning of their probe."""

    observation: Observation
    began_ns: int


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

    While an equal probe that began no earlier is under way a request joins it. Requests with `max_age_ns` 0 are run for
    themselves. The age of a result that was shared stands in its observation.
    """

    def __init__(
        self,
        prober: SharableProber,
        cache: SingleFlightCache[Probe, Seen],
        clock: MomentClock,
        call_at: CallAt,
    ) -> None:
        self._prober = prober
        self._cache = cache
        self._clock = clock
        self._call_at = call_at

    def start(self, request: ProbeRequest, done: OnObserved) -> Underway:
        if request.max_age_ns <= 0:
            return self._prober.start(request, done)
        return SharedAttempt(self._prober, self._cache, self._clock, self._call_at, request, done)

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
        "_call_at",
        "_clock",
        "_done",
        "_ended",
        "_leads",
        "_prober",
        "_request",
        "_timer",
        "_waiter",
    )

    def __init__(
        self,
        prober: SharableProber,
        cache: SingleFlightCache[Probe, Seen],
        clock: MomentClock,
        call_at: CallAt,
        request: ProbeRequest,
        done: OnObserved,
    ) -> None:
        self._prober = prober
        self._cache = cache
        self._clock = clock
        self._call_at = call_at
        self._request = request
        self._done = done
        self._ended = False
        self._timer: Timer | None = None
        self._waiter: Waiter[Probe, Seen] | None = None
        self._ask()

    def _ask(self) -> None:
        self._leads = False
        request = self._request
        now = self._clock.read()
        kept = self._cache.peek(request.probe, now, request.max_age_ns)
        if kept is not None:
            self._timer = self._call_at(0, lambda: self._answer(Loaded(kept)))
            return

        def load(landed: Callable[[Loaded[Seen] | Failed], None]) -> Underway:
            self._leads = True

            def done(observation: Observation) -> None:
                landed(Loaded(Seen(observation, now.monotonic_ns), keep=_says_something_later(observation)))

            return self._prober.start(request, done)

        self._waiter = self._cache.get(request.probe, load, self._landed, now, request.max_age_ns)
        if not self._leads and not self._ended:
            # The probe of the request that leads ends at that deadline; one that joins needs a timer of its own.
            self._timer = self._call_at(request.deadline.monotonic_ns, self._expire)

    def _landed(self, result: Loaded[Seen] | Failed) -> None:
        if self._ended:
            return
        self._stop_timer()
        if _ran_out_of_anothers_time(result) and not self._request.deadline.expired(self._clock.read()):
            self._ask()
            return
        if self._waiter is None:
            # A probe that could not even start lands while it is being asked for; `done` never comes from within start.
            self._timer = self._call_at(0, lambda: self._answer(result))
            return
        self._answer(result)

    def _answer(self, result: Loaded[Seen] | Failed) -> None:
        self._ended = True
        if isinstance(result, Failed):
            self._done(_crashed(result))
            return
        observation, began_ns = result.value
        if not self._leads:
            age_ns = self._clock.read().monotonic_ns - began_ns
            observation = msgspec.structs.replace(observation, shared_age_ns=age_ns)
        self._done(observation)

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


def _ran_out_of_anothers_time(result: Loaded[Seen] | Failed) -> bool:
    return isinstance(result, Loaded) and result.value.observation.outcome is Outcome.TIMED_OUT


def _crashed(result: Failed) -> Observation:
    detail = one_line(f"{type(result.error).__name__}: {result.error}")
    return Observation(outcome=Outcome.UNKNOWN, reason=Reason.PROBE_CRASHED, detail=detail)
