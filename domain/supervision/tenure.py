"""The tenure: which owner may write a store, and when another may claim it."""

import msgspec

from .. import limits
from ..errors import StoreFenced


class Tenure(msgspec.Struct, frozen=True):
    """The row of a store that names its owner. Each commit of the owner advances it, and so does each beat."""

    owner: str = ""
    """The process and host for people; empty where nobody owns the store."""
    incarnation: str = ""
    """A random name of one store object: a process that opens a store twice has two."""
    epoch: int = 0
    """The opening that this tenure began with; each has a higher one."""
    commits: int = 0
    """All commits of all owners."""
    beats: int = 0
    has_lock: bool = True
    """Whether the owner has the lock of the file, so that a free lock shows that the owner is dead."""
    configuration: str = ""
    """A text of the owner about its configuration."""

    def may_be_claimed(self, by: str, *, has_lock: bool, lapsed: "Tenure | None" = None) -> bool:
        """Returns whether the incarnation `by` may claim the store now: it is free, its own, or its owner is dead or frozen.

        `has_lock` says that `by` has the lock, which a dead owner has left; `lapsed` is a row that stayed as it is for a whole
        lease.
        """
        is_free = not self.owner or self.incarnation == by
        return is_free or (has_lock and self.has_lock) or self == lapsed

    def supersedes(self, earlier: "Tenure") -> bool:
        """Returns whether this is a later claim by another than the owner of `earlier`.

        A row of an earlier epoch is none: that store went back in time, and its owner goes on from there.
        """
        return self.incarnation != earlier.incarnation and self.epoch > earlier.epoch

    def beaten(self) -> "Tenure":
        """Returns the row after a sign of life without a commit."""
        return msgspec.structs.replace(self, beats=self.beats + 1)

    def advanced(self) -> "Tenure":
        """Returns the row after one more commit."""
        return msgspec.structs.replace(self, commits=self.commits + 1)

    def released(self) -> "Tenure":
        """Returns the row after a clean end: anybody may claim it."""
        return msgspec.structs.replace(
            self, owner="", incarnation="", commits=self.commits + 1, has_lock=True
        )


def fenced(store: str, by: Tenure) -> StoreFenced:
    """Returns the error of an owner that has lost its store, which `store` names for people, to the owner in its row."""
    owner = by.owner or "another process, which has ended since"
    return StoreFenced(f"{store} was claimed by {owner}: nothing more is recorded or told by this process")


class SilenceWatch:
    """Measures by one monotonic clock, that of the watching process, for how long a row has not changed.

    A pause of the watching itself begins the measurement again: a machine that was suspended, or a watcher that was frozen
    with the owner, has seen no silence.
    """

    def __init__(self) -> None:
        self._seen: Tenure | None = None
        self._since_ns = self._looked_ns = 0

    def look(self, found: Tenure | None, now_ns: int) -> Tenure | None:
        """Takes the row as it is now. Returns it where it has not changed for a whole lease, else None."""
        is_late = now_ns - self._looked_ns > limits.TENURE_WATCH_GAP_NS
        if found is None or found != self._seen or is_late:
            self._seen, self._since_ns = found, now_ns
        self._looked_ns = now_ns
        return self._seen if now_ns - self._since_ns >= limits.TENURE_LEASE_NS else None


class TakeoverPace:
    """Decides at which look a store is tried to be taken over: once it is free at several in a row.

    A take-over that fails costs a whole start, so each further try waits twice as long. A change of what is seen ends that
    pause, as the cause may have gone with it.
    """

    def __init__(self) -> None:
        self._seen: object = None
        self._free = self._failures = self._pause = 0

    def is_due(self, seen: object, *, is_free: bool, looks: int) -> bool:
        """Takes one look. Returns whether the store has been free for `looks` of them and no pause is left."""
        self._free = self._free + 1 if is_free else 0
        if not is_free or (self._seen is not None and seen != self._seen):
            self._failures = self._pause = 0
        self._seen = seen
        self._pause = max(self._pause - 1, 0)
        return self._free >= looks and not self._pause

    def fail(self) -> None:
        """Notes that a take-over failed. Its own traces in the store are no change."""
        self._failures += 1
        self._pause = min(2**self._failures, limits.TENURE_TRY_NS_MAX // limits.TENURE_LOOK_NS)
        self._seen = None
