"""Blocking where blocking would stop the world is refused."""

import threading

from ....domain.errors import UsageError


class WouldDeadlock(UsageError, RuntimeError):  # it says what would have happened
    """A dispatcher's thread was asked to wait for an answer that may need this very thread."""


class _Here(threading.local):
    dispatcher: object = None


_here = _Here()


def mark_thread(dispatcher: object) -> None:
    """Say that this thread belongs to a dispatcher now; None gives it back."""
    _here.dispatcher = dispatcher


def on_dispatcher_thread() -> bool:
    """True on a thread that runs actors."""
    return _here.dispatcher is not None


def refuse_on_dispatcher_thread() -> None:
    """Raise WouldDeadlock on a thread that runs actors."""
    if on_dispatcher_thread():
        raise WouldDeadlock(
            f"this thread runs the actors of {_here.dispatcher!r}, so waiting here for an answer could last for ever: "
            "tell instead and handle the answer as a message, or await the future"
        )
