"""Admission: the bound on running attempts and the queue of waiting ones."""

from collections import deque
from typing import Generic, TypeVar

from .. import limits
from ..public_value import PublicValue

WaitingAttempt = TypeVar("WaitingAttempt")


class AdmissionPolicy(PublicValue, frozen=True, kw_only=True):
    """At most `in_flight_max` attempts run; later ones queue first in, first out, within their own deadlines."""

    name: str = "attempts"
    in_flight_max: int = limits.IN_FLIGHT_MAX
    """How many attempts run at once: `runtime.in_flight_max`."""


class Admission(Generic[WaitingAttempt]):
    """Owns the count of running attempts and the queue of waiting ones."""

    __slots__ = ("_policy", "_queue", "running")

    def __init__(self, policy: AdmissionPolicy) -> None:
        self._policy = policy
        self._queue: deque[WaitingAttempt] = deque()
        self.running = 0

    def enter(self, waiting: WaitingAttempt) -> bool:
        """Returns True where the attempt may run now; otherwise queues it."""
        if self.running < self._policy.in_flight_max:
            self.running += 1
            return True
        self._queue.append(waiting)
        return False

    def leave(self) -> None:
        """Notes that a running attempt has ended."""
        self.running -= 1

    def next(self) -> WaitingAttempt | None:
        """Admits the attempt that has waited longest, if there is room; the caller runs it or calls `leave`."""
        if not self._queue or self.running >= self._policy.in_flight_max:
            return None
        self.running += 1
        return self._queue.popleft()
