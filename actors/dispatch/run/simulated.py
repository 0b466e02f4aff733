"""The dispatcher that runs actors in virtual time, on one thread, in a chosen order."""

import threading
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from pykka import Timeout

from ....domain import limits
from ....domain.time.moment import NS_PER_S, Moment
from .alarm import Alarm
from .dispatcher import Dispatcher, Runnable
from .would_deadlock import WouldDeadlock


class VirtualClock(Protocol):
    """A clock that moves only when `advance_to` is called."""

    def read(self) -> Moment:
        """Returns wall and monotonic time."""
        ...

    def advance_to(self, monotonic_ns: int) -> None:
        """Moves to a moment that is not in the past."""
        ...


class SimulatedDispatcher(Dispatcher):
    """Runs actors on the caller's thread; virtual time moves only when no actor has work left.

    `choose(n)` returns the index of the actor to run next among the n runnable ones; without it they run in order.
    Alarms of one instant become runnable together, so `choose` decides their order too. `turn_messages=1` interleaves
    actors as finely as possible.
    """

    def __init__(
        self,
        clock: VirtualClock,
        choose: Callable[[int], int] | None = None,
        *,
        turn_messages: int = limits.TURN_MESSAGES_MAX,
    ) -> None:
        super().__init__(turn_messages)
        self._clock = clock
        self._choose = choose
        self._ready: deque[Runnable] = deque()
        # A heap: it holds few alarms, where the slots of `Timers` would cost a twentieth more for each check.
        self._alarms: list[tuple[int, int, Alarm]] = []
        self._order = count()
        self._stepping_thread = 0
        self.steps = 0
        """The number of turns that were run."""

    def schedule(self, runnable: Runnable) -> None:
        """Adds a turn to those that may run next."""
        self._ready.append(runnable)

    def call_at(self, monotonic_ns: int, callback: Callable[[], object]) -> Alarm:
        """Calls back at a moment of virtual time."""
        alarm = Alarm(callback)
        heappush(self._alarms, (monotonic_ns, next(self._order), alarm))
        return alarm

    @property
    def living(self) -> tuple[Runnable, ...]:
        """The actors that live, in the order of their start; one that waits for its restart is not among them."""
        return tuple(self._actors)

    def next_alarm_ns(self) -> int | None:
        """Returns the monotonic time of the next alarm; None where none is set."""
        while self._alarms and not self._alarms[0][2].armed:
            heappop(self._alarms)
        return self._alarms[0][0] if self._alarms else None

    def step(self) -> bool:
        """Runs one turn without moving time. Returns False where no actor has work."""
        if not self._ready and not self._ring_due(self._clock.read().monotonic_ns):
            return False
        runnable = self._take_next(self._ready)
        self.steps += 1
        self._stepping_thread = threading.get_ident()
        try:
            runnable.run_turn()
        finally:
            self._stepping_thread = 0
        return True

    def _take_next(self, ready: deque[Runnable]) -> Runnable:
        """Removes and returns the turn to run next; a subclass may choose by the actor."""
        if self._choose is None:
            return ready.popleft()
        index = self._choose(len(ready))
        runnable = ready[index]
        del ready[index]
        return runnable

    def run_until_idle(self) -> int:
        """Runs turns until no actor has work, without moving time. Returns the number of turns."""
        before = self.steps
        self._run_ready(_never)
        return self.steps - before

    def run_until(self, monotonic_ns: int) -> int:
        """Runs turns, and moves time from alarm to alarm up to a moment. Returns the number of turns."""
        before = self.steps
        self._run_through(monotonic_ns, _never)
        if self._clock.read().monotonic_ns < monotonic_ns:
            self._clock.advance_to(monotonic_ns)
        return self.steps - before

    def drive(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Runs turns until `done`, moving virtual time by at most the timeout.

        Raises: Timeout after `timeout_s`; WouldDeadlock from within a turn, and where nothing is left to run.
        """
        if self._stepping_thread:
            raise WouldDeadlock(
                "an actor waited for an answer within its own turn, and no other actor can run: tell instead"
            )
        now_ns = self._clock.read().monotonic_ns
        self._run_through(None if timeout_s is None else now_ns + int(timeout_s * NS_PER_S), done)
        if done():
            return
        if timeout_s is None:
            raise WouldDeadlock("nothing is left to run that could answer: tell instead")
        raise Timeout(f"{timeout_s} seconds")

    def __repr__(self) -> str:
        return f"<SimulatedDispatcher: {len(self._actors)} actors, {len(self._ready)} ready, {len(self._alarms)} alarms>"

    def _run_ready(self, done: Callable[[], bool]) -> None:
        limit = self.steps + limits.SIMULATED_STEPS_MAX
        while not done() and self.step():
            if self.steps > limit:
                raise RuntimeError(
                    f"the actors do not become idle: {limits.SIMULATED_STEPS_MAX} turns at one instant"
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
        """Makes every due alarm runnable. Returns True where a turn can run."""
        while (due_ns := self.next_alarm_ns()) is not None and due_ns <= now_ns:
            self._ready.append(heappop(self._alarms)[2])
        return bool(self._ready)


def _never() -> bool:
    return False
