"""Actors in virtual time: one thread, and a choice of what runs next."""

import threading
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from pykka import Timeout

from ....domain.limits import SIMULATED_STEPS_MAX, TURN_MESSAGES_MAX
from ....domain.time.moment import NS_PER_S, Moment
from .alarm import Alarm, Errand
from .dispatcher import Runnable
from .would_deadlock import WouldDeadlock


class VirtualClock(Protocol):
    """A clock that stands still until it is told."""

    def read(self) -> Moment:
        """Both hands."""
        ...

    def advance_to(self, monotonic_ns: int) -> None:
        """Move on to a moment that is not in the past."""
        ...


class SimulatedDispatcher:
    """Runs actors when told to, in the caller's thread; time moves only when nobody has anything left to do.

    `choose(n)` gives the index of the actor to run next among the n that could; without it they run in order. Alarms
    of one instant become runnable together, so the same choice settles their order. `turn_messages=1` interleaves
    actors as finely as messages allow.
    """

    monotonic_ns = None

    def __init__(
        self,
        clock: VirtualClock,
        choose: Callable[[int], int] | None = None,
        *,
        turn_messages: int = TURN_MESSAGES_MAX,
    ) -> None:
        self.turn_messages = turn_messages
        self._clock = clock
        self._choose = choose
        self._ready: deque[Runnable] = deque()
        self._alarms: list[tuple[int, int, Alarm]] = []
        self._order = count()
        self._actors: dict[Runnable, None] = {}
        self._stepping_thread = 0
        self._steps = 0

    def schedule(self, runnable: Runnable) -> None:
        """Make it one of those that could run next."""
        self._ready.append(runnable)

    def call_at(self, monotonic_ns: int, callback: Callable[[], object]) -> Alarm:
        """Call back at a moment of virtual time."""
        alarm = Alarm(monotonic_ns, callback)
        heappush(self._alarms, (monotonic_ns, next(self._order), alarm))
        return alarm

    def adopt(self, runnable: Runnable) -> None:
        """Hold the actor until it ends."""
        self._actors[runnable] = None

    def release(self, runnable: Runnable) -> None:
        """Let go of an actor that has ended."""
        self._actors.pop(runnable, None)

    def pending(self) -> int:
        """How many could run now."""
        return len(self._ready)

    @property
    def steps(self) -> int:
        """How many turns were run."""
        return self._steps

    def next_alarm_ns(self) -> int | None:
        """When the next alarm rings; None when none is set."""
        while self._alarms and not self._alarms[0][2].armed:
            heappop(self._alarms)
        return self._alarms[0][0] if self._alarms else None

    def step(self) -> bool:
        """Run one turn now, without moving time. False when nobody has anything to do."""
        if not self._ready and not self._ring_due(self._clock.read().monotonic_ns):
            return False
        runnable = self._take_next(self._ready)
        self._steps += 1
        self._stepping_thread = threading.get_ident()
        try:
            runnable.run_turn()
        finally:
            self._stepping_thread = 0
        return True

    def _take_next(self, ready: deque[Runnable]) -> Runnable:
        """Choose among those that could run; a subclass may look at who they are."""
        if self._choose is None:
            return ready.popleft()
        index = self._choose(len(ready))
        runnable = ready[index]
        del ready[index]
        return runnable

    def run_until_idle(self) -> int:
        """Run turns until nobody has anything to do now. Returns how many. Time does not move."""
        before = self._steps
        self._run_ready(_never)
        return self._steps - before

    def run_until(self, monotonic_ns: int) -> int:
        """Run turns, and move time from alarm to alarm up to a moment. Returns how many turns."""
        before = self._steps
        self._run_through(monotonic_ns, _never)
        if self._clock.read().monotonic_ns < monotonic_ns:
            self._clock.advance_to(monotonic_ns)
        return self._steps - before

    def drive(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Run until `done`, moving virtual time by at most the timeout. Raises Timeout or WouldDeadlock."""
        if self._stepping_thread:
            raise WouldDeadlock(
                "an actor waited for an answer within its own turn, and nobody else can run: tell instead"
            )
        now_ns = self._clock.read().monotonic_ns
        self._run_through(None if timeout_s is None else now_ns + int(timeout_s * NS_PER_S), done)
        if done():
            return
        if timeout_s is None:
            raise WouldDeadlock("nothing is left to run that could answer")
        raise Timeout(f"{timeout_s} seconds")

    def __repr__(self) -> str:
        return f"<SimulatedDispatcher: {len(self._actors)} actors, {len(self._ready)} ready, {len(self._alarms)} alarms>"

    def _run_ready(self, done: Callable[[], bool]) -> None:
        limit = self._steps + SIMULATED_STEPS_MAX
        while not done() and self.step():
            if self._steps > limit:
                raise RuntimeError(
                    f"the actors never come to rest: {SIMULATED_STEPS_MAX} turns at one instant"
                )

    def _run_through(self, until_ns: int | None, done: Callable[[], bool]) -> None:
        while True:
            self._run_ready(done)
            due_ns = self.next_alarm_ns()
            if done() or due_ns is None or (until_ns is not None and due_ns > until_ns):
                return
            if due_ns > self._clock.read().monotonic_ns:
                self._clock.advance_to(due_ns)

    def _ring_due(self, now_ns: int) -> bool:
        """Make every alarm that is due runnable. True when there was one."""
        while (due_ns := self.next_alarm_ns()) is not None and due_ns <= now_ns:
            self._ready.append(Errand(heappop(self._alarms)[2].ring))
        return bool(self._ready)


def _never() -> bool:
    return False
