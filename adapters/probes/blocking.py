"""A library that waits by itself, on a thread: what it reads and writes is carried out by the coroutine of its attempt.

The thread has no socket. It waits for the coroutine alone, and is released at once when that ends or is cancelled.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock, Thread
from typing import Any, NamedTuple, TypeVar

Result = TypeVar("Result")


class Released(Exception):  # the end of an attempt, not a fault of this program
    """The attempt is over: nothing is carried out for the thread any more."""


class _Wish(NamedTuple):
    """A thing that the thread wants done, and the place of its result."""

    make: Callable[[], Coroutine[Any, Any, Any]]
    result: "Future[Any]"


class Threaded:
    """Runs blocking work for one coroutine."""

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop, self._name = loop, name
        self._told: asyncio.Queue[_Wish | Future[Any]] = asyncio.Queue()
        self._guard = Lock()  # of the wish that is open, and of the end
        self._open: Future[Any] | None = None
        self._over = False

    async def run(self, work: Callable[[], Result]) -> Result:
        """The result of work on a thread of its own, whose wishes are fulfilled here. Raises: OSError where there is no thread, and what the work does."""
        # A thread that cannot be started is the system's refusal, as a socket would be.
        try:
            Thread(target=self._work, args=(work,), name=self._name, daemon=True).start()
        except RuntimeError as error:
            raise OSError(str(error)) from None
        ended = False
        try:
            while True:
                told = await self._told.get()
                if isinstance(told, Future):
                    ended = True
                    result: Result = told.result()
                    return result
                await _fulfil(told)
        finally:
            if not ended:
                self._release()

    def ask(self, make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The result of a coroutine; called on the thread, which waits. Raises: Released, and what the coroutine does."""
        wish = _Wish(make, Future())
        with self._guard:
            if self._over:
                raise Released
            self._open = wish.result
        self._tell(wish)
        result: Result = wish.result.result()
        return result

    def _work(self, work: Callable[[], Any]) -> None:
        ended: Future[Any] = Future()
        try:
            ended.set_result(work())
        except BaseException as error:  # noqa: BLE001  # the coroutine that waits for the work raises it
            ended.set_exception(error)
        with suppress(Released):
            self._tell(ended)

    def _tell(self, told: "_Wish | Future[Any]") -> None:
        try:
            self._loop.call_soon_threadsafe(self._told.put_nowait, told)
        except RuntimeError:
            # The loop is closed, and with it everything that it carried out.
            raise Released from None

    def _release(self) -> None:
        with self._guard:
            self._over = True
            if self._open is not None and not self._open.done():
                self._open.set_exception(Released())


async def _fulfil(wish: _Wish) -> None:
    try:
        result = await wish.make()
    except Exception as error:  # noqa: BLE001  # the thread raises it, and the library of the thread judges it
        wish.result.set_exception(error)
    else:
        wish.result.set_result(result)
