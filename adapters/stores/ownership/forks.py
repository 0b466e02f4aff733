"""Forks and transactions: a child is forked between two transactions of SQLite, never within one."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

FORK_WAITS_S = 1.0
"""The time a fork waits for the transactions that run; a disk that hangs keeps no host from forking."""


class ForkGuard:
    """Keeps forks out of transactions.

    SQLite keeps its locks of a file per process, in memory that a forked child inherits. Forked within a transaction of another
    thread, the child takes that transaction for its own for ever: it could never write the store, once its parent has died.
    """

    def __init__(self) -> None:
        self._idle = threading.Condition()
        self._running = 0
        os.register_at_fork(
            before=self._hold, after_in_parent=self._let_go, after_in_child=self._begin_in_child
        )

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Waits for a fork that is under way, and keeps the next one waiting."""
        with self._idle:
            self._running += 1
        try:
            yield
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def _hold(self) -> None:
        self._idle.acquire()
        self._idle.wait_for(lambda: not self._running, FORK_WAITS_S)

    def _let_go(self) -> None:
        self._idle.release()

    def _begin_in_child(self) -> None:
        self._idle, self._running = threading.Condition(), 0


FORKS = ForkGuard()
"""The one of this process: SQLite's locks are of the whole process as well."""
