"""Receipts: the requests that a receiver got, and the notices that it applied."""

from ..incidents.notice import Notice


class Receipts:
    """A receiver that applies every key once, as webhook receivers should, and records all requests."""

    def __init__(self) -> None:
        self.posts: dict[str, dict[int, Notice]] = {}
        """By key and attempt."""
        self.applied: dict[str, Notice] = {}

    def arrived(self, notice: Notice, attempt: int) -> None:
        """Records an arrived request, whether or not it is applied."""
        self.posts.setdefault(notice.key, {})[attempt] = notice

    def apply(self, notice: Notice) -> bool:
        """Applies a notice. Returns False where its key was applied before."""
        known = notice.key in self.applied
        self.applied.setdefault(notice.key, notice)
        return not known

    def keep_only(self, notices: dict[str, Notice]) -> None:
        """Drops everything about other notices."""
        self.posts = {key: posts for key, posts in self.posts.items() if key in notices}
        self.applied = {key: notice for key, notice in self.applied.items() if key in notices}
