"""The rate of a channel: how many attempts may begin in a length of time."""

from collections import deque


class RateLimit:
    """Lets at most `count` attempts begin in any span of `length_ns`. It is told the time, and begins anew with the process."""

    def __init__(self, count: int, length_ns: int) -> None:
        self._count, self._length_ns = count, length_ns
        self._begun: deque[int] = deque()
        """When the attempts of the last span began, the oldest first."""

    def take(self, now_ns: int) -> bool:
        """Returns whether another attempt may begin at `now_ns` (wall), and counts it if so."""
        self._forget(now_ns)
        if len(self._begun) >= self._count:
            return False
        self._begun.append(now_ns)
        return True

    def _forget(self, now_ns: int) -> None:
        if self._begun and now_ns < self._begun[-1]:
            # The clock was set back: what was counted lies in a future that may be years away.
            self._begun.clear()
        while self._begun and self._begun[0] + self._length_ns <= now_ns:
            self._begun.popleft()

    @property
    def next_ns(self) -> int | None:
        """When the next attempt may begin (wall); None where it may now."""
        return self._begun[0] + self._length_ns if len(self._begun) >= self._count else None
