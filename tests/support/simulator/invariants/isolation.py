"""Invariants of isolation: a broken driver or notice ends and delays no other actor, target or notice."""

from collections.abc import Mapping

from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.notice import Delivery, DeliveryState
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S, Moment
from watchkeeper.protocol.recorder import HealthReported
from watchkeeper.protocol.supervisor import ChildExited

from ..surroundings.micro_faults import InjectedCrash
from ..surroundings.ports import UNRENDERABLE
from .violation import Happened

INJECTED = (InjectedCrash.__name__, StoreError.__name__)
"""The errors that the simulator injects: a crash, and a store that cannot be opened."""
SLACK_NS = 2 * NS_PER_S


class IsolationRules:
    """S25: no actor ends by an error that was not injected, and a target with a broken driver delays no other."""

    def __init__(self, roster: Mapping[str, Target], complain: Complain, happened: Happened) -> None:
        self._roster = roster
        self._complain = complain
        self._happened = happened
        self._waited: dict[str, int] = {}
        self._soonest_ns: int | None = None
        self._unrenderable: dict[str, None] = {}
        self.applies = False
        """True where nothing else in this run may delay a poll: no crashes, and a place for every attempt."""

    def disturbed(self) -> None:
        """Forgets the waits: a jump of time or another process may have delayed every target."""
        self._waited = {}
        self._soonest_ns = None

    def reconfigured(self, target: str) -> None:
        """Forgets the wait of a target that is on another grid, paused or removed."""
        self._waited.pop(target, None)

    def poisoned(self, target: str, now: Moment) -> None:
        """A driver breaks its contract: from now on the next attempt of every other target is awaited."""
        self.probing(target)
        if not self.applies:
            return
        for other in self._roster.values():
            if other.id != target and not other.paused and other.is_probed:
                until_ns = now.monotonic_ns + 2 * other.every_ns + other.timeout_ns + SLACK_NS
                self._waited.setdefault(other.id, until_ns)
        self._soonest_ns = min(self._waited.values(), default=None)

    def probing(self, target: str) -> None:
        """An attempt of the target has started."""
        if self._waited.pop(target, None) is not None:
            self._happened("polled beside a poisoned one")

    def passing(self, now_ns: int) -> None:
        """Complains, at every step, about each target that has waited for too long."""
        if self._soonest_ns is None or now_ns <= self._soonest_ns:
            return
        for target, until_ns in self._waited.items():
            if until_ns < now_ns:
                self._complain(
                    "S25", f"{target} was not polled since another target's driver broke its contract"
                )
        self._soonest_ns = min(self._waited.values(), default=None)

    def unrenderable(self, key: str) -> None:
        self._unrenderable[key] = None

    def delivered(self, delivery: Delivery) -> None:
        """Only the notice that cannot be rendered is abandoned for that, and none for an internal fault."""
        failed = delivery.state is DeliveryState.DEAD and "Error(" in delivery.detail
        if failed and (UNRENDERABLE not in delivery.detail or delivery.key not in self._unrenderable):
            self._complain("S25", f"{delivery.key} is abandoned for {delivery.detail}")

    def exited(self, message: ChildExited) -> None:
        """Checks the error of an actor that has ended."""
        self._ended(message.child, message.detail)

    def health(self, message: HealthReported) -> None:
        """Checks the error of a supervisor, whose end is reported as its health."""
        if message.part == "supervisor" and message.detail:
            self._ended(message.part, message.detail)

    def _ended(self, actor: str, detail: str) -> None:
        if detail and not detail.startswith(INJECTED):
            self._complain("S25", f"{actor} ended by an error that was not injected: {detail}")
