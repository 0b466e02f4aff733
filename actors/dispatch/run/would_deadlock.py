"""Refuses blocking waits on threads that run actors."""

import threading

from ....domain.errors import UsageError


class WouldDeadlock(UsageError, RuntimeError):  # named by the outcome that it prevents
    """A dispatcher's thread was about to wait for an answer that may need this same thread."""


_here = threading.local()


def mark_thread(dispatcher: object) -> None:
    """Marks the calling thread as a dispatcher's, for good."""
    _here.dispatcher = dispatcher


def on_dispatcher_thread() -> bool:
    """Returns True on a thread that runs actors."""
    return getattr(_here, "dispatcher", None) is not None


def refuse_on_dispatcher_thread() -> None:
    """Refuses a blocking wait on a thread that runs actors.

    Raises: WouldDeadlock on such a thread.
    """
    if on_dispatcher_thread():
        raise WouldDeadlock(
            f"this thread runs the actors of {_here.dispatcher!r}, so waiting here for an answer could last for ever: "
            "tell instead and handle the answer as a message, or await the future"
        )
