"""The future of an ask: set once, awaited by threads or coroutines."""

import asyncio
import logging
import queue
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, NamedTuple, TypeAlias, TypeVar

from pykka import Future, Timeout

from .dispatcher import Dispatcher
from .would_deadlock import refuse_on_dispatcher_thread

T = TypeVar("T")
ExceptionInfo: TypeAlias = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

logger = logging.getLogger(__name__)


class _Outcome(NamedTuple):
    value: Any
    error: ExceptionInfo | None

    def unwrap(self) -> Any:
        if self.error is None:
            return self.value
        kind, error, trace = self.error
        if error is None:
            error = (kind or RuntimeError)()
        raise error.with_traceback(trace)


class DispatchedFuture(Future[T]):
    """A future that never blocks the thread that sets it, and refuses to block a dispatcher's thread."""

    driver: Dispatcher | None = None
    """Runs actors while a thread waits for the answer, where no other thread does."""

    def __init__(self) -> None:
        super().__init__()
        self._once = threading.Lock()
        self._outcome: _Outcome | None = None
        self._callbacks: list[Callable[[], object]] = []
        self._hook_lock: threading.Lock | None = None

    def done(self) -> bool:
        """Returns True where the answer is set."""
        return self._outcome is not None

    def get(self, *, timeout: float | None = None) -> Any:
        """Returns the answer; blocks for it at most `timeout` seconds, without limit for None.

        Raises: Timeout where no answer came in time; WouldDeadlock on a dispatcher's thread; and the error that the
        future was set to.
        """
        if self._hook_lock is not None:
            return self._hooked(self._hook_lock, timeout)
        if self._outcome is not None:
            return self._outcome.unwrap()
        self._wait(timeout)
        return self.get(timeout=timeout)

    def set(self, value: T | None = None) -> None:
        """Sets the answer.

        Raises: queue.Full where an answer is set.
        """
        self._settle(_Outcome(value, None))

    def set_exception(self, exc_info: ExceptionInfo | None = None) -> None:
        """Sets an exception as the answer, by default the one that is being handled.

        Raises: queue.Full where an answer is set.
        """
        self._settle(_Outcome(None, exc_info or sys.exc_info()))

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """Computes the answer by calling `func` at the first `get`.

        Raises: queue.Full where an answer is set.
        """
        self._claim()
        self._hook_lock = threading.Lock()
        super().set_get_hook(func)

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Calls back once the answer is set: at once, or later on the thread that sets it."""
        # Append, then look; `_settle` sets, then pops: the later of the two sees the other's write. `pop` is one step,
        # so a callback that both see runs once.
        self._callbacks.append(callback)
        if self._outcome is not None:
            self._call_back()

    def _claim(self) -> None:
        if not self._once.acquire(blocking=False):
            raise queue.Full

    def _settle(self, outcome: _Outcome) -> None:
        self._claim()
        self._outcome = outcome
        self._call_back()

    def _call_back(self) -> None:
        while True:
            try:
                callback = self._callbacks.pop()
            except IndexError:  # none is left, or another thread took the last one
                return
            try:
                callback()
            except Exception:
                logger.exception("A callback of a future failed")

    def _hooked(self, lock: threading.Lock, timeout: float | None) -> Any:
        if not lock.acquire(timeout=-1 if timeout is None else max(timeout, 0)):
            raise Timeout(f"{timeout} seconds")
        try:
            return super().get(timeout=timeout)
        finally:
            lock.release()

    def _wait(self, timeout: float | None) -> None:
        if timeout is not None and timeout <= 0:
            raise Timeout(f"{timeout} seconds")
        refuse_on_dispatcher_thread()
        if self.driver is not None:
            self.driver.drive(self.done, timeout)
        # A held lock serves as the event: the callback releases it.
        arrived = threading.Lock()
        arrived.acquire()
        self.add_done_callback(arrived.release)
        if not arrived.acquire(timeout=-1 if timeout is None else timeout):
            raise Timeout(f"{timeout} seconds")

    def arrival(self) -> "asyncio.Future[None]":
        """Returns a future of the running event loop that is done once the answer is set."""
        loop = asyncio.get_running_loop()
        arrived = loop.create_future()

        def settle() -> None:
            if not arrived.done():
                arrived.set_result(None)

        def tell_loop() -> None:
            # On a loop that was closed meanwhile no coroutine waits.
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle)

        self.add_done_callback(tell_loop)
        return arrived

    async def within(self, timeout_s: float) -> Any:
        """Returns the answer on any event loop; awaits it at most `timeout_s` seconds.

        Raises: Timeout where no answer came in time; and what `get` raises.
        """
        # `wait` does not raise at the timeout: an answer that arrives in the same instant is still returned.
        await asyncio.wait((self.arrival(),), timeout=timeout_s)
        if not self.done():
            raise Timeout(f"{timeout_s} seconds")
        return self.get()

    def __await__(self) -> Generator[Any, None, T]:
        """Awaits the answer without blocking the event loop."""
        if self._hook_lock is not None:
            hooked: T = yield from asyncio.to_thread(self.get).__await__()
            return hooked
        yield from self.arrival().__await__()
        value: T = self.get()
        return value

    __iter__ = __await__


AwaitAnswer: TypeAlias = Callable[[DispatchedFuture[Any], float], Awaitable[Any]]
"""Waits for an answer, at most so many seconds: `awaiting` on an event loop, or `blocking` under `run_blocking`."""

awaiting: AwaitAnswer = DispatchedFuture.within


async def blocking(future: DispatchedFuture[Any], timeout_s: float) -> Any:
    """Returns the answer; blocks the thread for it, where `DispatchedFuture.within` suspends the coroutine."""
    return future.get(timeout=timeout_s)


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that waits by `blocking` alone, and needs no event loop for it. Returns or raises its result.

    Raises: RuntimeError where the coroutine suspends all the same, which is an internal fault.
    """
    try:
        work.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    raise RuntimeError("a coroutine that was to block has suspended")
