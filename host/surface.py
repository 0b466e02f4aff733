"""The label of every public callable: its effect on the calling thread and on an event loop there."""

import asyncio
from collections.abc import Callable, Coroutine
from enum import Enum
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from ..domain.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


class Surface(Enum):
    """The kinds of public callables; each callable has exactly one."""

    SYNC = "sync"
    """Blocks its thread for a bounded time; refused where an event loop runs."""
    ASYNC = "async"
    """Awaited on the caller's own event loop, which it never blocks."""
    BRIDGE = "bridge"
    """Returns at once, on any thread and on any event loop; a command is a message to the runtime's own thread."""


def surface_of(function: object) -> Surface | None:
    """Returns the label of a public callable, None without one."""
    label: Surface | None = getattr(function, "__surface__", None)
    return label


def on_event_loop() -> bool:
    """Whether an event loop runs in the calling thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def sync_only(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Labels a method that blocks, and makes it raise UsageError where it would block an event loop."""
    return _refused_on_loops(method, _INSTEAD.get(method.__name__, f"await runtime.aio.{method.__name__}()"))


def sync_alone(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Labels a method that blocks as `sync_only` does, of a class that has no awaitable methods."""
    return _refused_on_loops(method, f"await asyncio.to_thread({method.__name__}, ...)")


def _refused_on_loops(method: Callable[Concatenate[S, P], R], instead: str) -> Callable[Concatenate[S, P], R]:
    @wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if on_event_loop():
            raise UsageError(f"{method.__name__} blocks, and an event loop runs in this thread: {instead}")
        return method(self, *args, **kwargs)

    guarded.__surface__ = Surface.SYNC  # type: ignore[attr-defined]  # the label is an attribute of the function
    return guarded


_INSTEAD = {
    "__enter__": "write `async with`",
    "__exit__": "write `async with`",
    "serve": "mount asgi() there, or configure `web`",
    "wait": "read a subscription with `async for`, which ends with the runtime",
}


def async_only(method: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Labels a coroutine function."""
    method.__surface__ = Surface.ASYNC  # type: ignore[attr-defined]  # as above
    return method


def bridge(method: Callable[P, R]) -> Callable[P, R]:
    """Labels a method that only hands a message over."""
    method.__surface__ = Surface.BRIDGE  # type: ignore[attr-defined]  # as above
    return method
