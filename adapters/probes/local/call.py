"""The `call` probe: a host's callable, which may do anything but harm."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, assert_never

import msgspec

from ....domain.limits import CALL_THREADS_MAX
from ....domain.observation.attempt import ProbeRequest
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Outcome, Reason
from ....domain.observation.returned import observation_of
from ....domain.specification.probe import Call as CallSpec
from ....domain.time.timers import CallAt
from ...callables.calling import PendingCall
from ...callables.host_calls import HostCalls
from ...callables.results import Cancelled, Ended, Overloaded, Raised, Returned, TimedOut
from ...clock import MomentClock


class CallProber:
    """Runs `call` probes: sync callables on threads of its own, async ones as tasks on the loop or on the host's loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        call_at: CallAt,
        callables: Mapping[str, Callable[[], Any]],
        *,
        threads_max: int = CALL_THREADS_MAX,
        host_loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._clock = clock
        self._callables = callables
        self._calls = HostCalls(loop, clock, call_at, threads_max=threads_max, host_loop=host_loop)

    def start(self, request: ProbeRequest, done: Callable[[Observation], None]) -> PendingCall:
        """Starts an attempt. A name without a callable is UNKNOWN: nothing was checked.

        Raises: TypeError for the specification of another probe.
        """
        spec = request.probe
        if not isinstance(spec, CallSpec):
            raise TypeError(f"a call prober was given {type(spec).__name__}")
        function = self._callables.get(spec.name, partial(_missing, spec.name))

        def ended(how: Ended) -> None:
            elapsed_ns = self._clock.read().since(request.started)
            done(observed(how, elapsed_ns))

        return self._calls.call(spec.name, function, (), observation_of, request.deadline, ended)

    def close(self) -> None:
        """Cancel what is under way; `abandoned()` says afterwards what goes on regardless."""
        self._calls.close()

    def abandoned(self) -> tuple[str, ...]:
        """Callables that still run though nobody waits for them, each as `thread or task: name`."""
        return self._calls.abandoned()

    def __repr__(self) -> str:
        return f"CallProber(callables={len(self._callables)}, {self._calls!r})"


def _missing(name: str) -> Observation:
    """Stands for a callable that is not there."""
    detail = f"no callable named {name!r} was given"
    return Observation(outcome=Outcome.UNKNOWN, reason=Reason.PROBE_CRASHED, detail=detail)


def observed(how: Ended, elapsed_ns: int) -> Observation:
    """Returns the observation of a call that has ended; a returned value is an Observation already."""
    match how:
        case Returned(value):
            return _timed(value, elapsed_ns)
        case Raised():
            return Observation(
                outcome=Outcome.DOWN,
                reason=Reason.EXCEPTION,
                detail=how.text,
                response_time_ns=elapsed_ns,
            )
        case TimedOut(by_earlier_call):
            detail = (
                "its earlier call has not come back" if by_earlier_call else "it did not come back in time"
            )
            return Observation(outcome=Outcome.TIMED_OUT, reason=Reason.TIMED_OUT, detail=detail)
        case Overloaded(detail):
            return Observation(outcome=Outcome.UNKNOWN, reason=Reason.OVERLOADED, detail=detail)
        case Cancelled():
            return Observation(outcome=Outcome.CANCELLED, reason=Reason.CANCELLED, detail="cancelled")
        case _:
            assert_never(how)


def _timed(value: object, elapsed_ns: int) -> Observation:
    if not isinstance(value, Observation):
        raise TypeError(
            f"a call is read as an Observation before it comes here, not as {type(value).__name__}"
        )
    if value.response_time_ns is not None:
        return value
    return msgspec.structs.replace(value, response_time_ns=elapsed_ns)
