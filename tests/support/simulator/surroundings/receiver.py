"""Receivers: the outside of a channel. They keep the applied keys, and they outlive every simulated process."""

from watchkeeper.domain.auditing.receipts import Receipts
from watchkeeper.domain.incidents.notice import Notice
from watchkeeper.testing.script import ALWAYS_OK, Script


class Receiver(Receipts):
    """A receiver that follows a script."""

    def __init__(self, channel: str, began_ns: int) -> None:
        super().__init__()
        self.channel = channel
        self._began_ns = began_ns
        self.script: Script = ALWAYS_OK
        self._pending: list[tuple[int, Notice]] = []
        self.first_ns: dict[str, int] = {}
        """When each key arrived first."""

    def follow(self, script: Script, now_ns: int) -> None:
        """Sets the script, which begins now."""
        self.script, self._began_ns = script, now_ns

    def take_in(self, at_ns: int, notice: Notice, attempt: int) -> None:
        """A request arrives."""
        self.first_ns.setdefault(notice.key, at_ns)
        self.arrived(notice, attempt)

    def expect(self, notice: Notice, at_ns: int) -> None:
        """Records a request that the receiver processes at a time."""
        self._pending.append((at_ns, notice))
        self._pending.sort(key=lambda request: request[0])

    def due(self, now_ns: int) -> list[Notice]:
        """Returns the notices that it has processed by now, in its own order, even where the process stood still."""
        taken = [notice for at_ns, notice in self._pending if at_ns <= now_ns]
        self._pending = self._pending[len(taken) :]
        return taken

    def since_ns(self, now_ns: int) -> int:
        """Returns the time since the script began."""
        return now_ns - self._began_ns
