"""`watchkeeper` with a crash at a named point, as at a power cut.

    CRASH_AT=send.after:2 python tests/system/crashing.py run CONFIG

The store and the messenger are wrapped from outside; the code under test is the production code. The n-th passing of
the point ends the process with status 137, without flushing a buffer or waiting for a thread.
"""

import os
from collections.abc import Callable
from typing import Any

import watchkeeper.adapters.drivers
import watchkeeper.adapters.stores.opening
from watchkeeper.adapters.channels.posting import Posting, RecipeMessenger
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.notice import Answer, Notice
from watchkeeper.domain.incidents.record import Batch, Restored
from watchkeeper.domain.time.moment import Deadline, Moment
from watchkeeper.launcher.main import main

POINTS = (
    "open.before",
    "open.after",
    "commit.before",
    "commit.after",
    "send.before",
    "send.after",
    "answer.before",
    "answer.after",
    "close.before",
    "close.after",
)
CRASHED = 137
"""The status of a process that SIGKILL has ended: 128 + 9."""


class Fuse:
    """Counts the passings of a point, and ends the process at the n-th."""

    def __init__(self, crash_at: str) -> None:
        self._point, _, count = crash_at.partition(":")
        self._left = int(count or 0)
        if self._point and self._point not in POINTS:
            raise ValueError(f"CRASH_AT={crash_at}: the points are {', '.join(POINTS)}")

    def passes(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os._exit(CRASHED)


FUSE = Fuse(os.environ.get("CRASH_AT", ""))


class CrashingStore(SqliteStore):
    """A store with crash points. Commits of samples alone do not count: they lead to no notice."""

    def open(self, now: Moment) -> Restored:
        FUSE.passes("open.before")
        restored = super().open(now)
        FUSE.passes("open.after")
        return restored

    def commit(self, batch: Batch) -> int:
        counts = bool(batch.transitions or batch.notices or batch.deliveries)
        if counts:
            FUSE.passes("commit.before")
        left_out = super().commit(batch)
        if counts:
            FUSE.passes("commit.after")
        return left_out

    def close(self) -> None:
        is_open = self._session is not None
        if is_open:
            FUSE.passes("close.before")
        super().close()
        if is_open:
            FUSE.passes("close.after")


class CrashingMessenger(RecipeMessenger):
    """A messenger with crash points. `answer.before`: the answer has arrived and no actor has it; `answer.after`: an actor has
    it, and it is not recorded.
    """

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], Any],
        memory: str = "",
    ) -> Posting:
        def answered(answer: Answer) -> None:
            FUSE.passes("answer.before")
            done(answer)
            FUSE.passes("answer.after")

        FUSE.passes("send.before")
        posting = super().send(notice, attempt, deadline, answered, memory)
        FUSE.passes("send.after")
        return posting


if __name__ == "__main__":
    watchkeeper.adapters.stores.opening.SqliteStore = CrashingStore
    watchkeeper.adapters.drivers.RecipeMessenger = CrashingMessenger
    main()
