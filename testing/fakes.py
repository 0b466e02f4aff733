"""Probes, channels and a store in virtual time: targets follow scripts, channels record each request, a disk can be full."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ..adapters.channels.recipes.recipe import GONE
from ..adapters.stores.memory import MemoryStore
from ..domain.errors import StoreError
from ..domain.incidents.notice import Answer, Notice
from ..domain.incidents.record import Batch
from ..domain.observation.attempt import CancelOutcome, ProbeRequest
from ..domain.observation.observation import Observation
from ..domain.observation.outcome import Outcome, Reason
from ..domain.specification.target import Target
from ..domain.time.moment import Deadline, Moment
from ..domain.time.timers import CallAt
from .places import found_at_places, require_places
from .script import ALWAYS_DOWN, ALWAYS_OK, Behaviours, Script, ScriptedBehaviour


class Pending:
    """An answer that arrives at a moment of virtual time, unless it is cancelled before."""

    def __init__(self, call_at: CallAt, at_ns: int, deliver: Callable[[], None]) -> None:
        self._deliver: Callable[[], None] | None = deliver
        self._alarm = call_at(at_ns, self._arrive)

    def _arrive(self) -> None:
        deliver, self._deliver = self._deliver, None
        if deliver is not None:
            deliver()

    def cancel(self) -> CancelOutcome:
        if self._deliver is None:
            return CancelOutcome.COMPLETED_ANYWAY
        self._deliver = None
        self._alarm.cancel()
        return CancelOutcome.WITHOUT_EFFECT


class ScriptedProber:
    """A prober that answers by each target's script; a target without one is always well."""

    def __init__(
        self,
        read: Callable[[], Moment],
        call_at: CallAt,
        target_of: Callable[[str], Target | None] = lambda _: None,
    ) -> None:
        """`target_of` gives the specification of a target: from where it is probed, and whether it is well when it fails."""
        self._read, self._target_of = read, target_of
        self._call_at = call_at
        self._scripts: dict[str, tuple[int, Behaviours]] = {}
        self.started = 0

    def script(self, target: str, script: Behaviours) -> None:
        """Sets the script of a target, which begins now. Raises: ValueError for a location that the target does not have."""
        require_places(self._target_of(target), script)
        self._scripts[target] = (self._read().monotonic_ns, script)

    def start(self, request: ProbeRequest, done: Callable[[Observation], None]) -> Pending:
        self.started += 1
        now_ns = self._read().monotonic_ns
        began_ns, script = self._scripts.get(request.attempt.target) or (now_ns, self._well(request))
        behaviour = script.at(now_ns - began_ns)
        left_ns = request.deadline.monotonic_ns - now_ns
        after_ns = behaviour.within(left_ns)
        observation = self._seen(behaviour, request, left_ns, after_ns)
        return Pending(self._call_at, now_ns + after_ns, partial(done, observation))

    def _seen(
        self, behaviour: ScriptedBehaviour, request: ProbeRequest, left_ns: int, after_ns: int
    ) -> Observation:
        target = self._target_of(request.attempt.target)
        if target is not None and target.places and not behaviour.is_same_everywhere:
            return found_at_places(target, behaviour, request)
        return _timed_out(left_ns) if after_ns == left_ns else behaviour.observation

    def _well(self, request: ProbeRequest) -> Script:
        target = self._target_of(request.attempt.target)
        return ALWAYS_DOWN if target is not None and target.upside_down is True else ALWAYS_OK

    def close(self) -> None:
        self._scripts.clear()


def _timed_out(after_ns: int) -> Observation:
    return Observation(
        connected=False, outcome=Outcome.TIMED_OUT, reason=Reason.TIMED_OUT, response_time_ns=after_ns
    )


class Post(NamedTuple):
    """One request as the channel received it."""

    at: Moment
    notice: Notice
    attempt: int
    accepted: bool


class ScriptedMessenger:
    """A channel that follows a script (`ok`, `down`, `hang`, `slow 2s`, `status 503`) and records every post."""

    def __init__(self, name: str, read: Callable[[], Moment], call_at: CallAt) -> None:
        self._name = name
        self._read = read
        self._call_at = call_at
        self._began_ns = read().monotonic_ns
        self._script = ALWAYS_OK
        self.is_scripted = False
        self.posts: list[Post] = []

    def script(self, script: Script) -> None:
        self._began_ns = self._read().monotonic_ns
        self._script = script
        self.is_scripted = True

    @property
    def accepted(self) -> dict[str, Notice]:
        """The notices that a receiver which applies each key once has applied, in the order of first acceptance."""
        applied: dict[str, Notice] = {}
        for post in self.posts:
            if post.accepted:
                applied.setdefault(post.notice.key, post.notice)
        return applied

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> Pending:
        now = self._read()
        behaviour = self._script.at(now.monotonic_ns - self._began_ns)
        answer = answer_to(behaviour.observation)
        left_ns = deadline.remaining_ns(now)
        after_ns = behaviour.within(left_ns)
        # A hanging receiver has applied the notice and does not answer: the worst case for a retry.
        silent = after_ns == left_ns
        self.posts.append(Post(now, notice, attempt, answer.accepted or silent))
        if silent:
            answer = Answer(accepted=False, detail="timed out")
        return Pending(self._call_at, now.monotonic_ns + after_ns, partial(done, answer))

    def close(self) -> None:
        """Keeps the recorded posts, so that a test can still read them."""


class ScriptedPinger:
    """A dead man's switch that follows a script (`ok`, `status 503`, `hang`) and records every ping."""

    def __init__(self, read: Callable[[], Moment], call_at: CallAt) -> None:
        self._read, self._call_at = read, call_at
        self._began_ns = read().monotonic_ns
        self._script = ALWAYS_OK
        self.pings: list[Moment] = []

    def script(self, script: Script) -> None:
        self._began_ns = self._read().monotonic_ns
        self._script = script

    def ping(self, deadline: Deadline, done: Callable[[str], None]) -> Pending:
        now = self._read()
        self.pings.append(now)
        behaviour = self._script.at(now.monotonic_ns - self._began_ns)
        answer = answer_to(behaviour.observation)
        left_ns = deadline.remaining_ns(now)
        after_ns = behaviour.within(left_ns)
        detail = "" if answer.accepted else answer.detail
        if after_ns == left_ns:
            detail = "timed out"
        return Pending(self._call_at, now.monotonic_ns + after_ns, partial(done, detail))


class ScriptedStore(MemoryStore):
    """The store in memory, on a disk that can be full for a while."""

    def __init__(self, read: Callable[[], Moment]) -> None:
        super().__init__()
        self._read = read
        self._full_until_ns = 0

    def refuse_until(self, monotonic_ns: int) -> None:
        """Lets every commit fail until a moment; nothing of it is written."""
        self._full_until_ns = monotonic_ns

    def commit(self, batch: Batch) -> int:
        """Commits a batch.

        Raises: StoreError while the disk is full.
        """
        if self._read().monotonic_ns < self._full_until_ns:
            raise StoreError("the disk is full, as scripted")
        return super().commit(batch)


def answer_to(observation: Observation) -> Answer:
    """Returns the answer of a receiver whose behaviour is this observation."""
    status = observation.status
    if status is None:
        return Answer(accepted=False, detail=observation.reason.value)
    return Answer(accepted=200 <= status < 300, retryable=status != GONE, detail=f"HTTP {status}")
