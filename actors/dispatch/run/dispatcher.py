"""The base class of dispatchers, and the work that they run in turns."""

from collections.abc import Callable
from typing import Protocol

from ....domain.limits import TURN_MESSAGES_MAX


class Runnable(Protocol):
    """Work that a dispatcher runs in turns."""

    def run_turn(self) -> None:
        """Runs one bounded turn. Never raises."""
        ...


class Dispatcher:
    """Runs actors in turns; an actor never runs in two turns at once. This base class runs nothing."""

    monotonic_ns: Callable[[], int] | None = None
    """The clock that limits the duration of turns, or None for no limit."""

    def __init__(self, turn_messages: int = TURN_MESSAGES_MAX) -> None:
        self.turn_messages = turn_messages
        """The largest number of messages that one turn handles."""
        self._actors: dict[Runnable, None] = {}

    def schedule(self, runnable: Runnable) -> None:
        """Queues a turn behind those that are scheduled. Callable from any thread; never blocks and never raises."""

    def adopt(self, runnable: Runnable) -> None:
        """Holds the strong reference that keeps a living actor from being collected."""
        self._actors[runnable] = None

    def release(self, runnable: Runnable) -> None:
        """Drops the reference to an actor that has ended."""
        self._actors.pop(runnable, None)

    def drive(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Runs actors on the caller's thread until `done`, where no other thread runs them."""


NOWHERE = Dispatcher()
"""The dispatcher of a mailbox before its first actor."""
