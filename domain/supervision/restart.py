"""Restart policies in OTP's terms, with backoff, and with quarantine where OTP would give up; every child is permanent.

All policies that the supervisor applies are here, with the defaults for values that are not configured.
"""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ..limits import COMMIT_SAMPLES_NS
from ..policy import CancellationPolicy
from ..public_value import PublicValue
from ..units import NS_PER_MS, NS_PER_S
from .admission import AdmissionPolicy
from .own_network import ConnectivityPolicy
from .progress import PingPolicy
from .retry import RetryPolicy


class RestartPolicy(PublicValue, frozen=True, kw_only=True):
    """The restart policy of a child: at most `intensity` restarts within `period`, each after a backoff."""

    name: str
    intensity: int = 5
    """So many restarts within the period are ordinary; one more is quarantine."""
    period_ns: int = 60 * NS_PER_S
    """The span in which restarts count: the waits of five restarts in a row, 31 s at most, fit in it."""
    backoff_ns_min: int = NS_PER_S
    """The wait before the first restart within the period."""
    factor: float = 2.0
    """Each further wait is so many times as long as the one before it; the fifth is the last before quarantine."""
    jitter: float = 0.2
    """At most this share is subtracted from each wait, so that children that crash together do not restart together."""
    quarantine_retry_ns: int = 600 * NS_PER_S
    """A quarantined child stays visible and is restarted at this interval."""


CHILD_POLICY = RestartPolicy(
    name="infrastructure", backoff_ns_min=100 * NS_PER_MS, quarantine_retry_ns=30 * NS_PER_S
)
"""Without these children nothing is recorded or delivered, so their waits are short, even in quarantine."""
POLLER_POLICY = RestartPolicy(name="poller")
FLUSH_EVERY_NS = 5 * NS_PER_S
REOPEN_POLICY = RetryPolicy(name="reopen store", backoff_ns_max=15 * NS_PER_S)
DATABASE_REOPEN_POLICY = RetryPolicy(
    name="reopen store", first_ns=250 * NS_PER_MS, backoff_ns_max=500 * NS_PER_MS
)
"""After a time in which a database was away for all, others claim what its owners have not reopened within a lease."""


class SupervisorPolicies(NamedTuple):
    """All policies that the supervisor applies, printable as a whole."""

    admission: AdmissionPolicy
    retries: Mapping[str, RetryPolicy]
    """One per channel."""
    reopen: RetryPolicy = REOPEN_POLICY
    children: RestartPolicy = CHILD_POLICY
    pollers: RestartPolicy = POLLER_POLICY
    cancellation: CancellationPolicy = CancellationPolicy()
    connectivity: ConnectivityPolicy = ConnectivityPolicy()
    ping: PingPolicy = PingPolicy()
    commit_samples_ns: int = COMMIT_SAMPLES_NS
    """How long a sample waits for others before it is committed; a transition never does."""
    commit_grid_ns: int = 1
    """The grid on which commits of samples lie, at the last moment of it that is in time."""
    flush_every_ns: int = FLUSH_EVERY_NS
    """How long a record that is not urgent, such as a failed attempt to deliver, may wait for a commit."""


class Restart(msgspec.Struct, frozen=True):
    """The decision about a child that ended."""

    after_ns: int
    quarantined: bool = False


class RestartHistory:
    """The recent restarts of one child, and the decision about the next one. Owned by the supervisor."""

    __slots__ = ("_at_ns", "_policy")

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self._at_ns: deque[int] = deque()

    def decide(self, now_ns: int, dice: float) -> Restart:
        """Returns when to restart the child. `dice` is drawn from [0, 1)."""
        policy = self._policy
        while self._at_ns and self._at_ns[0] < now_ns - policy.period_ns:
            self._at_ns.popleft()
        recent = len(self._at_ns)
        self._at_ns.append(now_ns)
        if recent >= policy.intensity:
            return Restart(policy.quarantine_retry_ns, quarantined=True)
        grown = policy.backoff_ns_min * policy.factor**recent
        return Restart(int(grown * (1.0 - policy.jitter * dice)))
