"""The children of the supervisor, which it restarts after they end: the permanent actors and the pollers."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ...domain.incidents.own_problems import POLLER
from ...domain.specification.target import Target
from ...domain.supervision.restart import RestartHistory
from ...domain.time.moment import Moment
from ...protocol.recorder import CounterIncreased, HealthReported
from ..dispatch.mailbox.address import Address
from .periodic_timers import ChildRestart, SupervisorContext


class Child(NamedTuple):
    """A permanent actor and the function that starts it, which is given the watched targets."""

    address: Address
    start: Callable[[Iterable[Target]], None]


class RestartTracker:
    """Keeps the restart history of every child that has failed. Owned by one incarnation of the supervisor."""

    def __init__(self, context: SupervisorContext, permanent: Iterable[Child]) -> None:
        self._timers, self._recorder, self._dice = context.timers, context.to.recorder, context.dice
        self._policies, self._roster = context.policies, context.roster
        self._permanent = {child.address.name: child for child in permanent}
        self._histories: dict[str, RestartHistory] = {}

    def missing(self) -> tuple[str, ...]:
        """Returns the names of the children without a living incarnation."""
        dead = (name for name, child in self._permanent.items() if not child.address.alive)
        return (*dead, *self._roster.pollers.missing())

    def is_gone(self, child: str) -> bool:
        """Returns True where this exit needs a restart: the child is still wanted and no later incarnation lives."""
        if child.startswith(POLLER) and child.removeprefix(POLLER) not in self._roster.pollers:
            return False  # its target is not watched any more, or is not probed now
        return not self._alive(child)

    def _alive(self, child: str) -> bool:
        if child.startswith(POLLER):
            return self._roster.pollers.alive(child.removeprefix(POLLER))
        return self._permanent[child].address.alive

    def arm_restart(self, child: str, reason: str, detail: str, now: Moment) -> None:
        """Arms the restart of a child after its backoff, and reports the problem until the child works again."""
        history = self._histories.get(child)
        if history is None:
            policy = self._policies.pollers if child.startswith(POLLER) else self._policies.children
            history = self._histories[child] = RestartHistory(policy)
        restart = history.decide(now.monotonic_ns, self._dice())
        parked = ", quarantined" if restart.quarantined else ""
        self._recorder.tell(HealthReported(child, f"{reason}{parked}: {detail}"))
        self._timers.arm(ChildRestart(child), now.monotonic_ns + restart.after_ns)

    def restart(self, child: str) -> bool:
        """Starts the next incarnation of a child that is still missing and wanted; raises the errors of its start.

        Returns True where this ends the child's problem: for a permanent one. A poller's ends with its first answer.
        """
        if self._alive(child):
            return False
        if child in self._permanent:
            self._permanent[child].start(self._roster.targets.values())
            return True
        target = self._roster.targets.get(child.removeprefix(POLLER))
        if target is not None and target.is_probed:
            self._roster.pollers.start(target)
            self._recorder.tell(CounterIncreased("poller_restarts", 1))
        return False

    def poller_answered(self, target: str) -> None:
        """Ends the problem of a poller that has answered, and forgets its restart history."""
        if POLLER + target in self._histories:
            self.forget_poller(target)

    def forget_poller(self, target: str) -> None:
        """Forgets the restart history and the problem of a target's poller."""
        self._histories.pop(POLLER + target, None)
        self._recorder.tell(HealthReported(POLLER + target, ""))
