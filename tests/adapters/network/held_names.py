"""A name service that answers at the test's word."""

import socket

from watchkeeper.adapters.net.names import LookedUp, ResolvedAddress

FOUND = LookedUp((ResolvedAddress(socket.AF_INET, "127.0.0.1"),))


class HeldNames:
    """Gives the prepared answer to every question: at once, or when the test releases it."""

    def __init__(self) -> None:
        self.answer = FOUND
        self.asked: list[tuple[str, str]] = []
        self.lives = True
        self._held = False
        self._waiting = []

    def ask(self, host, family, answered) -> None:
        self.asked.append((host, family))
        if self._held:
            self._waiting.append(answered)
        else:
            answered(self.answer)

    def answered_since(self, _since_ns) -> bool:
        return self.lives

    def hold(self) -> None:
        self._held = True

    def release(self) -> None:
        self._held = False
        waiting, self._waiting = self._waiting, []
        for answered in waiting:
            answered(self.answer)

    def close(self) -> None:
        self._waiting.clear()
