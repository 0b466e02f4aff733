"""Forks and SQLite: a child is forked between two calls, and lets go of what it inherited before it opens a store itself."""

import concurrent.futures.thread  # noqa: F401  # has hooks for forks, which none must get between another's hooks
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakSet

import apsw

from ....domain.errors import StoreError

FORK_WAITS_S = 1.0
"""The time a fork waits for the calls that run; a disk that hangs keeps no host from forking."""
FORK_WAITS_FOR_IMPORTS_S = 10.0
"""The time a fork waits for imports: on a busy machine the web libraries take some seconds."""


class ForkGuard:
    """Keeps forks out of calls to SQLite, and a child away from the connections of its parent.

    SQLite keeps its locks of a file and the index of its log per process, in memory that a forked child inherits. Forked within a
    call of another thread, the child has that call half done for ever. And whatever it opens shares the inherited index, also once
    the parent has closed the store and another process has made a new one: the child would write beside that process.
    """

    def __init__(
        self, waits_s: float = FORK_WAITS_S, waits_for_imports_s: float = FORK_WAITS_FOR_IMPORTS_S
    ) -> None:
        self.waits_s, self.waits_for_imports_s = waits_s, waits_for_imports_s
        self._idle = threading.Condition()
        self._calling = self._importing = self._forking = 0
        self._inside = threading.local()
        self._open: WeakSet[apsw.Connection] = WeakSet()
        self._inherited: tuple[apsw.Connection, ...] = ()
        """Those of the parent. Kept until they are closed, so that nothing else closes them."""
        self._is_torn = False
        """Whether this child was forked within a call."""
        os.register_at_fork(
            before=self._hold, after_in_parent=self._let_go, after_in_child=self._begin_in_child
        )

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Waits for a fork that is under way, and keeps the next one waiting: around every call to SQLite."""
        is_inner = getattr(self._inside, "calls", False)
        with self._idle:
            if not is_inner:
                # Else many threads, whose calls overlap, would leave a fork no moment.
                self._idle.wait_for(lambda: not self._forking, self.waits_s)
            self._calling += 1
        self._inside.calls = True
        try:
            yield
        finally:
            self._inside.calls = is_inner
            with self._idle:
                self._calling -= 1
                self._idle.notify_all()

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Keeps forks waiting while a thread imports: Python's lock of a module that is half imported stays locked in a child."""
        with self._idle:
            self._importing += 1
        try:
            yield
        finally:
            with self._idle:
                self._importing -= 1
                self._idle.notify_all()

    def opened(self, connection: apsw.Connection) -> apsw.Connection:
        """Returns a connection, which the children of this process will close."""
        self._open.add(connection)
        return connection

    def leave_inherited(self) -> None:
        """Closes the connections of the parent, before the first of this process. It changes nothing for the parent: they
        are told at their opening that no close folds the log, and the locks of a parent are no child's.

        Raises: StoreError in a child that was forked within a call, for which nothing of SQLite can be used.
        """
        if self._is_torn:
            raise StoreError(
                f"process {os.getpid()} was forked while another thread opened, read or wrote a store: start it again to use one"
            )
        with self._idle:
            inherited, self._inherited = self._inherited, ()
            for connection in inherited:
                connection.close()

    def _hold(self) -> None:
        self._idle.acquire()
        self._forking += 1
        self._idle.wait_for(lambda: not self._importing, self.waits_for_imports_s)
        self._idle.wait_for(lambda: not self._calling, self.waits_s)

    def _let_go(self) -> None:
        self._forking -= 1
        self._idle.notify_all()
        self._idle.release()

    def _begin_in_child(self) -> None:
        self._is_torn = self._is_torn or bool(self._calling)
        self._idle = threading.Condition()
        self._calling = self._importing = self._forking = 0
        self._inherited, self._open = (*self._inherited, *self._open), WeakSet()


FORKS = ForkGuard()
"""The one of this process: SQLite's memory is of the whole process as well."""
