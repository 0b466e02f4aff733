"""Restart policy in OTP's words, with backoff, and quarantine where OTP would give up."""

from collections import deque
from enum import StrEnum

import msgspec

from .units import NS_PER_S


class RestartType(StrEnum):
    """When a child that ended is started again."""

    PERMANENT = "permanent"
    """Always restarted."""
    TRANSIENT = "transient"
    """Restarted unless it ended by itself in good order."""
    TEMPORARY = "temporary"
    """Never restarted."""


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How a child is brought back: at most `intensity` restarts within `period`, each after a backoff."""

    name: str
    type: RestartType = RestartType.PERMANENT
    intensity: int = 5
    period_ns: int = 60 * NS_PER_S
    backoff_ns_min: int = NS_PER_S
    backoff_ns_max: int = 300 * NS_PER_S
    factor: float = 2.0
    jitter: float = 0.2
    quarantine_retry_ns: int = 600 * NS_PER_S
    """A quarantined child is tried again this often: parked, visible, never silently gone."""


class Restart(msgspec.Struct, frozen=True):
    """What to do about a child that ended."""

    after_ns: int
    quarantined: bool = False


class RestartHistory:
    """The recent restarts of one child, and the decision about the next. Owned by the supervisor."""

    __slots__ = ("_at_ns", "policy", "quarantined", "restarts")

    def __init__(self, policy: RestartPolicy) -> None:
        self.policy = policy
        self._at_ns: deque[int] = deque()
        self.restarts = 0
        self.quarantined = False

    def decide(self, now_ns: int, dice: float, *, in_good_order: bool) -> Restart | None:
        """When to start the child again; None: not at all. `dice` is drawn from [0, 1)."""
        policy = self.policy
        if policy.type is RestartType.TEMPORARY or (in_good_order and policy.type is RestartType.TRANSIENT):
            return None
        while self._at_ns and self._at_ns[0] < now_ns - policy.period_ns:
            self._at_ns.popleft()
        recent = len(self._at_ns)
        self._at_ns.append(now_ns)
        self.restarts += 1
        self.quarantined = recent >= policy.intensity
        if self.quarantined:
            return Restart(policy.quarantine_retry_ns, quarantined=True)
        grown = min(policy.backoff_ns_min * policy.factor**recent, policy.backoff_ns_max)
        return Restart(int(grown * (1.0 - policy.jitter * dice)))
