"""The agent's side of the wire: runs the checks that owners ask for, judges them, and answers in batches."""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from functools import partial
from secrets import token_hex
from typing import NamedTuple, Protocol

from ...domain import limits
from ...domain.errors import MessageError
from ...domain.observation.attempt import AttemptId, ProbeRequest
from ...domain.observation.location import LocationResult
from ...domain.observation.observation import Observation, crashed
from ...domain.observation.outcome import Outcome, Reason
from ...domain.specification.probes.kinds import Probe
from ...domain.time.moment import Deadline, Moment
from ...domain.time.timers import CallAt
from ...domain.units import NS_PER_MS
from ..activity import Activity
from ..clock import MomentClock
from ..probes.shared import SharableProber, Underway
from .batching import Batching
from .known_checks import KnownCheck, KnownChecks
from .link import MessageLink, NatsSubject
from .subjects import GATHERED, agent_subject, answer_subject, asks_subject, read_answer_subject, token_of
from .wire import WIRE_VERSION, AnswerBatch, ProbeAsk, ProbeFound, decode_asks, encode_batch

QUEUE = "agents"
"""The agents of one location share its asks: NATS gives each message to one of them."""
FOUND_BYTES = 64
"""An answer without its explanation, at most."""
FULL = "the agent runs as many checks as it may"


class ProberSet(Protocol):
    """The drivers of an agent."""

    @property
    def probers(self) -> Mapping[type[Probe], SharableProber]: ...


class RemoteRun(Activity):
    """One check that an owner asked for."""

    owner: str
    number: int
    known: KnownCheck
    deadline: Deadline
    began: Moment
    underway: Underway | None = None


class AgentStatistics(NamedTuple):
    """The work of an agent since its start."""

    asks: int
    answers: int
    refused: int
    """Asks that it could not run: too many at once, or nothing that an agent runs."""
    dropped: int
    """Messages that could not be read, and answers that could not be sent."""
    running: int
    checks_known: int


