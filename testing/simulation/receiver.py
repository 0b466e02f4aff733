"""Receivers: the outside of a channel. They keep keys, and they outlive every process of ours."""

from typing import NamedTuple

from ...domain.moment import Moment
from ...domain.notice import Notice
from ..script import ALWAYS_OK, Script


class Post(NamedTuple):
    """One request as it arrived."""

    at_ns: int
    notice: Notice
    attempt: int


class Receiver:
    """Applies every key once, as our webhook asks of receivers, and remembers all requests."""

    def __init__(self, channel: str, began_ns: int) -> None:
        self.channel = channel
        self._began_ns = began_ns
        self.script: Script = ALWAYS_OK
        self.posts: dict[str, list[Post]] = {}
        self.applied: dict[str, Notice] = {}
        self.pending: list[Notice] = []
        """Requests that it has yet to look at."""
        self.raw = 0
        self.absorbed = 0

    def follow(self, script: Script, now: Moment) -> None:
        """Behave like this from now on."""
        self.script, self._began_ns = script, now.monotonic_ns

    def since_ns(self, now: Moment) -> int:
        """How long it has followed its script."""
        return now.monotonic_ns - self._began_ns

    def arrived(self, at: Moment, notice: Notice, attempt: int) -> None:
        """Bytes of ours are there, whatever becomes of them."""
        self.raw += 1
        self.posts.setdefault(notice.key, []).append(Post(at.monotonic_ns, notice, attempt))

    def apply(self, notice: Notice) -> bool:
        """Take a notice in. False when its key was known."""
        if notice.key in self.applied:
            self.absorbed += 1
            return False
        self.applied[notice.key] = notice
        return True
