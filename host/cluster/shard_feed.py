"""The feed of one shard's engine: its events reach the subscribers of the whole node."""

import threading
from collections.abc import Iterable

from ...domain.incidents.announcement import Announcement
from ...domain.incidents.incident import Incident
from ...domain.incidents.record import Silence
from ...domain.read_model.event import Event, HealthChanged, IncidentChanged, SampleSeen
from ..subscriptions import Subscriptions


class NodeFeed:
    """Joins what the engines of a node have told, by shard. Their threads write it; any thread may read it."""

    def __init__(self, feed: Subscriptions) -> None:
        self._feed = feed
        self._guard = threading.Lock()
        self._open: dict[int, dict[str, Incident]] = {}
        self._silences: dict[int, tuple[Silence, ...]] = {}
        self._announcements: dict[int, tuple[Announcement, ...]] = {}

    def shard_of(self, incident: str) -> int | None:
        """Returns the shard of an open incident of this node; None for another one."""
        with self._guard:
            return next((shard for shard, found in self._open.items() if incident in found), None)

    def publish(self, shard: int, event: Event) -> None:
        if type(event) is IncidentChanged:
            with self._guard:
                found = self._open.setdefault(shard, {})
                if event.incident.is_open:
                    found[event.incident.id] = event.incident
                else:
                    found.pop(event.incident.id, None)
        self._feed.publish(event)

    def tell(self, change: HealthChanged) -> None:
        """Passes on what is wrong with the nodes, or is so no longer: it belongs to no shard."""
        self._feed.publish(change)

    def resume(self, shard: int, incidents: Iterable[Incident]) -> None:
        with self._guard:
            self._open[shard] = {each.id: each for each in incidents if each.is_open}
            self._feed.resume(each for found in self._open.values() for each in found.values())

    def show_silences(self, shard: int, silences: Iterable[Silence]) -> None:
        with self._guard:
            self._silences[shard] = tuple(silences)
            found = {each.id: each for of_shard in self._silences.values() for each in of_shard}
            self._feed.show_silences(found.values())

    def show_announcements(self, shard: int, announcements: Iterable[Announcement]) -> None:
        with self._guard:
            self._announcements[shard] = tuple(announcements)
            self._feed.show_announcements(each for found in self._announcements.values() for each in found)

    def forget(self, shard: int) -> None:
        """Drops what a shard has told: another node runs it by now."""
        with self._guard:
            for told in (self._open, self._silences, self._announcements):
                told.pop(shard, None)
            self._feed.resume(each for found in self._open.values() for each in found.values())


class ShardFeed:
    """The publisher of one engine. Samples of targets that it only probes come from their own shard, and are not published twice."""

    def __init__(self, node: NodeFeed, shard: int, probe_only: frozenset[str]) -> None:
        self._node, self._shard, self._probe_only = node, shard, probe_only

    def publish(self, event: Event) -> None:
        if type(event) is SampleSeen and event.sample.target in self._probe_only:
            return
        self._node.publish(self._shard, event)

    def resume(self, incidents: Iterable[Incident]) -> None:
        self._node.resume(self._shard, incidents)

    def show_silences(self, silences: Iterable[Silence]) -> None:
        self._node.show_silences(self._shard, silences)

    def show_announcements(self, announcements: Iterable[Announcement]) -> None:
        self._node.show_announcements(self._shard, announcements)
