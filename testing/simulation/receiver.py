"""Receivers: the outside of a channel. They keep keys, and they outlive every process of ours."""

from ...domain.auditing.receipts import Receipts
from ...domain.notice import Notice
from ..script import ALWAYS_OK, Script


class Receiver(Receipts):
    """Behaves by a script."""

    def __init__(self, channel: str, began_ns: int) -> None:
        super().__init__()
        self.channel = channel
        self._began_ns = began_ns
        self.script: Script = ALWAYS_OK
        self.pending: list[Notice] = []
        """Requests that it has yet to look at."""

    def follow(self, script: Script, now_ns: int) -> None:
        """Behave like this from now on."""
        self.script, self._began_ns = script, now_ns

    def since_ns(self, now_ns: int) -> int:
        """How long it has followed its script."""
        return now_ns - self._began_ns
