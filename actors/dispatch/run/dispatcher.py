"""The protocol between a mailbox and the dispatcher that runs its actor."""

from collections.abc import Callable
from typing import Protocol


class Runnable(Protocol):
    """Work that a dispatcher runs in turns."""

    def run_turn(self) -> None:
        """Runs one bounded turn. Never raises."""
        ...


class Dispatcher(Protocol):
    """Runs actors in turns; an actor never runs in two turns at once."""

    @property
    def turn_messages(self) -> int:
        """The largest number of messages that one turn handles."""
        ...

    @property
    def monotonic_ns(self) -> Callable[[], int] | None:
        """The clock that limits the duration of turns, or None for no limit."""
        ...

    def schedule(self, runnable: Runnable) -> None:
        """Queues a turn behind those that are scheduled. Callable from any thread; never blocks and never raises."""
        ...

    def adopt(self, runnable: Runnable) -> None:
        """Holds the strong reference that keeps a living actor from being collected."""
        ...

    def release(self, runnable: Runnable) -> None:
        """Drops the reference to an actor that has ended."""
        ...

    def drive(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Runs actors on the caller's thread until `done` where no other thread runs them; see `future.Driver`."""
        ...


class Nowhere:
    """The dispatcher of a mailbox before its first actor: it runs nothing."""

    turn_messages = 0
    monotonic_ns = None

    def schedule(self, runnable: Runnable) -> None:
        """Does nothing: the first actor's dispatcher schedules the mailbox."""

    def adopt(self, runnable: Runnable) -> None:
        """Does nothing."""

    def release(self, runnable: Runnable) -> None:
        """Does nothing."""

    def drive(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Does nothing."""


NOWHERE = Nowhere()
