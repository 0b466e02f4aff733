"""Messages of which only the latest per key matters."""

from collections.abc import Hashable, Iterator

from .tally import Tally


class Marker:
    """Holds a key's place in the queue; the message itself may still be replaced by a newer one."""

    __slots__ = ("_coalesced", "_key")

    def __init__(self, coalesced: "Coalesced", key: Hashable) -> None:
        self._coalesced = coalesced
        self._key = key

    def open(self) -> object:
        """The latest message. Raises KeyError when it was taken with an earlier marker."""
        return self._coalesced.take(self._key)


class Coalesced:
    """The latest message per key, stored by any thread and taken by the actor's own.

    Storing comes before arming and disarming comes before taking, so a message stored at any instant is either
    taken with the marker that is queued or queues a new one. Each step is a single dictionary operation.
    """

    __slots__ = ("_armed", "_latest", "_stored", "_taken")

    def __init__(self) -> None:
        self._latest: dict[Hashable, object] = {}
        self._armed: dict[Hashable, Marker] = {}
        self._stored: dict[str, Tally] = {}
        self._taken: dict[str, int] = {}

    def holds(self, key: Hashable) -> bool:
        """True when a message of this key has a place in the queue already."""
        return key in self._armed

    def store(self, key: Hashable, message: object) -> Marker | None:
        """Keep the message as the key's latest. Returns the marker to queue if there is none yet."""
        self._stored.setdefault(type(message).__name__, Tally()).add()
        self._latest[key] = message
        marker = Marker(self, key)
        return marker if self._armed.setdefault(key, marker) is marker else None

    def take(self, key: Hashable) -> object:
        """The latest message of the key. Raises KeyError when there is none."""
        self._armed.pop(key, None)
        message = self._latest.pop(key)
        name = type(message).__name__
        self._taken[name] = self._taken.get(name, 0) + 1
        return message

    def replaced(self) -> Iterator[tuple[str, int]]:
        """By name of the message class: how many were replaced by a newer one before they were taken."""
        waiting = [type(message).__name__ for message in list(self._latest.values())]
        for name, stored in list(self._stored.items()):
            count = stored.read() - self._taken.get(name, 0) - waiting.count(name)
            if count:
                yield name, count
