"""One call of foreign code as its submitter and its runner see it."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from ...domain.observation.attempt import CancelOutcome
from ...domain.time.moment import Deadline
from ...domain.time.timers import Timer
from .results import Ended, StartOnce


class CallStage(Enum):
    """Where a call is. A call leaves ENDED never; ABANDONED is over for its caller and not for the machine."""

    WAITING = auto()
    """For a free thread."""
    PARKED = auto()
    """For an earlier call of the same name that has not come back."""
    BEGUN = auto()
    """Given to the runner."""
    ABANDONED = auto()
    ENDED = auto()


class Canceller(Protocol):
    """The owner of a call, which decides the outcome of a cancel."""

    def cancel(self, call: "PendingCall") -> CancelOutcome: ...


class PendingCall:
    """One call of foreign code; what its submitter holds."""

    __slots__ = (
        "_calls",
        "cancel_outcome",
        "deadline",
        "done",
        "name",
        "on_late_result",
        "performed",
        "stage",
        "start_once",
        "timer",
        "work",
        "worker",
    )

    def __init__(
        self,
        calls: Canceller,
        name: str,
        work: Callable[[], object],
        deadline: Deadline,
        done: Callable[[Ended], None],
        on_late_result: Callable[[Ended], None] | None,
    ) -> None:
        self._calls = calls
        self.name = name
        self.work = work
        self.deadline = deadline
        self.done = done
        self.on_late_result = on_late_result
        self.stage = CallStage.WAITING
        self.start_once = StartOnce()
        self.performed = False
        """Set by the runner's side once the foreign code has come back, before that is posted."""
        self.worker: object = None
        """The runner's own note: the thread or the task that carries it."""
        self.timer: Timer | None = None
        self.cancel_outcome: CancelOutcome | None = None

    def cancel(self) -> CancelOutcome:
        """Stop it: a call that never began has no effect, a running thread goes on (its `done` still comes)."""
        return self._calls.cancel(self)

    def __repr__(self) -> str:
        return f"Call({self.name!r}, {self.stage.name.lower()})"


class Runner(Protocol):
    """Where calls are carried out."""

    def bind(self, finished: Callable[[PendingCall, Ended | None], None]) -> None:
        """Learn whom to tell, on the loop's thread, how a call ended (None: it had been called off before it began)."""
        ...

    def make_room(self, abandoned: int) -> bool:
        """Whether one more call can begin now, with so many abandoned ones still running."""
        ...

    def is_exhausted(self, abandoned: int) -> bool:
        """Whether no place is left and none will come before an abandoned call returns."""
        ...

    def begin(self, call: PendingCall) -> None: ...

    def interrupt(self, call: PendingCall) -> None:
        """Ask a begun call to stop, if there is a way."""
        ...

    def abandon(self, call: PendingCall) -> None:
        """Marks a call as abandoned: its thread or task no longer counts as a free place."""
        ...

    def where(self, call: PendingCall) -> str: ...

    def close(self) -> None:
        """Begin nothing more and release what is idle, within limits.CLOSE_NS."""
        ...
