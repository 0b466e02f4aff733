"""How a call of foreign code can end, and the one-shot claim that decides whether it ever began."""

import threading
from asyncio import CancelledError

import msgspec

from ...domain.line import first_line, one_line


class Returned(msgspec.Struct, frozen=True):
    """It came back with a value."""

    value: object


class Raised(msgspec.Struct, frozen=True):
    """It came back with an exception, of which only words are kept: a traceback would keep the host's objects alive."""

    kind: str
    message: str
    cancelled: bool = False
    """Whether it was a CancelledError."""
    error_number: int | None = None
    """The errno of an OSError."""

    @property
    def text(self) -> str:
        """One bounded line for people."""
        return one_line(f"{self.kind}: {self.message}" if self.message else self.kind)


class TimedOut(msgspec.Struct, frozen=True):
    """Its deadline passed while it ran, or while an earlier call of the same name still had not come back."""

    by_earlier_call: bool = False


class Overloaded(msgspec.Struct, frozen=True):
    """It never began: our own trouble, which says nothing about what was to be called."""

    detail: str


class Cancelled(msgspec.Struct, frozen=True):
    """It was stopped, or never began because everything stops."""


Ended = Returned | Raised | TimedOut | Overloaded | Cancelled


def raised(error: BaseException) -> Raised:
    """The words of an exception; its own `__str__` may fail too."""
    try:
        message = first_line(str(error))
    except BaseException:  # noqa: BLE001  # a hostile __str__ is one more way to fail, and no reason to lose the thread
        message = "its message cannot be shown"
    return Raised(
        kind=type(error).__name__,
        message=message,
        cancelled=isinstance(error, CancelledError),
        error_number=error.errno if isinstance(error, OSError) else None,
    )


class StartOnce:
    """Taken once, by whoever comes first: the thread that begins the call, or the loop that calls it off."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def take(self) -> bool:
        return self._lock.acquire(blocking=False)
