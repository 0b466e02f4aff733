"""The call of a host function, and how it is posted between threads."""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from threading import Lock

import msgspec

from ...domain.observation.attempt import CancelOutcome
from ...domain.time.moment import Deadline
from ...domain.time.timers import Timer
from ..activity import Activity
from .results import Ended


class CallStage(Enum):
    """The stage of a call. ENDED is final; an ABANDONED call has been answered while its code still runs."""

    WAITING = auto()
    """Waits for a free thread."""
    PARKED = auto()
    """Waits for an earlier call of the same name that has not returned."""
    BEGUN = auto()
    """Given to the runner."""
    ABANDONED = auto()
    ENDED = auto()


class PendingCall(Activity):
    """One call of a host function; the handle that its submitter holds."""

    _cancel: Callable[["PendingCall"], CancelOutcome]
    finished: Callable[["PendingCall", Ended | None], None]
    """Told by the runner, on the loop's thread, that the call has ended (None: it was cancelled before it began)."""
    name: str
    work: Callable[[], object]
    deadline: Deadline
    done: Callable[[Ended], None]
    on_late_result: Callable[[Ended], None] | None
    stage: CallStage = CallStage.WAITING
    begun: Lock = msgspec.field(default_factory=Lock)
    """Acquired once: by the thread that begins the call, or by the loop, after which it never begins."""
    performed: bool = False
    """Set by the runner when the function has returned, before the result is posted."""
    worker: object = None
    """The thread or the task that runs the call; used by the runner only."""
    timer: Timer | None = None
    cancel_outcome: CancelOutcome | None = None

    def cancel(self) -> CancelOutcome:
        """Cancels the call: before its begin it has no effect; a running thread continues (`done` still comes)."""
        return self._cancel(self)


def post(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: object) -> bool:
    """Posts from any thread; returns False when the loop is closed."""
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        return False
    return True
