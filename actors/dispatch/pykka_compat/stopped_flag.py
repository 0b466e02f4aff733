"""The stopped flag of a spawned actor: a twentieth of an event's memory."""

import threading

_MAKING = threading.Lock()


class StoppedFlag:
    """The part of an event that pykka uses as `actor_stopped`; the real event is made by the first `wait`."""

    __slots__ = ("_event", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        self._event: threading.Event | None = None

    def is_set(self) -> bool:
        """Returns True once the actor has stopped."""
        return self._is_set

    def set(self) -> None:
        """Marks the actor as stopped, for good."""
        self._is_set = True
        if self._event is not None:
            self._event.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Blocks until the actor has stopped or `timeout` seconds have passed. Returns True where it has stopped."""
        with _MAKING:
            self._event = self._event or threading.Event()
        # `set` writes `_is_set` first: if it saw no event, this line sets it.
        if self._is_set:
            self._event.set()
        return self._event.wait(timeout)
