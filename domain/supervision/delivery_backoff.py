"""The backoff of deliveries: when each notice first failed, and when the retry policy allows the next attempt."""

from collections.abc import Mapping
from itertools import islice

from ..limits import RETRIED_PER_SUCCESS
from .retry import RetryPolicy


class DeliveryBackoff:
    """Owns, per notice, the moment of its first failure. Owned by the supervisor, which also owns the policies."""

    def __init__(self, policies: Mapping[str, RetryPolicy]) -> None:
        self._policies = policies
        self._first: dict[str, tuple[int, int]] = {}
        """The moment of the first failure, and the attempts before it: a re-driven notice starts with a new budget."""
        self._backing_off: dict[str, dict[str, None]] = {channel: {} for channel in policies}
        """Per channel, the notices that wait by the policy, longest first; not those with a `Retry-After`."""

    def next_try_ns(
        self, channel: str, key: str, attempts: int, now_ns: int, dice: float, retry_after_ns: int | None
    ) -> int | None:
        """Returns the moment of the next attempt (monotonic); None where the notice is given up."""
        first_ns, before = self._first.setdefault(key, (now_ns, attempts - 1))
        at_ns = self._policies[channel].next_at_ns(
            attempts=attempts - before,
            first_at_ns=first_ns,
            now_ns=now_ns,
            dice=dice,
            retry_after_ns=retry_after_ns,
        )
        if at_ns is None:
            self.settled(channel, key)
        elif not retry_after_ns:
            self._backing_off[channel][key] = None
        return at_ns

    def settled(self, channel: str, key: str) -> None:
        self._first.pop(key, None)
        self._backing_off[channel].pop(key, None)

    def retry_now(self, channel: str) -> tuple[str, ...]:
        """Returns the notices to retry after a success: at most RETRIED_PER_SUCCESS, to spare the channel."""
        backing_off = self._backing_off[channel]
        released = tuple(islice(backing_off, RETRIED_PER_SUCCESS))
        for key in released:
            del backing_off[key]
        return released
