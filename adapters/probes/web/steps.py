"""The `http_steps` probe: one request after the other by the `http` probe, each with what earlier ones brought."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec
from msgspec.structs import astuple, replace

from ....domain.limits import EXPECTATIONS_KEPT, STEPS_PERCENT
from ....domain.line import one_line
from ....domain.observation.attempt import CancelOutcome, ProbeRequest
from ....domain.observation.observation import Measurement, Observation, OnObserved, Phases
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.probes.web.filling import UnfitValueError, filled
from ....domain.specification.probes.web.http_steps import STEP_MEASURE, HttpStep, HttpSteps
from ....domain.time.moment import Deadline
from ....domain.units import NS_PER_MS
from ....domain.validation.network import http_problems
from ...activity import Activity
from .captured import CaptureError, ReadyStep, ready
from .http import CookieJar, HttpAttempt, HttpProber

NO_ANSWER = Observation(connected=False)


class StepsAttempt(Activity):
    """One attempt under way: its steps in order, inside one deadline.

    The first failure is the result. After it, only the steps are carried out that always are.
    """

    _http: HttpProber
    _request: ProbeRequest
    _done: OnObserved
    _left: list[ReadyStep]
    _jar: CookieJar
    _values: dict[str, str] = msgspec.field(default_factory=dict)
    _secrets: list[str] = msgspec.field(default_factory=list)
    _seen: list[Observation] = msgspec.field(default_factory=list)
    _times: list[Measurement] = msgspec.field(default_factory=list)
    _failure: Observation | None = None
    _is_whole: bool = True
    """Whether no step was left out."""
    _underway: HttpAttempt | None = None
    _ended: CancelOutcome | None = None

    def begin(self) -> None:
        """Starts the first step. Raises: ConfigurationError for a URL that cannot be requested."""
        first = self._left.pop(0)
        self._carry_out(first, first.step)

    def cancel(self) -> CancelOutcome:
        """Closes everything now, or says that the answer has been given."""
        if self._ended is None:
            self._ended = CancelOutcome.WITHOUT_EFFECT
            if self._underway is not None:
                self._underway.cancel()
        return self._ended

    def _go_on(self) -> None:
        while self._left:
            ready_step = self._left.pop(0)
            if (self._failure is None or ready_step.step.always) and self._starts(ready_step):
                return
            self._is_whole = False
        self._end()

    def _starts(self, ready_step: ReadyStep) -> bool:
        """Whether a step is under way now; a failure to begin it is noted."""
        step = ready_step.step
        try:
            self._carry_out(ready_step, _filled(step, self._values))
        except KeyError:
            # The step that captures the value has failed, or was left out.
            return False
        except UnfitValueError as unfit:
            self._fail(step, NO_ANSWER, (Outcome.DOWN, Reason.CAPTURE_FAILED, str(unfit)))
            return False
        except Exception as error:  # noqa: BLE001  # a fault of a probe costs its own attempt, and says nothing of the target
            detail = one_line(f"{type(error).__name__}: {error}")
            self._fail(step, NO_ANSWER, (Outcome.UNKNOWN, Reason.PROBE_CRASHED, detail))
            return False
        return True

    def _carry_out(self, ready_step: ReadyStep, step: HttpStep) -> None:
        request = replace(self._request, probe=step, deadline=self._deadline_of(step))
        self._underway = self._http.start_step(
            request,
            lambda seen: self._answered(ready_step, seen),
            self._jar,
            comes_again=step is ready_step.step,
        )

    def _deadline_of(self, step: HttpStep) -> Deadline:
        """The end of a step: what follows it always has the rest of the time."""
        whole = self._request.deadline
        if step.always or not any(later.step.always for later in self._left):
            return whole
        began_ns = self._request.started.monotonic_ns
        return Deadline(began_ns + (whole.monotonic_ns - began_ns) * STEPS_PERCENT // 100)

    def _answered(self, ready_step: ReadyStep, seen: Observation) -> None:
        if self._ended is not None:
            return
        step, self._underway = ready_step.step, None
        self._seen.append(seen)
        self._secrets += ready_step.secrets(seen)
        if seen.response_time_ns is not None:
            time_ms = seen.response_time_ns / NS_PER_MS
            self._times.append(Measurement(f"{STEP_MEASURE}{step.id}", time_ms, "ms"))
        judged = ready_step.expectation.judge(self._request.attempt, self._request.started, seen)
        if judged.outcome is not Outcome.UP:
            said = "; ".join(judged.failed) or judged.detail or judged.reason.value
            slow = replace(seen, slow_by_ns=judged.slow_by_ns)
            self._fail(step, slow, (judged.outcome, judged.reason, said))
        else:
            try:
                self._values |= ready_step.captured(seen)
            except CaptureError as missing:
                self._fail(step, seen, (Outcome.DOWN, Reason.CAPTURE_FAILED, str(missing)))
        self._go_on()

    def _fail(self, step: HttpStep, seen: Observation, verdict: tuple[Outcome, Reason, str]) -> None:
        """Notes a failure, of which the first is told."""
        if self._failure is None:
            outcome, reason, said = verdict
            self._failure = replace(
                seen, outcome=outcome, reason=reason, detail=f"step {step.id}: {said}", header=None
            )

    def _end(self) -> None:
        self._ended = CancelOutcome.COMPLETED_ANYWAY
        shown = self._failure or self._seen[-1]
        # The time of half of the steps is no fast answer; an attempt that was cut off took as long at least.
        counts = self._is_whole or shown.outcome is Outcome.TIMED_OUT
        seen = self._seen if counts else []
        self._done(
            replace(
                shown,
                response_time_ns=sum(each.response_time_ns or 0 for each in seen) if counts else None,
                phases=_summed([each.phases for each in seen if each.phases is not None]),
                measurements=tuple(self._times),
                is_judged=True,
                secrets=tuple(dict.fromkeys(self._secrets)),
            )
        )


class StepsProber:
    """Runs `http_steps` probes by the prober of single requests, which is its maker's to close."""

    def __init__(self, http: HttpProber) -> None:
        self._http = http
        self._ready = lru_cache(EXPECTATIONS_KEPT)(ready)

    def start(self, request: ProbeRequest, done: OnObserved) -> StepsAttempt:
        """Starts an attempt; `done` is called once, after this has returned.

        Raises: ConfigurationError for a URL that cannot be requested; TypeError for the specification of another probe.
        """
        probe = request.probe
        if not isinstance(probe, HttpSteps):
            raise TypeError(f"a prober of several steps was given {type(probe).__name__}")
        steps = [self._ready(step) for step in probe.steps]
        attempt = StepsAttempt(self._http, request, done, steps, CookieJar())
        attempt.begin()
        return attempt

    def close(self) -> None:
        """Forgets what was prepared. Attempts under way end when the transport is closed."""
        self._ready.cache_clear()

    def __repr__(self) -> str:
        return f"StepsProber({self._http!r})"


def _filled(step: HttpStep, values: dict[str, str]) -> HttpStep:
    """A step with its values, as one that was written so. Raises: KeyError, UnfitValueError."""
    whole = filled(step, values)
    problem = None if whole is step else next(http_problems(whole, ()), None)
    if problem is not None:
        raise UnfitValueError(f"with its captured values it cannot be requested: {problem}")
    return whole


def _summed(each: Sequence[Phases]) -> Phases | None:
    """The phases of all requests, each by itself."""
    lengths = [
        [length for length in one if length is not None] for one in zip(*map(astuple, each), strict=True)
    ]
    sums = [sum(one) if one else None for one in lengths]
    return Phases(**dict(zip(Phases.__struct_fields__, sums, strict=True))) if each else None
