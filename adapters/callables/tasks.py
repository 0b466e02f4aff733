"""Tasks for host coroutines, on the runtime's loop or the host's; a task that ignores cancellation stays counted."""

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, cast

from ...domain import limits
from .calling import PendingCall, post
from .results import Ended, Overloaded, Raised, Returned, raised


class CallTasks:
    """Runs coroutine functions as tasks. A call's work must return a coroutine; it is made on the loop that runs it.

    Used from `loop`'s thread. With a `home`, the tasks run on that other loop, and calls and results are posted between the loops.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        home: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._loop = loop
        self._home = loop if home is None else home
        self._context = copy_context()
        self._closed = False

    def make_room(self, abandoned: int) -> bool:
        """Returns whether one more call can begin now, while `abandoned` abandoned calls still run."""
        return not self.is_exhausted(abandoned)

    def is_exhausted(self, abandoned: int) -> bool:
        return self._closed or abandoned >= limits.ABANDONED_CALLS_MAX

    def begin(self, call: PendingCall) -> None:
        if not post(self._home, self._begin_at_home, call):
            self._loop.call_soon(call.finished, call, Overloaded("the host's loop is closed"))

    def _begin_at_home(self, call: PendingCall) -> None:
        """Runs on the home loop's thread."""
        if not call.begun.acquire(blocking=False):
            self._hand_back(call, None)
            return
        task = self._home.create_task(_contained(call), name=call.name, context=self._context.copy())
        call.worker = task
        task.add_done_callback(lambda ended: self._hand_back(call, _end_of(ended)))

    def _hand_back(self, call: PendingCall, ended: Ended | None) -> None:
        """Runs on the home loop's thread."""
        if self._home is self._loop:
            call.finished(call, ended)
        else:
            post(self._loop, call.finished, call, ended)

    def interrupt(self, call: PendingCall) -> None:
        """Asks a running call to stop."""
        post(self._home, _interrupt, call)

    def abandon(self, call: PendingCall) -> None:
        """Does nothing: a task occupies no worker."""

    def where(self, call: PendingCall) -> str:
        return "task"

    def close(self) -> None:
        self._closed = True


async def _contained(call: PendingCall) -> Ended:
    """Catches every error of the coroutine: a SystemExit that left a task would stop the loop."""
    ended: Returned | Raised
    try:
        ended = Returned(await cast("Coroutine[Any, Any, object]", call.work()))
    except BaseException as error:  # noqa: BLE001  # a host function may raise anything: it fails one call
        ended = raised(error)
    call.performed = True
    return ended


def _end_of(task: "asyncio.Task[Ended]") -> Ended:
    """How the call ended. A task that is cancelled before its first step never enters `_contained`, which catches the rest."""
    return Overloaded("its task was cancelled before it began") if task.cancelled() else task.result()


def _interrupt(call: PendingCall) -> None:
    """Runs on the home loop's thread, where the task was made before this was posted."""
    if isinstance(call.worker, asyncio.Task):
        call.worker.cancel()
