"""Calls of host functions: sync functions on bounded threads, async functions as tasks."""

import asyncio
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from ...domain.time.moment import Deadline
from ...domain.time.timers import CallAt
from ..clock import MomentClock
from .calling import PendingCall
from .calls import Calls
from .results import Ended
from .tasks import CallTasks
from .threads import CallThreads


class HostCalls:
    """Calls functions of the host, each in a fresh copy of the context in which this object was made."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        call_at: CallAt,
        *,
        threads_max: int,
        host_loop: asyncio.AbstractEventLoop | None = None,
        name: str = "watchkeeper-call",
    ) -> None:
        threads = CallThreads(loop, threads_max=threads_max, name=name)
        self._blocking = Calls(threads, call_at, clock)
        self._tasks = Calls(CallTasks(loop, home=host_loop), call_at, clock)

    def call(
        self,
        name: str,
        function: Callable[..., Any],
        arguments: tuple[object, ...],
        read: Callable[[Any], object],
        deadline: Deadline,
        done: Callable[[Ended], None],
    ) -> PendingCall:
        """Calls `function` and applies `read` to its result on the same thread or task.

        Reading a host's value may run the host's code, which may block."""
        if is_async(function):

            async def answer() -> object:
                return read(await function(*arguments))

            return self._tasks.submit(name, answer, deadline, done)
        return self._blocking.submit(name, lambda: read(function(*arguments)), deadline, done)

    def abandoned(self) -> tuple[str, ...]:
        """Returns the abandoned calls that still run, each as `thread or task: name`."""
        return (*self._blocking.abandoned(), *self._tasks.abandoned())

    def close(self) -> None:
        """Ends all calls within limits.CLOSE_NS; `abandoned()` then lists those that still run."""
        self._blocking.close()
        self._tasks.close()

    def __repr__(self) -> str:
        return f"HostCalls({self._blocking!r}, {self._tasks!r})"


def is_async(function: Callable[..., Any]) -> bool:
    """Returns whether a call makes a coroutine: a coroutine function, a partial of one, or an object with such a `__call__`."""
    return iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004  # its own async __call__ is what is looked for
