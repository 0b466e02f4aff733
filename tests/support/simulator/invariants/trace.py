"""The trace: a rolling hash over everything that is handled, equal for equal runs in whatever process."""

from collections import deque
from collections.abc import Callable
from hashlib import blake2b

import msgspec

LINES_KEPT = 60


class Trace:
    """Hashes time, actor, incarnation, message type and content of every step; keeps the last few as text."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._hash = blake2b(digest_size=12)
        self._encode = msgspec.msgpack.Encoder().encode
        self._last: deque[tuple[int, str, int, object]] = deque(maxlen=LINES_KEPT)
        self._update = self._hash.update
        self._keep = self._last.append
        self.steps = 0
        self.at_once = 0
        """How many steps there were at the present instant."""
        self._at_ns = -1

    def note(self, name: str, epoch: int, message: object) -> None:
        """One thing happened."""
        now_ns = self._now_ns()
        self.steps += 1
        self.at_once = self.at_once + 1 if now_ns == self._at_ns else 0
        self._at_ns = now_ns
        self._update(self._encode((now_ns, name, epoch, type(message).__name__, message)))
        self._keep((now_ns, name, epoch, message))

    def digest(self) -> str:
        return self._hash.hexdigest()

    def tail(self) -> list[str]:
        """The last steps, for people."""
        return [
            f"{now_ns / 1e9:.6f} {name}#{epoch} {str(message)[:240]}"
            for now_ns, name, epoch, message in self._last
        ]
