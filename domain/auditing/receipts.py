"""Receipts: what a receiver that keeps keys has got, and what it has applied."""

from typing import NamedTuple

from ..incidents.notice import Notice


class ReceivedNotice(NamedTuple):
    """One request as it arrived."""

    at_ns: int
    notice: Notice
    attempt: int


class Receipts:
    """Applies every key once, as our webhook asks of receivers, and remembers all requests."""

    def __init__(self) -> None:
        self.posts: dict[str, list[ReceivedNotice]] = {}
        self.applied: dict[str, Notice] = {}

    def arrived(self, at_ns: int, notice: Notice, attempt: int) -> None:
        """Bytes of ours are there, whatever becomes of them."""
        self.posts.setdefault(notice.key, []).append(ReceivedNotice(at_ns, notice, attempt))

    def apply(self, notice: Notice) -> bool:
        """Take a notice in. False when its key was known."""
        known = notice.key in self.applied
        self.applied.setdefault(notice.key, notice)
        return not known

    def keep_only(self, notices: dict[str, Notice]) -> None:
        """Forget what nobody will ask for again."""
        self.posts = {key: posts for key, posts in self.posts.items() if key in notices}
        self.applied = {key: notice for key, notice in self.applied.items() if key in notices}
