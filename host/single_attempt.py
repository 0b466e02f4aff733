"""One attempt outside a runtime: the production driver on a loop of its own, judged as a poller judges. Nothing is recorded."""

from collections.abc import Callable
from queue import Empty, SimpleQueue

import msgspec

from ..actors.dispatch.run.alarm import MillisecondTimer
from ..actors.dispatch.run.loop import LoopDispatcher
from ..adapters.attempt_log.drivers import LoggedDriver, refusal_of_probe
from ..adapters.attempt_log.request_log import AttemptLog, RequestLog
from ..adapters.clock import SystemClock
from ..adapters.expectations import Expectations
from ..adapters.kernel_timer import KernelTimer, has_kernel_timer
from ..domain.conditions.condition import ConditionResult
from ..domain.errors import UsageError
from ..domain.limits import DEADLINE_SLACK_NS, START_WITHIN_S
from ..domain.observation.attempt import AttemptId, ProbeRequest
from ..domain.observation.observation import Observation
from ..domain.observation.outcome import INTERNAL_FAULTS, Outcome, Reason
from ..domain.observation.sample import Sample
from ..domain.specification.target import Target
from ..domain.time.moment import NS_PER_S, Deadline

SILENT = Observation(
    outcome=Outcome.TIMED_OUT, reason=Reason.TIMED_OUT, detail="no answer before the deadline"
)
CLOSED_WITHIN_S = 5.0


class SingleAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt, judged."""

    log: AttemptLog
    sample: Sample
    conditions: tuple[tuple[str, ConditionResult | None], ...]
    """Each condition as it is written, and its result, which shows what it saw; None where nothing was there to be judged."""
    warnings: tuple[tuple[str, ConditionResult | None], ...]
    """The same of those of `warn`."""


def attempt_once(target: Target, *, deny_private_addresses: bool = False) -> SingleAttempt:
    """Runs one attempt of a valid target. Blocks until its end, at most its timeout and a second.

    Raises: UsageError for a target that only its runtime can check.
    """
    if refusal := refusal_of_probe(target.probe):
        raise UsageError(f"target {target.id!r}: {refusal}")
    clock, expectation = SystemClock(), Expectations()(target)
    timer = KernelTimer if has_kernel_timer() else MillisecondTimer
    dispatcher = LoopDispatcher(monotonic_ns=clock.monotonic_ns, make_timer=timer)
    dispatcher.start()
    try:
        now = clock.read()
        request = ProbeRequest(
            attempt=AttemptId(target.id, 1, 1),
            probe=expectation.asked_of(target.probe),
            deadline=Deadline.after(now, target.timeout_ns),
            started=now,
        )
        log = _run(dispatcher, clock, request, deny_private_addresses=deny_private_addresses)
    finally:
        dispatcher.stop(CLOSED_WITHIN_S)
    seen = log.observation
    judged = seen.reason not in INTERNAL_FAULTS and expectation.judges(seen)
    every = (*expectation.conditions, *expectation.warnings)
    results = expectation.results(seen) if judged else [None] * len(every)
    sample = expectation.judge(request.attempt, now, seen)
    texts = [condition.text for condition in every]
    found, count = tuple(zip(texts, results, strict=True)), len(expectation.conditions)
    return SingleAttempt(
        log=log,
        sample=sample.turned() if target.upside_down is True else sample,
        conditions=found[:count],
        warnings=found[count:],
    )


def _run(
    dispatcher: LoopDispatcher, clock: SystemClock, request: ProbeRequest, *, deny_private_addresses: bool
) -> AttemptLog:
    answers: SimpleQueue[tuple[Observation, tuple[RequestLog, ...]]] = SimpleQueue()

    def begin() -> Callable[[], None]:
        driver = LoggedDriver(
            dispatcher.loop,
            clock,
            dispatcher.call_at,
            type(request.probe),
            deny_private_addresses=deny_private_addresses,
        )
        driver.start(request, lambda seen: answers.put((seen, tuple(driver.requests))))
        return driver.close

    close = dispatcher.perform(begin, START_WITHIN_S)
    try:
        within_s = request.deadline.remaining_s(clock.read()) + DEADLINE_SLACK_NS / NS_PER_S
        seen, requests = answers.get(timeout=within_s)
    except Empty:
        seen, requests = SILENT, ()
    finally:
        dispatcher.perform(close, CLOSED_WITHIN_S)
    return AttemptLog(observation=seen, requests=requests)
