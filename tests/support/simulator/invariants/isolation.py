"""Invariants of isolation: what is poisoned harms itself, and nobody else ends or stands still for it."""

from collections.abc import Mapping

from watchkeeper.domain.auditing.violation import Complain, Happened
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.notice import Delivery, DeliveryState
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S, Moment
from watchkeeper.protocol.recorder import HealthReported
from watchkeeper.protocol.supervisor import ChildExited

from ..surroundings.micro_faults import InjectedCrash
from ..surroundings.ports import UNRENDERABLE

INJECTED = (InjectedCrash.__name__, StoreError.__name__)
"""How the ends are called that are the simulator's own doing: a crash, and a sink that cannot open its store."""
SLACK_NS = 2 * NS_PER_S


class IsolationRules:
    """S25: no actor ends by an error that was not put into it, and beside a poisoned target all others are polled on."""

    def __init__(self, roster: Mapping[str, Target], complain: Complain, happened: Happened) -> None:
        self._roster = roster
        self._complain = complain
        self._happened = happened
        self._waited: dict[str, int] = {}
        self._soonest_ns: int | None = None
        self._unrenderable: dict[str, None] = {}
        self.applies = False
        """Whether nothing else in this run may keep a target from being polled: crashes, or too few places."""

    def disturbed(self) -> None:
        """Time jumped, or another process began: who was late may be late for that."""
        self._waited = {}
        self._soonest_ns = None

    def reconfigured(self, target: str) -> None:
        """It is on another grid, paused, or gone."""
        self._waited.pop(target, None)

    def poisoned(self, target: str, now: Moment) -> None:
        """The driver of a target breaks its contract: from now on the others' next looks are waited for."""
        self.probing(target)
        if not self.applies:
            return
        for other in self._roster.values():
            if other.id != target and not other.paused and other.heartbeat is None:
                until_ns = now.monotonic_ns + 2 * other.every_ns + other.timeout_ns + SLACK_NS
                self._waited.setdefault(other.id, until_ns)
        self._soonest_ns = min(self._waited.values(), default=None)

    def probing(self, target: str) -> None:
        """It is looked at."""
        if self._waited.pop(target, None) is not None:
            self._happened("looked at beside a poisoned one")

    def passing(self, now_ns: int) -> None:
        """At every step: has anybody waited for too long?"""
        if self._soonest_ns is None or now_ns <= self._soonest_ns:
            return
        for target, until_ns in self._waited.items():
            if until_ns < now_ns:
                self._complain(
                    "S25", f"{target} stands still since another target's driver broke its contract"
                )
        self._soonest_ns = min(self._waited.values(), default=None)

    def unrenderable(self, key: str) -> None:
        self._unrenderable[key] = None

    def delivered(self, delivery: Delivery) -> None:
        """Only the notice that cannot be sent is given up for it, and none for an error of ours."""
        failed = delivery.state is DeliveryState.DEAD and "Error(" in delivery.detail
        if failed and (UNRENDERABLE not in delivery.detail or delivery.key not in self._unrenderable):
            self._complain("S25", f"{delivery.key} is given up for {delivery.detail}")

    def exited(self, message: ChildExited) -> None:
        """An actor has ended."""
        self._ended(message.child, message.detail)

    def health(self, message: HealthReported) -> None:
        """The end of a supervisor is told as its health."""
        if message.part == "supervisor" and message.detail:
            self._ended(message.part, message.detail)

    def _ended(self, actor: str, detail: str) -> None:
        if detail and not detail.startswith(INJECTED):
            self._complain("S25", f"{actor} ended by an error of ours: {detail}")
