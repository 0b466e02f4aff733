"""The stopped flag of a spawned actor: a twentieth of an event's memory."""

import threading

_MAKING = threading.Lock()


class StoppedFlag:
    """What pykka needs of an actor's `actor_stopped`, with the event made only when somebody waits."""

    __slots__ = ("_event", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        self._event: threading.Event | None = None

    def is_set(self) -> bool:
        """True once the actor has stopped."""
        return self._is_set

    def set(self) -> None:
        """Say that the actor has stopped, for good."""
        self._is_set = True
        if self._event is not None:
            self._event.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the actor has stopped or `timeout` seconds have passed."""
        with _MAKING:
            self._event = self._event or threading.Event()
        if self._is_set:
            self._event.set()
        return self._event.wait(timeout)
