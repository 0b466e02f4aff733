"""Schedules: the choice of the next turn. Each kind explores other interleavings; draws of zero are first in, first out."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from watchkeeper.actors.dispatch.run.dispatcher import Runnable
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher, VirtualClock

from ..cases.tape import Stream
from .addresses import WatchedAddress
from .causality import Causality

PRIORITIES = 1 << 30
"""So many that two turns seldom draw the same."""
DEVIATION_WITHIN = 20_000
"""Deviations and changes of priority are drawn from so many turns: 40 seeds took 2,139 to 17,361, half of them more than
7,091. One behind the end of a run does nothing."""


class Schedule(Protocol):
    """Chooses the next turn."""

    def pick(self, ready: deque[Runnable]) -> int:
        """Returns the index of the next turn in `ready`."""
        ...


class FewDeviations:
    """First in, first out, except for a few turns."""

    def __init__(self, stream: Stream, deviations: int) -> None:
        self._stream = stream
        self._turns = 0
        # On a tape of zeros turn 0 "deviates" to the first in line: nothing happens.
        self._at = {stream.below(DEVIATION_WITHIN): None for _ in range(deviations)}

    def pick(self, ready: deque[Runnable]) -> int:
        turn, self._turns = self._turns, self._turns + 1
        return self._stream.below(len(ready)) if turn in self._at else 0


class Uniform:
    """Every turn with equal chances."""

    def __init__(self, stream: Stream) -> None:
        self._below = stream.below

    def pick(self, ready: deque[Runnable]) -> int:
        count = len(ready)
        return self._below(count) if count > 1 else 0


class PartialOrder:
    """POS: every turn gets a random priority when it becomes possible, so that one actor may run often in a row."""

    def __init__(self, stream: Stream) -> None:
        self._below = stream.below
        self._priorities: dict[Runnable, int] = {}

    def pick(self, ready: deque[Runnable]) -> int:
        if len(ready) == 1 and not self._priorities:
            return 0
        chosen, best = 0, PRIORITIES
        for index, runnable in enumerate(ready):
            priority = self._priorities.get(runnable)
            if priority is None:
                priority = self._priorities[runnable] = self._below(PRIORITIES)
            if priority < best:
                chosen, best = index, priority
        del self._priorities[ready[chosen]]
        return chosen


class CausalChains:
    """PCTCP: a priority per causal chain of messages, and `depth` - 1 moments at which the running chain falls behind all.

    A bug that needs `depth` messages in a certain order is found with a chance that depends on the number of
    messages and not on how long an actor must wait for it (Ozkan et al., OOPSLA 2018).
    """

    def __init__(self, stream: Stream, depth: int, causality: Causality) -> None:
        self._below = stream.below
        self._causality = causality
        self._priorities: dict[int, int] = {}
        self._errands: dict[Runnable, int] = {}
        self._turns = 0
        self._changes = {stream.below(DEVIATION_WITHIN): PRIORITIES + 1 + k for k in range(depth - 1)}

    def pick(self, ready: deque[Runnable]) -> int:
        chosen, best = 0, 1 << 62
        for index, runnable in enumerate(ready):
            priority = self._priority(runnable)
            if priority < best:
                chosen, best = index, priority
        self._run(ready[chosen])
        return chosen

    def _run(self, runnable: Runnable) -> None:
        chain = self._chain(runnable)
        self._errands.pop(runnable, None)
        self._causality.begin(chain)
        self._turns += 1
        behind = self._changes.pop(self._turns, None)
        if behind is not None:
            self._priorities[chain] = behind

    def _priority(self, runnable: Runnable) -> int:
        chain = self._chain(runnable)
        priority = self._priorities.get(chain)
        if priority is None:
            priority = self._priorities[chain] = self._below(PRIORITIES)
        return priority

    def _chain(self, runnable: Runnable) -> int:
        if isinstance(runnable, WatchedAddress):
            head = runnable.head_chain()
            if head is not None:
                return head
        chain = self._errands.get(runnable)
        if chain is None:
            chain = self._errands[runnable] = self._causality.new_chain()
        return chain


def schedule_of(text: str, stream: Stream, causality: Causality) -> Schedule:
    """Returns the schedule that a word names. Raises: ValueError with the known names."""
    match text.split(":"):
        case ["fifo"]:
            return FewDeviations(stream, 0)
        case ["fifo", count] if count.isdigit():
            return FewDeviations(stream, int(count))
        case ["random"]:
            return Uniform(stream)
        case ["pos"]:
            return PartialOrder(stream)
        case ["pct", depth] if depth.isdigit() and depth != "0":
            return CausalChains(stream, int(depth), causality)
    raise ValueError(f"no schedule is called {text!r}; there are fifo:K, random, pos, pct:D")


class ScheduledDispatcher(SimulatedDispatcher):
    """Runs actors in virtual time in the order that a schedule chooses."""

    def __init__(self, clock: VirtualClock, schedule: Schedule, *, turn_messages: int) -> None:
        super().__init__(clock, turn_messages=turn_messages)
        self._schedule = schedule

    def follow(self, schedule: Schedule) -> None:
        """Replaces the schedule."""
        self._schedule = schedule

    def run_through(self, until_ns: int, enough: Callable[[], bool]) -> bool:
        """Runs turns and moves time up to a moment. Returns True where `enough()`, asked after every turn, ended it before."""
        self._run_through(until_ns, enough)
        if enough():
            return True
        if self._clock.read().monotonic_ns < until_ns:
            self._clock.advance_to(until_ns)
        return False

    def _take_next(self, ready: deque[Runnable]) -> Runnable:
        index = self._schedule.pick(ready)
        if index == 0:
            return ready.popleft()
        runnable = ready[index]
        del ready[index]
        return runnable
