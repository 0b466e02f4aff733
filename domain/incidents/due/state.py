"""The state of the ledger: what is known of every incident and group, and what the channels have taken or are sent."""

from collections.abc import Iterable

from msgspec.structs import replace

from ...time.moment import Moment
from ..incident import Incident, TransitionKind
from ..notice import Delivery, DeliveryState, LastDelivered, Notice
from ..record import Restored
from .agenda import Agenda
from .entry import LedgerEntry
from .groups import GroupBook


class LedgerState:
    """The entries of the incidents, the groups, and the agenda of both. It decides nothing. Owned by the ledger."""

    def __init__(self) -> None:
        self.entries: dict[str, LedgerEntry] = {}
        self.agenda = Agenda()
        self.groups = GroupBook(self.agenda.timers)
        self._changed: dict[str, None] = {}

    # The record.

    def restore(self, restored: Restored, now: Moment) -> None:
        """Takes over the record of a store, into an empty state."""
        opened = {opening.incident_id: opening.at_ns for opening in restored.openings}
        for incident in restored.incidents:
            self.entry(incident, opened.get(incident.id))
        for last in restored.digests:
            group = self.groups.of(last.channel, last.grouping)
            group.last_ns = last.at_ns
            self.groups.arm(group, now.wall_ns)
        for told in restored.told:
            self._know(told)
        for outgoing in restored.dead:
            self._give_up(outgoing.notice, outgoing.delivery.at_ns)
        for outgoing in restored.outbox:
            self.begin(outgoing.notice)
        for finding in restored.latest:
            if (entry := self.entries.get(finding.incident_id)) is not None:
                entry.latest = finding.text

    def entry(self, incident: Incident, opened_ns: int | None) -> LedgerEntry:
        """Returns the entry of an incident, which is now as given; one that is new opened at `opened_ns` (wall).

        Without that moment the first bad sample stands for it, which is not later.
        """
        entry = self.entries.get(incident.id)
        if entry is None:
            opened_ns = incident.opened_at_ns if opened_ns is None else opened_ns
            entry = self.entries[incident.id] = LedgerEntry(incident, opened_ns)
        entry.incident = incident
        return entry

    def memory(self, notice: Notice) -> str:
        """Returns what the channel needs to know to go on with the thread of a notice."""
        if notice.digest:
            group = self.groups.find((notice.channel, notice.digest.grouping))
            return "" if group is None or notice.change is TransitionKind.OPENED else group.memory
        entry = self.entries.get(notice.incident.id)
        told = None if entry is None else entry.told.get(notice.channel)
        return "" if told is None else told.memory

    # Notices.

    def begin(self, notice: Notice) -> None:
        """Puts a notice under way."""
        for step in notice.steps:
            if (entry := self.entries.get(step.incident_id)) is not None:
                entry.under_way[notice.channel] = notice
                if entry.waits.pop(notice.channel, None) is not None:
                    self.changed(step.incident_id)
        self.groups.begin(notice)

    def _end(self, notice: Notice) -> None:
        for step in notice.steps:
            if (entry := self.entries.get(step.incident_id)) is not None:
                entry.under_way.pop(notice.channel, None)
        if (group := self.groups.of_notice(notice)) is not None:
            group.under_way = None

    def settle(self, notice: Notice, delivery: Delivery) -> None:
        """Notes that a notice was delivered or given up."""
        self._end(notice)
        if delivery.state is DeliveryState.DELIVERED:
            for told in notice.as_delivered(delivery.at_ns, delivery.memory or ""):
                self._know(told)
        else:
            self._give_up(notice, delivery.at_ns)

    def take_back(self, notice: Notice) -> None:
        """Notes that a notice under way is not sent."""
        self._end(notice)
        if (group := self.groups.of_notice(notice)) is not None:
            group.take_back()

    def leave_given_up(self, notice: Notice) -> None:
        """Notes that a notice under way is a dead letter already, and is not sent."""
        self.take_back(notice)
        self._give_up(notice, notice.created_at_ns)

    def may_redrive(self, notice: Notice, told: Iterable[LastDelivered]) -> bool:
        """Whether the channel of a dead letter has neither a later notice of its incidents nor one under way."""
        taken = {each.incident_id: each.sequence for each in told if each.channel == notice.channel}
        if any(
            self._is_under_way(step.incident_id, notice.channel)
            or taken.get(step.incident_id, 0) >= step.sequence
            for step in notice.steps
        ):
            return False
        group = self.groups.of_notice(notice)
        return group is None or group.under_way is None

    def redrive(self, notice: Notice, incidents: Iterable[Incident], told: Iterable[LastDelivered]) -> None:
        """Puts a dead letter under way again, with what the record has of its incidents."""
        for incident in incidents:
            self.entry(incident, None)
        for each in told:
            if each.channel == notice.channel:
                self._know(each)
        self.begin(notice)

    def _is_under_way(self, incident_id: str, channel: str) -> bool:
        entry = self.entries.get(incident_id)
        return entry is not None and channel in entry.under_way

    def _know(self, told: LastDelivered) -> None:
        """Notes what a channel knows of an incident; it makes up for a notice that was given up before."""
        entry = self.entries.get(told.incident_id)
        if entry is None:
            return
        entry.told[told.channel] = told
        if entry.given_up.get(told.channel, told.sequence) <= told.sequence:
            entry.given_up.pop(told.channel, None)
        if told.grouping is not None:
            entry.join(self.groups.of(told.channel, told.grouping)).know(told)

    def _give_up(self, notice: Notice, at_ns: int) -> None:
        """Notes that a notice was given up: only later steps of its incidents become due by themselves.

        Of a reminder only its turn has passed.
        """
        for step in notice.steps:
            entry = self.entries.get(step.incident_id)
            if entry is None:
                continue
            told = entry.told.get(notice.channel)
            if not notice.reminder:
                entry.give_up(notice.channel, step.sequence)
            elif told is not None and told.reminders < notice.reminder:
                entry.told[notice.channel] = replace(told, reminders=notice.reminder, at_ns=at_ns)

    # Waits.

    def changed(self, incident_id: str) -> None:
        """Notes that the waits of an incident have changed."""
        self._changed[incident_id] = None

    def take_changed(self) -> list[str]:
        """Takes the incidents whose waits have changed since the last call."""
        changed, self._changed = list(self._changed), {}
        return changed
