"""The results of a call of a host function."""

from asyncio import CancelledError

import msgspec

from ...domain.line import first_line, one_line


class Returned(msgspec.Struct, frozen=True):
    """The call returned a value."""

    value: object


class Raised(msgspec.Struct, frozen=True):
    """The call raised; only the text is kept, since a traceback would keep the host's objects alive."""

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
    """The deadline passed while the call ran, or while an earlier call of the same name had not returned."""

    by_earlier_call: bool = False


class Overloaded(msgspec.Struct, frozen=True):
    """The call never began: an internal fault, which is no evidence about the called function."""

    detail: str


class Cancelled(msgspec.Struct, frozen=True):
    """The call was cancelled, or never began because of a shutdown."""


Ended = Returned | Raised | TimedOut | Overloaded | Cancelled


def raised(error: BaseException) -> Raised:
    """Returns the text of an exception, also where its `__str__` fails."""
    try:
        message = first_line(str(error))
    except BaseException:  # noqa: BLE001  # a failing __str__ must not end the thread
        message = "its message cannot be shown"
    return Raised(
        kind=type(error).__name__,
        message=message,
        cancelled=isinstance(error, CancelledError),
        error_number=error.errno if isinstance(error, OSError) else None,
    )
