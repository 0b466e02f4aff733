"""Patience: which deliveries have waited how long, and what the retry policy allows next."""

from collections.abc import Mapping
from itertools import islice

from ..limits import RETRIED_PER_SUCCESS
from .retry import RetryPolicy


class DeliveryBackoff:
    """Remembers, per notice, when it first failed. Owned by the supervisor, which also owns the policies."""

    def __init__(self, policies: Mapping[str, RetryPolicy]) -> None:
        self._policies = policies
        self._first: dict[str, tuple[int, int]] = {}
        """When it failed first, and how many attempts it had had before: one that is re-driven begins anew."""
        self._backing_off: dict[str, dict[str, None]] = {}
        """Per channel the notices that wait as long as the policy says, longest first; not those whose receiver said so."""

    def next_try_ns(
        self, channel: str, key: str, attempts: int, now_ns: int, dice: float, retry_after_ns: int | None
    ) -> int | None:
        """When the notice may be tried again (monotonic); None: it is given up."""
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
            self._backing_off.setdefault(channel, {})[key] = None
        return at_ns

    def settled(self, channel: str, key: str) -> None:
        self._first.pop(key, None)
        self._tried(channel, key)

    def retry_now(self, channel: str) -> tuple[str, ...]:
        """The channel carries again: the notices that need wait no longer. A few each time, so that it is not run over."""
        backing_off = self._backing_off.get(channel, {})
        released = tuple(islice(backing_off, RETRIED_PER_SUCCESS))
        for key in released:
            self._tried(channel, key)
        return released

    def _tried(self, channel: str, key: str) -> None:
        backing_off = self._backing_off.get(channel)
        if backing_off is not None:
            backing_off.pop(key, None)
            if not backing_off:
                del self._backing_off[channel]
