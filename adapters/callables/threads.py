"""Bounded daemon threads for blocking host functions; a thread that never returns is replaced and stays counted."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import SimpleQueue

from ...domain import limits
from ...domain.units import NS_PER_S
from .calling import PendingCall
from .results import Ended, Raised, Returned, raised

Posted = Callable[["Worker", PendingCall, Ended | None], None]


class Worker:
    """One thread with an inbox of one call; it posts the call and its result back to the loop."""

    def __init__(self, name: str, context: Context, post: Posted) -> None:
        self._inbox: SimpleQueue[PendingCall | None] = SimpleQueue()
        self._context = context
        self._post = post
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def give(self, call: PendingCall | None) -> None:
        """Passes the next call to the thread, or None to end it."""
        self._inbox.put(call)

    def _run(self) -> None:
        while (call := self._inbox.get()) is not None:
            ended = perform(call, self._context)
            self._post(self, call, ended)
            # Drop the references, so that an idle thread keeps no object of the host alive.
            del call, ended


def perform(call: PendingCall, context: Context) -> Ended | None:
    """Runs a call in a fresh copy of the context; blocks. Returns None when the call was cancelled before it began."""
    if not call.start_once.take():
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
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        threads_max: int,
        name: str = "watchkeeper-call",
    ) -> None:
        self._loop = loop
        self._threads_max = threads_max
        self._name = name
        self._context = copy_context()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._abandoned: set[Worker] = set()
        self._made = 0
        self._closed = False

    def make_room(self, abandoned: int) -> bool:
        """Returns whether a thread is free, after starting one if that is needed and allowed."""
        if not self._idle and self._may_make(abandoned):
            self._make()
        return bool(self._idle)

    def is_exhausted(self, abandoned: int) -> bool:
        return self._useful == 0 and not self._may_make(abandoned)

    @property
    def _useful(self) -> int:
        return len(self._idle) + len(self._busy)

    def _may_make(self, abandoned: int) -> bool:
        total_max = self._threads_max + limits.ABANDONED_CALLS_MAX
        return not self._closed and self._useful < self._threads_max and self._useful + abandoned < total_max

    def _make(self) -> None:
        worker = Worker(f"{self._name}-{self._made + 1}", self._context, self._post)
        try:
            worker.thread.start()
        except RuntimeError:
            # The system refused a new thread: calls wait for an existing one, or for their deadline.
            return
        self._made += 1
        self._idle.append(worker)

    def begin(self, call: PendingCall) -> None:
        worker = self._idle.pop()
        self._busy.add(worker)
        call.worker = worker
        worker.give(call)

    def interrupt(self, call: PendingCall) -> None:
        """Does nothing: a thread cannot be stopped from outside."""

    def abandon(self, call: PendingCall) -> None:
        worker = call.worker
        if isinstance(worker, Worker):
            self._busy.discard(worker)
            self._abandoned.add(worker)

    def where(self, call: PendingCall) -> str:
        return call.worker.thread.name if isinstance(call.worker, Worker) else self._name

    def _post(self, worker: Worker, call: PendingCall, ended: Ended | None) -> None:
        """Called on the worker's thread."""
        try:
            self._loop.call_soon_threadsafe(self._take_back, worker, call, ended)
        except RuntimeError:
            # The loop was closed while the call ran: the result has no receiver, and the thread ends.
            worker.give(None)

    def _take_back(self, worker: Worker, call: PendingCall, ended: Ended | None) -> None:
        self._busy.discard(worker)
        self._abandoned.discard(worker)
        if self._closed or self._useful >= self._threads_max:
            worker.give(None)
        else:
            self._idle.append(worker)
        call.finished(call, ended)

    def close(self) -> None:
        """Ends idle threads at once, and busy ones when their call returns. Does not block."""
        self._closed = True
        idle, self._idle = self._idle, []
        for worker in (*idle, *self._busy, *self._abandoned):
            worker.give(None)
        for worker in idle:
            worker.thread.join(limits.CLOSE_NS / NS_PER_S)

    def __repr__(self) -> str:
        return f"CallThreads({self._name!r}, idle={len(self._idle)}, busy={len(self._busy)}, abandoned={len(self._abandoned)})"
