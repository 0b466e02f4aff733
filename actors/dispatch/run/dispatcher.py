"""What a mailbox needs of the thing that runs its actor."""

from collections.abc import Callable
from typing import Protocol


class Runnable(Protocol):
    """Something that has work for one turn."""

    def run_turn(self) -> None:
        """Do a bounded slice of work. Never raises."""
        ...


class Dispatcher(Protocol):
    """Runs actors, one turn at a time each."""

    @property
    def turn_messages(self) -> int:
        """The most messages that one turn handles."""
        ...

    @property
    def monotonic_ns(self) -> Callable[[], int] | None:
        """The clock by which turns are cut short, if there is one."""
        ...

    def schedule(self, runnable: Runnable) -> None:
        """Run it soon, after what is scheduled already. Never blocks and never raises, whatever thread calls."""
        ...

    def adopt(self, runnable: Runnable) -> None:
        """Hold a strong reference: nobody else need do so while the actor lives."""
        ...

    def release(self, runnable: Runnable) -> None:
        """Let go of an actor that has ended."""
        ...

    def drive(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Run actors until `done` if nobody else does; see `future.Driver`."""
        ...


class Nowhere:
    """The dispatcher of a mailbox that no actor has ever read: nothing runs there."""

    turn_messages = 0
    monotonic_ns = None

    def schedule(self, runnable: Runnable) -> None:
        """Leave it for the dispatcher that comes."""

    def adopt(self, runnable: Runnable) -> None:
        """Hold nothing."""

    def release(self, runnable: Runnable) -> None:
        """Nothing was held."""

    def drive(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Run nothing."""


NOWHERE = Nowhere()
