"""Receipts: the requests that a receiver got, and the notices that it applied."""

from typing import NamedTuple

from ..incidents.notice import Notice


class ReceivedNotice(NamedTuple):
    """One request as it arrived."""

    at_ns: int
    notice: Notice
    attempt: int


class Receipts:
    """A receiver that applies every key once, as webhook receivers should, and records all requests."""

    def __init__(self) -> None:
        self.posts: dict[str, list[ReceivedNotice]] = {}
        self.applied: dict[str, Notice] = {}

    def arrived(self, at_ns: int, notice: Notice, attempt: int) -> None:
        """Records an arrived request, whether or not it is applied."""
        self.posts.setdefault(notice.key, []).append(ReceivedNotice(at_ns, notice, attempt))

    def apply(self, notice: Notice) -> bool:
        """Applies a notice. Returns False where its key was applied before."""
        known = notice.key in self.applied
        self.applied.setdefault(notice.key, notice)
        return not known

    def keep_only(self, notices: dict[str, Notice]) -> None:
        """Drops everything about other notices."""
        self.posts = {key: posts for key, posts in self.posts.items() if key in notices}
        self.applied = {key: notice for key, notice in self.applied.items() if key in notices}