class ProbeServer:
    """Answers owners. Made, used and closed on the loop's own thread; it keeps nothing that a restart would lack."""

    def __init__(
        self,
        location: str,
        clock: MomentClock,
        call_at: CallAt,
        probers_for: Callable[[bool], ProberSet],
        *,
        in_flight_max: int = limits.IN_FLIGHT_MAX,
        deny_private_addresses: bool = False,
    ) -> None:
        self.location, self.id = location, token_hex(8)
        self._clock, self._call_at, self._probers_for = clock, call_at, probers_for
        self._in_flight_max, self._deny = in_flight_max, deny_private_addresses
        self.link: MessageLink | None = None
        self.on_idle: Callable[[], None] = lambda: None
        """Called when the last check that runs has ended."""
        self._known = KnownChecks()
        self._running: dict[RemoteRun, None] = {}
        self._waiting: deque[RemoteRun] = deque()
        self._answers: OrderedDict[str, Batching[ProbeFound]] = OrderedDict()
        self._done: Counter[str] = Counter()
        self._numbers = 0

    @property
    def listening(self) -> tuple[NatsSubject, ...]:
        """The subjects to listen to: those of the location, shared with its other agents, and this agent's own."""
        return NatsSubject(asks_subject(self.location), QUEUE), NatsSubject(
            agent_subject(self.location, self.id)
        )

    def heard(self, subject: str, reply: str, data: bytes, is_unheard: bool) -> None:  # the shape of Heard
        """Takes a message of an owner. One that cannot be read is counted and dropped."""
        del subject
        place = read_answer_subject(reply)
        # An answer goes nowhere else than to an owner, under the name of this location, whatever a message asks for.
        if place is None or place.token != token_of(self.location) or is_unheard:
            self._done["dropped"] += 1
            return
        try:
            batch = decode_asks(data)
        except MessageError:
            self._done["dropped"] += 1
            return
        for check in batch.checks:
            self._known.learn(check)
        now, unknown = self._clock.read(), []
        for ask in batch.asks:
            if (known := self._known.find(ask.check)) is None:
                unknown.append(ask.number)
            else:
                self._take(place.owner, ask, known, now)
        if unknown:
            self._publish(place.owner, (), tuple(unknown))

    def _take(self, owner: str, ask: ProbeAsk, known: KnownCheck, now: Moment) -> None:
        self._done["asks"] += 1
        run = RemoteRun(owner, ask.number, known, Deadline.after(now, ask.within_ms * NS_PER_MS), now)
        if known.check is None:
            self._refuse(run, Reason.PROBE_CRASHED, known.fault)
        elif len(self._running) < self._in_flight_max:
            self._start(run, now)
        elif len(self._waiting) < limits.REMOTE_ASKS_WAITING_MAX:
            self._waiting.append(run)
        else:
            self._refuse(run, Reason.OVERLOADED, FULL)

    def _start(self, run: RemoteRun, now: Moment) -> None:
        check, self._numbers = run.known.check, self._numbers + 1
        if check is None or run.deadline.expired(now):
            self._refuse(run, Reason.OVERLOADED, "its deadline passed before the agent could start it")
            return
        self._running[run] = None
        run.began = now
        try:
            probe = run.known.expectation.asked_of(check.probe)
            prober = self._probers_for(check.deny_private_addresses or self._deny).probers[type(probe)]
            request = ProbeRequest(
                attempt=AttemptId(self.location, 1, self._numbers),
                probe=probe,
                deadline=run.deadline,
                started=now,
            )
            run.underway = prober.start(request, partial(self._seen, run))
        except Exception as error:  # noqa: BLE001  # a check that cannot start costs its own answer
            self._call_at(0, partial(self._seen, run, crashed(error)))

    def _seen(self, run: RemoteRun, observation: Observation) -> None:
        if run not in self._running:
            return
        del self._running[run]
        check, attempt = run.known.check, AttemptId(self.location, 1, run.number)
        sample = run.known.expectation.judge_safely(attempt, run.began, observation)
        is_turned = check is not None and check.upside_down
        self._answer(run, (sample.turned() if is_turned else sample).seen_from(self.location))
        self._go_on()

    def _go_on(self) -> None:
        now = self._clock.read()
        while self._waiting and len(self._running) < self._in_flight_max:
            self._start(self._waiting.popleft(), now)
        if not self._running:
            self.on_idle()

    def _refuse(self, run: RemoteRun, reason: Reason, why: str) -> None:
        self._done["refused"] += 1
        result = LocationResult(
            location=self.location, outcome=Outcome.UNKNOWN, reason=reason, explanation=why
        )
        self._answer(run, result.bounded())

    def _answer(self, run: RemoteRun, result: LocationResult) -> None:
        self._done["answers"] += 1
        found = ProbeFound(run.number, result.outcome, result.reason, result.latency_ns, result.explanation)
        self._gathering(run.owner).add(found, FOUND_BYTES + len(result.explanation.encode()))

    def _gathering(self, owner: str) -> Batching[ProbeFound]:
        found = self._answers.get(owner)
        if found is None:

            def send(answers: list[ProbeFound]) -> None:
                self._publish(owner, tuple(answers), ())

            found = self._answers[owner] = Batching(self._clock, self._call_at, send)
            if len(self._answers) > limits.REMOTE_OWNERS_MAX:
                _, oldest = self._answers.popitem(last=False)
                oldest.flush()
        self._answers.move_to_end(owner)
        return found

    def _publish(self, owner: str, found: tuple[ProbeFound, ...], unknown: tuple[int, ...]) -> None:
        data = encode_batch(AnswerBatch(WIRE_VERSION, self.id, found, unknown))
        subject = answer_subject(owner, self.location, GATHERED)
        # Nothing is kept for later: its owner has called this location silent by then.
        if self.link is None or not self.link.publish(subject, data):
            self._done["dropped"] += len(found) + len(unknown)

    def flush(self) -> None:
        """Sends every answer that waits for others of its message."""
        for gathering in self._answers.values():
            gathering.flush()

    @property
    def is_idle(self) -> bool:
        """Whether no check runs or waits."""
        return not self._running and not self._waiting

    def statistics(self) -> AgentStatistics:
        """Returns what it has done since its start."""
        count = self._done
        return AgentStatistics(
            asks=count["asks"],
            answers=count["answers"],
            refused=count["refused"],
            dropped=count["dropped"],
            running=len(self._running),
            checks_known=len(self._known),
        )

    def close(self) -> None:
        """Cancels what runs; its owners see a silent location."""
        self._waiting.clear()
        running, self._running = self._running, {}
        for run in running:
            if run.underway is not None:
                run.underway.cancel()
        for gathering in self._answers.values():
            gathering.clear_timer()

    def __repr__(self) -> str:
        return f"ProbeServer({self.location}, {self.statistics()})"
