"""`watchkeeper` that dies at a named point, as a power cut would have it.

    CRASH_AT=send.after:2 python tests/system/crashing.py run CONFIG

The store and the messenger are wrapped on the outside; what is watched is the production code as it stands. The n-th
passing of the point ends the process with status 137, without a buffer flushed or a thread waited for.
"""

import os
from collections.abc import Callable
from typing import Any

import watchkeeper.adapters.drivers
import watchkeeper.host.composition
from watchkeeper.adapters.channels.webhook import Posting, WebhookMessenger
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


class Fuse:
    """Counts how often a point is passed, and ends the process there."""

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
    """Commits of samples alone are not counted: nobody is told of them."""

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


class CrashingMessenger(WebhookMessenger):
    """`answer.before`: the receiver has answered and nobody here knows; `answer.after`: known, and not recorded."""

    def send(
        self, notice: Notice, attempt: int, deadline: Deadline, done: Callable[[Answer], Any]
    ) -> Posting:
        def answered(answer: Answer) -> None:
            FUSE.passes("answer.before")
            done(answer)
            FUSE.passes("answer.after")

        FUSE.passes("send.before")
        posting = super().send(notice, attempt, deadline, answered)
        FUSE.passes("send.after")
        return posting


if __name__ == "__main__":
    watchkeeper.host.composition.SqliteStore = CrashingStore
    watchkeeper.adapters.drivers.WebhookMessenger = CrashingMessenger
    main()
