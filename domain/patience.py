"""Patience: which deliveries have waited how long, and what the retry policy allows next."""

from collections.abc import Mapping

from .retry import RetryPolicy


class Patience:
    """Remembers, per notice, when it first failed. Owned by the supervisor, which also owns the policies."""

    def __init__(self, policies: Mapping[str, RetryPolicy]) -> None:
        self._policies = policies
        self._first_ns: dict[str, int] = {}

    def next_try_ns(
        self, channel: str, key: str, attempts: int, now_ns: int, dice: float, retry_after_ns: int | None
    ) -> int | None:
        """When the notice may be tried again (monotonic); None: it is given up."""
        first_ns = self._first_ns.setdefault(key, now_ns)
        at_ns = self._policies[channel].next_at_ns(
            attempts=attempts,
            first_at_ns=first_ns,
            now_ns=now_ns,
            dice=dice,
            retry_after_ns=retry_after_ns,
        )
        if at_ns is None:
            self.settled(key)
        return at_ns

    def settled(self, key: str) -> None:
        self._first_ns.pop(key, None)
