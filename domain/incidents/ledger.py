"""The ledger: incidents and the last notices delivered to each channel; it alone decides which notices are due."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ..specification.channel import Channel
from ..specification.rule import Severity
from ..time.moment import Moment
from .incident import Incident, Transition
from .notice import Delivery, DeliveryState, LastDelivered, Notice, NoticeReason, due_change, make_notice
from .record import LatestFinding, Restored
from .silence_book import SilenceBook

SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Ledger:
    """The in-memory copy of the store's incidents, silences and deliveries.

    At most one notice per incident and channel is under way at a time. This bound keeps the
    order: a transition that happens while a notice is under way becomes due when that notice is settled.
    """

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._channels: Mapping[str, Channel] = {channel.id: channel for channel in channels}
        self._incidents: dict[str, Incident] = {}
        self._last_delivered: dict[tuple[str, str], LastDelivered] = {}
        self._under_way: dict[tuple[str, str], Notice] = {}
        self._given_up: dict[tuple[str, str], int] = {}
        self.silences = SilenceBook()
        self._latest: dict[str, str] = {}

    def restore(self, restored: Restored) -> None:
        """Replaces the state by the restored record of a store."""
        self._incidents = {incident.id: incident for incident in restored.incidents}
        self._last_delivered = {(told.incident_id, told.channel): told for told in restored.told}
        self._under_way = {
            (outgoing.notice.incident.id, outgoing.notice.channel): outgoing.notice
            for outgoing in restored.outbox
        }
        self._given_up = {}
        for outgoing in restored.dead:
            self._give_up(outgoing.notice)
        self.silences.restore(restored.silences)
        self._latest = {finding.incident_id: finding.text for finding in restored.latest}

    def _give_up(self, notice: Notice) -> None:
        """Notes that a notice was given up: only later steps of its incident become due by themselves."""
        place = (notice.incident.id, notice.channel)
        self._given_up[place] = max(notice.sequence, self._given_up.get(place, notice.sequence))

    def open_incidents(self) -> tuple[Incident, ...]:
        """Returns the open incidents with what was found last; their notices say what was found at their steps."""
        return tuple(
            replace(incident, latest=self._latest.get(incident.id, incident.latest))
            for incident in self._incidents.values()
            if incident.is_open
        )

    def follow(self, finding: LatestFinding) -> bool:
        """Notes what was found last. Returns False where that is known, and where the incident is not open."""
        incident = self._incidents.get(finding.incident_id)
        if incident is None or not incident.is_open:
            return False
        if finding.text == self._latest.get(incident.id, incident.latest):
            return False
        self._latest[incident.id] = finding.text
        return True

    def incident(self, incident_id: str) -> Incident | None:
        return self._incidents.get(incident_id)

    def note(self, transition: Transition, now: Moment) -> tuple[Notice, ...]:
        """Applies a transition. Returns the notices that are due for its incident now."""
        incident = self._incidents[transition.incident_id] = transition.incident
        self._latest.pop(incident.id, None)
        return self._due(incident, now, NoticeReason.TRANSITION)

    def settle(self, notice: Notice, delivery: Delivery, now: Moment) -> tuple[Notice, ...]:
        """Notes that a notice was delivered or given up. Returns the notices that are due next for its incident."""
        incident_id = notice.incident.id
        place = (incident_id, notice.channel)
        self._under_way.pop(place, None)
        if delivery.state is DeliveryState.DELIVERED:
            self._last_delivered[place] = notice.as_delivered()
            self._given_up.pop(place, None)
        else:
            self._give_up(notice)
        incident = self._incidents.get(incident_id)
        return () if incident is None else self._due(incident, now, NoticeReason.CATCH_UP)

    def leave_given_up(self, notice: Notice) -> None:
        """Notes that a due notice is a dead letter already, and is not sent."""
        self._under_way.pop((notice.incident.id, notice.channel), None)
        self._give_up(notice)

    def postpone(self, notice: Notice) -> None:
        """Notes that a due notice is not sent yet: the next `reconcile` returns it again where it is still due."""
        self._under_way.pop((notice.incident.id, notice.channel), None)

    def redrive(self, notice: Notice, incident: Incident, told: LastDelivered | None) -> bool:
        """Puts a dead letter under way again.

        Returns False where its channel is gone, or has a later notice or one under way.
        """
        place = (incident.id, notice.channel)
        if place in self._under_way or notice.channel not in self._channels:
            return False
        if told is not None and told.sequence >= notice.sequence:
            return False
        self._incidents[incident.id] = incident
        if told is not None:
            self._last_delivered[place] = told
        self._under_way[place] = notice
        return True

    def reconcile(self, now: Moment) -> tuple[Notice, ...]:
        """Returns all notices that are due now: after the end of a silence, a restart, or the addition of a channel."""
        incidents = list(self._incidents.values())
        return tuple(
            notice for incident in incidents for notice in self._due(incident, now, NoticeReason.CATCH_UP)
        )

    def _due(self, incident: Incident, now: Moment, reason: NoticeReason) -> tuple[Notice, ...]:
        muted = self.silences.mutes(incident, now)
        made = []
        waits = False
        for channel in self._audience(incident):
            place = (incident.id, channel)
            if place in self._under_way or not self._wants(channel, incident):
                continue
            if self._given_up.get(place, 0) >= incident.sequence:
                continue
            told = self._last_delivered.get(place)
            given_up = place in self._given_up
            change = due_change(incident, told, muted=muted, given_up=given_up)
            if change is None:
                unmuted = due_change(incident, told, muted=False, given_up=given_up)
                waits = waits or (muted and unmuted is not None)
                continue
            notice = self._under_way[place] = make_notice(incident, channel, change, now.wall_ns, reason)
            made.append(notice)
        # A resolved incident is kept while a silence holds back its last notice.
        if not waits:
            self._forget_if_over(incident)
        return tuple(made)

    def _wants(self, channel: str, incident: Incident) -> bool:
        spec = self._channels.get(channel)
        if spec is None:
            return False
        place = (incident.id, channel)
        # Of a problem whose notice was given up, a channel hears the end alone.
        known = (self._last_delivered,) if incident.is_open else (self._last_delivered, self._given_up)
        told = any(place in notices for notices in known)
        return told or SEVERITY_RANK[incident.severity] >= SEVERITY_RANK[spec.min_severity]

    def _audience(self, incident: Incident) -> tuple[str, ...]:
        """Returns the channels of the incident, and those that received an earlier notice and need the end."""
        others = (channel for channel in self._channels if channel not in incident.notify)
        return (*incident.notify, *(name for name in others if (incident.id, name) in self._last_delivered))

    def _forget_if_over(self, incident: Incident) -> None:
        name = incident.id
        if incident.is_open or any((name, channel) in self._under_way for channel in self._channels):
            return
        self._incidents.pop(name, None)
        for channel in self._channels:
            self._last_delivered.pop((name, channel), None)
            self._given_up.pop((name, channel), None)
