"""Bounded daemon threads for blocking host functions; a thread that never returns is replaced and stays counted."""

import asyncio
import threading
from contextvars import Context, copy_context
from queue import SimpleQueue

from ...domain import limits
from ...domain.units import NS_PER_S
from .calling import PendingCall, post
from .results import Ended, Raised, Returned, raised


def perform(call: PendingCall, context: Context) -> Ended | None:
    """Runs a call in a fresh copy of the context; blocks. Returns None when the call was cancelled before it began."""
    if not call.begun.acquire(blocking=False):
        return None
    try:
        ended: Returned | Raised = Returned(context.copy().run(call.work))
    except BaseException as error:  # noqa: BLE001  # a host function may raise anything, SystemExit included: it fails one call
        ended = raised(error)
    call.performed = True
    return ended


class CallThreads:
    """A pool of daemon threads `NAME-1`, `NAME-2` ..., started on demand and used from the loop's thread.

    At most `threads_max` threads are usable at a time. A thread with an abandoned call does not count, so another may
    replace it; with those there are never more than `threads_max + limits.ABANDONED_CALLS_MAX`.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, threads_max: int, name: str = "watchkeeper-call"
    ) -> None:
        self._loop = loop
        self._threads_max = threads_max
        self._name = name
        self._context = copy_context()
        # At least as many threads wait here as `_idle` says: any of them may take the next call, or the None that ends one.
        self._inbox: SimpleQueue[PendingCall | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._busy = 0
        self._abandoned: set[PendingCall] = set()
        self._made = 0
        self._closed = False

    def make_room(self, abandoned: int) -> bool:
        """Returns whether a thread is free, after starting one if that is needed and allowed."""
        if not self._idle and self._may_make(abandoned):
            self._make()
        return self._idle > 0

    def is_exhausted(self, abandoned: int) -> bool:
        """Returns whether no thread can become free before an abandoned call returns."""
        return self._useful == 0 and not self._may_make(abandoned)

    @property
    def _useful(self) -> int:
        return self._idle + self._busy

    def _may_make(self, abandoned: int) -> bool:
        total_max = self._threads_max + limits.ABANDONED_CALLS_MAX
        return not self._closed and self._useful < self._threads_max and self._useful + abandoned < total_max

    def _make(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self._name}-{self._made + 1}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system refused a new thread: calls wait for an existing one, or for their deadline.
            return
        self._made += 1
        self._idle += 1
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]

    def _work(self) -> None:
        """Runs on each thread."""
        while (call := self._inbox.get()) is not None:
            call.worker = threading.current_thread()
            # Where the loop was closed while the call ran, the result has no receiver, and the thread ends.
            received = post(self._loop, self._take_back, call, perform(call, self._context))
            # Drop the reference, so that an idle thread keeps no object of the host alive.
            del call
            if not received:
                return

    def begin(self, call: PendingCall) -> None:
        self._idle -= 1
        self._busy += 1
        self._inbox.put(call)

    def interrupt(self, call: PendingCall) -> None:
        """Does nothing: a thread cannot be stopped from outside."""

    def abandon(self, call: PendingCall) -> None:
        """Marks a call as abandoned: its thread no longer counts as a usable one."""
        self._busy -= 1
        self._abandoned.add(call)

    def where(self, call: PendingCall) -> str:
        return call.worker.name if isinstance(call.worker, threading.Thread) else self._name

    def _take_back(self, call: PendingCall, ended: Ended | None) -> None:
        if call in self._abandoned:
            self._abandoned.discard(call)
        else:
            self._busy -= 1
        if self._closed or self._useful >= self._threads_max:
            self._inbox.put(None)
        else:
            self._idle += 1
        call.finished(call, ended)

    def close(self) -> None:
        """Ends idle threads at once, and busy ones when their call returns. Does not block."""
        self._closed = True
        stuck = {call.worker for call in self._abandoned}
        for _ in self._threads:
            self._inbox.put(None)
        for thread in self._threads:
            if thread not in stuck:
                thread.join(limits.CLOSE_NS / NS_PER_S)

    def __repr__(self) -> str:
        return f"CallThreads({self._name!r}, idle={self._idle}, busy={self._busy}, abandoned={len(self._abandoned)})"
