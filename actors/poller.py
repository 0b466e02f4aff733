"""The poller: runs the probes of one target and judges their observations. The supervisor owns its time."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, assert_never

from msgspec.structs import replace

from ..domain import limits
from ..domain.conditions.judgement import Expectation
from ..domain.observation.attempt import AttemptId, CancelOutcome, ProbeRequest
from ..domain.observation.observation import Observation, crashed
from ..domain.observation.outcome import Outcome, Reason
from ..domain.specification.probes.kinds import Probe
from ..domain.specification.target import Target
from ..domain.time.moment import Moment
from ..protocol import poller as heard
from ..protocol.supervisor import AttemptCancelled, AttemptFinished, SupervisorMessage
from .behaviour import Behaviour
from .ports import Cancellable, Clock, Listener, Prober

TOO_LATE = Observation(
    outcome=Outcome.UNKNOWN,
    reason=Reason.OVERLOADED,
    detail="its deadline passed before it was started",
)


class PollerContext(NamedTuple):
    """The constant parts that all pollers of one runtime share, which keeps each poller small."""

    supervisor: Listener[SupervisorMessage]
    probers: Mapping[type[Probe], Prober]
    expectation_of: Callable[[Target], Expectation]
    located: Callable[[Target], Prober | None] = lambda _: None
    """The prober of a target that is probed from several locations; None for any other."""


class Poller(Behaviour[heard.PollerMessage]):
    """Runs the attempts that the supervisor starts, one at a time."""

    mailbox_policy = None
    """The supervisor sends at most one attempt and one cancel at a time, so the capacity is never reached."""
    mailbox_capacity = limits.MAILBOX_LIGHT_MESSAGES_MAX
    """A queue with a larger capacity is a deque: 1.4 KiB more for each of 100,000 idle pollers."""

    def __init__(
        self, clock: Clock, context: PollerContext, expectation: Expectation, located: Prober | None = None
    ) -> None:
        super().__init__(clock)
        self._context = context
        self._expectation = expectation
        self._located = located
        self._running: tuple[AttemptId, Cancellable] | None = None

    def handle(self, message: heard.PollerMessage, now: Moment) -> None:
        match message:
            case heard.StartAttempt(request):
                self._start(request, now)
            case heard.CancelAttempt(attempt):
                self._cancel(attempt)
            case heard.Reconfigure(target):
                self._expectation = self._context.expectation_of(target)
                self._located = self._context.located(target)
            case _:
                assert_never(message)

    def _start(self, request: ProbeRequest, now: Moment) -> None:
        # An attempt that still runs belongs to an earlier supervisor: one supervisor never starts a second attempt.
        self._let_go()
        expectation = self._expectation
        if request.deadline.expired(now):
            self._report(request.attempt, now, expectation, TOO_LATE)
            return

        def done(observation: Observation) -> None:
            if self._running is not None and self._running[0] == request.attempt:
                self._running = None
            self._report(request.attempt, now, expectation, observation)

        try:
            probe = expectation.asked_of(request.probe)
            asked = request if probe is request.probe else replace(request, probe=probe)
            prober = self._located or self._context.probers[type(probe)]
            running = prober.start(asked, done)
        except Exception as error:  # noqa: BLE001  # a driver that cannot start is an internal fault, not the target's
            self._report(request.attempt, now, expectation, crashed(error))
            return
        self._running = (request.attempt, running)

    def _report(
        self, attempt: AttemptId, began: Moment, expectation: Expectation, observation: Observation
    ) -> None:
        """Called on the dispatcher's thread, in a turn or between turns; no error may reach the driver."""
        sample = expectation.judge_safely(attempt, began, observation)
        self._context.supervisor.tell(AttemptFinished(attempt, sample))

    def _cancel(self, attempt: AttemptId) -> None:
        if self._running is None or self._running[0] != attempt:
            self._context.supervisor.tell(AttemptCancelled(attempt, CancelOutcome.COMPLETED_ANYWAY))
            return
        outcome = self._running[1].cancel()
        self._running = None
        self._context.supervisor.tell(AttemptCancelled(attempt, outcome))

    def _let_go(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running[1].cancel()

    def on_stop(self) -> None:
        self._let_go()

    def on_failure(self, *_: object) -> None:
        """Cancels the running attempt, which the next incarnation does not know."""
        self._let_go()
