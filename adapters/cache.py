"""A bounded store of answers with their ages."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from ..domain.policy import CachePolicy
from ..domain.time.moment import Moment

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A bounded store of values with their ages that evicts the least recently requested entry. Not thread-safe."""

    def __init__(self, policy: CachePolicy) -> None:
        self.policy = policy
        self._entries: OrderedDict[K, tuple[int, V]] = OrderedDict()

    def fresh(self, key: K, now: Moment, max_age_ns: int | None = None) -> V | None:
        """Returns the kept result that is within the age limits of both the policy and the question, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        age_ns = now.monotonic_ns - entry[0]
        if age_ns > self.policy.fresh_for_ns:
            del self._entries[key]
            return None
        if max_age_ns is not None and age_ns > max_age_ns:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def keep(self, key: K, value: V, since_ns: int) -> None:
        self._entries[key] = since_ns, value
        self._entries.move_to_end(key)
        if len(self._entries) > self.policy.entries_max:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        """Removes one entry, if it is there."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
