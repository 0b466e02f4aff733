"""The ledger: incidents and the last notices delivered to each channel; it alone decides which notices are due."""

from collections.abc import Container, Iterable, Mapping

from msgspec.structs import replace

from ..limits import DIGEST_MEMBERS_AT_ONCE, NOTICES_REVIEWED_AT_ONCE
from ..specification.channel import Channel
from ..time.moment import Moment
from .delivery_plan import DeliveryPolicy, Hold, HoldKind, IncidentWait, Recipient
from .digest import SEVERITY_RANK, Grouping
from .due.digests import due_digest, reminding_digest
from .due.entry import LedgerEntry
from .due.groups import DigestGroup
from .due.review import Review
from .due.state import LedgerState
from .incident import Incident, Transition, TransitionKind
from .notice import Delivery, LastDelivered, Notice, NoticeReason, due_change, make_notice
from .record import LatestFinding, Restored


class Ledger:
    """The in-memory copy of the store's incidents and deliveries.

    At most one notice per incident and channel is under way at a time, and one digest per group and channel. This bound
    keeps the order: a transition that happens while a notice is under way becomes due when that notice is settled.

    A notice that is due leaves unless the policy holds it, its channel waits after the opening, or its group waits for the
    next digest. Every other call than `note` and `settle` only queues incidents for `review`; `flush` makes the digests.
    """

    def __init__(self, channels: Iterable[Channel], policy: DeliveryPolicy) -> None:
        self._channels: Mapping[str, Channel] = {channel.id: channel for channel in channels}
        self._policy = policy
        self._state = LedgerState()

    # The record.

    def restore(self, restored: Restored, now: Moment) -> None:
        """Replaces the state by the restored record of a store, and queues every incident for a review."""
        self._state = LedgerState()
        self._policy.restore(restored, now)
        self._state.restore(restored, now)
        self.queue_all()

    def open_incidents(self) -> tuple[Incident, ...]:
        """Returns the open incidents with what was found last; their notices say what was found at their steps."""
        return tuple(
            replace(entry.incident, latest=entry.latest) if entry.latest else entry.incident
            for entry in self._state.entries.values()
            if entry.incident.is_open
        )

    def follow(self, finding: LatestFinding) -> bool:
        """Notes what was found last. Returns False where that is known, and where the incident is not open."""
        entry = self._state.entries.get(finding.incident_id)
        if entry is None or not entry.incident.is_open:
            return False
        if finding.text == (entry.latest or entry.incident.latest):
            return False
        entry.latest = finding.text
        return True

    def incident(self, incident_id: str) -> Incident | None:
        entry = self._state.entries.get(incident_id)
        return None if entry is None else entry.incident

    # Events.

    def note(self, transition: Transition, now: Moment) -> tuple[Notice, ...]:
        """Applies a transition. Returns the notices about its incident alone that are due now."""
        entry = self._state.entry(transition.incident, transition.at_ns)
        entry.latest = ""
        self.queue(self._policy.note(transition, now))
        return self._review(entry, now, NoticeReason.TRANSITION)

    def settle(self, notice: Notice, delivery: Delivery, now: Moment) -> tuple[Notice, ...]:
        """Notes that a notice was delivered or given up. Returns the notices that are due next for its incident.

        The members of a digest are queued for the next review.
        """
        self._state.settle(notice, delivery)
        if (group := self._state.groups.of_notice(notice)) is not None:
            self._state.agenda.queue(step.incident_id for step in notice.steps)
            self._state.agenda.queue(group.due)
            self._state.groups.arm(group, now.wall_ns)
            return ()
        entry = self._state.entries.get(notice.incident.id)
        return () if entry is None else self._review(entry, now, NoticeReason.CATCH_UP)

    def leave_given_up(self, notice: Notice) -> None:
        """Notes that a due notice is a dead letter already, and is not sent."""
        self._state.leave_given_up(notice)

    def postpone(self, notice: Notice) -> None:
        """Notes that a due notice is not sent yet: a later review returns it again where it is still due."""
        self._state.take_back(notice)

    def redrive(self, notice: Notice, incidents: Iterable[Incident], told: Iterable[LastDelivered]) -> bool:
        """Puts a dead letter under way again; `incidents` and `told` are what the record has of those that it tells.

        Returns False where its channel is gone, or has a later notice or one under way.
        """
        taken = tuple(told)
        if notice.channel not in self._channels or not self._state.may_redrive(notice, taken):
            return False
        self._state.redrive(notice, incidents, taken)
        return True

    def memory(self, notice: Notice) -> str:
        """Returns what the channel needs to know to go on with the thread of a notice."""
        return self._state.memory(notice)

    # Reviews.

    def queue(self, targets: Iterable[str]) -> None:
        """Queues the incidents of targets for the next review."""
        wanted = frozenset(targets)
        if wanted:
            self._state.agenda.queue(
                name for name, entry in self._state.entries.items() if entry.incident.target in wanted
            )

    def queue_all(self) -> None:
        """Queues every incident: a hold has begun or ended, or the channels have changed."""
        self._state.agenda.queue(self._state.entries)

    def queue_due(self, now: Moment) -> None:
        """Queues the incidents and groups whose moment has come."""
        if not self._state.agenda.come(now.wall_ns):
            self.queue_all()
            self._state.groups.arm_all(now.wall_ns)

    @property
    def is_reviewing(self) -> bool:
        """Whether incidents wait for their review."""
        return self._state.agenda.is_reviewing

    @property
    def next_ns(self) -> int | None:
        """The wall time of the next moment at which something is due by itself; None without any."""
        return self._state.agenda.next_ns

    def review(self, now: Moment, at_most: int = NOTICES_REVIEWED_AT_ONCE) -> tuple[Notice, ...]:
        """Reviews queued incidents. Returns the notices about one incident that are due."""
        made: list[Notice] = []
        for name in self._state.agenda.take(at_most):
            if (entry := self._state.entries.get(name)) is not None:
                made += self._review(entry, now, NoticeReason.CATCH_UP)
        return tuple(made)

    def flush(self, now: Moment, room: int = DIGEST_MEMBERS_AT_ONCE) -> tuple[Notice, ...]:
        """Returns digests that are due, no further one after those that tell `room` incidents together: `has_more` says whether to
        ask again. None leaves while incidents wait for their review, which may hold them.
        """
        self.queue_due(now)
        made: list[Notice] = []
        while sum(len(notice.steps) for notice in made) < room:
            key = self._state.agenda.take_ready()
            if key is None:
                break
            group = self._state.groups.find(key)
            notice = None if group is None else self._digest(group, now)
            if notice is not None:
                made.append(notice)
        return tuple(made)

    @property
    def has_more(self) -> bool:
        """Whether incidents wait for their review, or groups for their digest."""
        return self._state.agenda.is_reviewing or self._state.agenda.has_ready

    def reconcile(self, now: Moment) -> tuple[Notice, ...]:
        """Returns all notices that are due now, reviewing every incident at once."""
        self.queue_all()
        made = [*self.review(now, len(self._state.entries)), *self.flush(now)]
        while self.has_more:
            made += self.flush(now)
        return tuple(made)

    def waits(self, incident_id: str) -> Mapping[str, Hold]:
        """Returns why each channel of an incident that is to be told of it waits."""
        entry = self._state.entries.get(incident_id)
        return {} if entry is None else entry.waits

    def take_changed_waits(self) -> dict[str, tuple[IncidentWait, ...]]:
        """Returns the waits of the incidents whose waits have changed since the last call."""
        return {name: self._waiting(name) for name in self._state.take_changed()}

    def all_waits(self) -> tuple[IncidentWait, ...]:
        """Returns every channel that waits, and why."""
        return tuple(waiting for name in self._state.entries for waiting in self._waiting(name))

    def _waiting(self, name: str) -> tuple[IncidentWait, ...]:
        return tuple(IncidentWait(name, channel, hold) for channel, hold in self.waits(name).items())

    # The one comparison.

    def _review(self, entry: LedgerEntry, now: Moment, reason: NoticeReason) -> tuple[Notice, ...]:
        """Decides anew what each channel is to be told of an incident. Returns what leaves alone now."""
        incident, review = entry.incident, Review(self._policy, entry, now)
        made: list[Notice] = []
        recipients = () if incident.draft else self._recipients(entry)
        for recipient in recipients:
            group = self._place(entry, recipient)
            if recipient.channel in entry.under_way:
                continue
            change = self._due_change(entry, recipient.channel)
            is_held = change is not None and review.is_held(recipient)
            if group is not None:
                self._tell_later(entry, group, None if is_held else change, review)
            elif change is not None and not is_held:
                remark = self._remark(incident, change)
                made.append(
                    make_notice(incident, recipient.channel, change, now.wall_ns, reason, remark=remark)
                )
            elif change is None and review.is_reminder_due(recipient):
                made.append(_reminder(entry, recipient.channel, now))
        entry.under_way |= {notice.channel: notice for notice in made}
        self._leave_other_groups(entry, {recipient.channel for recipient in recipients}, now)
        self._conclude(entry, review, now)
        return tuple(made)

    def _tell_later(
        self, entry: LedgerEntry, group: DigestGroup, change: TransitionKind | None, review: Review
    ) -> None:
        """Lets the next digest of a group tell of an incident, or no longer."""
        incident, now_ns = entry.incident, review.now.wall_ns
        if change is None:
            group.due.pop(incident.id, None)
            return
        former = entry.waits.get(group.channel)
        # The turns of a group come one after the other, as its incidents opened: the first one waits for the others again.
        since_ns = now_ns if former is not None and former.kind in _IN_TURN else incident.at_ns
        group.add(incident, (change, self._remark(incident, change)), since_ns, now_ns)
        until_ns = self._state.groups.arm(group, now_ns)
        review.waits[group.channel] = Hold(
            kind=HoldKind.GROUPING, name=str(group.grouping), until_ns=until_ns
        )

    def _remark(self, incident: Incident, change: TransitionKind) -> str:
        return self._policy.remark(incident) if change is TransitionKind.OPENED else ""

    def _conclude(self, entry: LedgerEntry, review: Review, now: Moment) -> None:
        """Keeps what a review has found: why channels wait, and when it is to be reviewed again."""
        name = entry.incident.id
        if review.waits != entry.waits:
            entry.waits = review.waits
            self._state.changed(name)
        self._state.agenda.look_at(name, review.next_ns)
        # A resolved incident is kept while its last notice waits.
        if not entry.incident.is_open and not entry.waits and not entry.under_way:
            del self._state.entries[name]
            self._leave_other_groups(entry, frozenset(), now)

    def _recipients(self, entry: LedgerEntry) -> tuple[Recipient, ...]:
        """Returns whom the policy names, and the channels that received an earlier notice and need the end."""
        chosen = [each for each in self._policy.recipients(entry.incident) if each.channel in self._channels]
        named = {recipient.channel for recipient in chosen}
        chosen += [
            Recipient(channel=channel)
            for channel in self._channels
            if channel in entry.told and channel not in named
        ]
        return tuple(chosen)

    def _due_change(self, entry: LedgerEntry, channel: str) -> TransitionKind | None:
        incident = entry.incident
        if not self._wants(entry, channel) or entry.given_up.get(channel, 0) >= incident.sequence:
            return None
        return due_change(incident, entry.told.get(channel), given_up=channel in entry.given_up)

    def _wants(self, entry: LedgerEntry, channel: str) -> bool:
        # Of a problem whose notice was given up, a channel hears the end alone.
        known = (entry.told,) if entry.incident.is_open else (entry.told, entry.given_up)
        spec = self._channels[channel]
        is_known = any(channel in notices for notices in known)
        return is_known or SEVERITY_RANK[entry.incident.severity] >= SEVERITY_RANK[spec.min_severity]

    # Groups.

    def _place(self, entry: LedgerEntry, recipient: Recipient) -> DigestGroup | None:
        """Returns the group in which a channel is told of an incident; None where it is told of it alone.

        A channel hears the end of an incident in the way in which it heard the beginning.
        """
        channel, told = recipient.channel, entry.told.get(recipient.channel)
        wanted = None if recipient.group is None else Grouping(recipient.route, recipient.group)
        grouping = wanted if told is None else told.grouping
        if grouping is None:
            if (former := entry.groups.get(channel)) is not None:
                entry.leave(former)
            return None
        group = self._state.groups.of(channel, grouping)
        if grouping == wanted:
            group.follow(recipient)
        return entry.join(group)

    def _leave_other_groups(self, entry: LedgerEntry, channels: Container[str], now: Moment) -> None:
        """Takes an incident out of the groups of channels that are no longer to be told of it."""
        for channel, group in list(entry.groups.items()):
            if channel not in channels:
                entry.leave(group)
            self._state.groups.arm(group, now.wall_ns)

    def _digest(self, group: DigestGroup, now: Moment) -> Notice | None:
        """Returns the digest of a group that is due now: what it has to tell, else a reminder of what is known."""
        digest_ns, reminder_ns = group.digest_at_ns(now.wall_ns), group.reminder_at_ns(now.wall_ns)
        notice = None
        if digest_ns is not None and digest_ns <= now.wall_ns:
            notice = due_digest(group, self._state.entries, now.wall_ns)
        elif digest_ns is None and reminder_ns is not None and reminder_ns <= now.wall_ns:
            # Where nothing may be reminded of, the end of a hold brings the group here again.
            notice = reminding_digest(group, self._free(group, now), self._state.entries, now.wall_ns)
        elif group.is_idle and (group.ends_at_ns(now.wall_ns) or 0) <= now.wall_ns:
            self._state.groups.drop(group)
        else:
            self._state.groups.arm(group, now.wall_ns)
        if notice is not None:
            self._state.begin(notice)
        return notice

    def _free(self, group: DigestGroup, now: Moment) -> list[LedgerEntry]:
        """Returns the incidents of a group of which its channel may be reminded: nothing holds their notices."""
        found = []
        for entry in (self._state.entries[name] for name in group.known):
            named = {each.channel: each for each in self._recipients(entry)}
            recipient = named.get(group.channel)
            if (
                recipient is not None
                and entry.awaits_acknowledgement
                and self._policy.hold(entry.incident, now) is None
                and self._policy.quiet(recipient, now) is None
            ):
                found.append(entry)
        return found


_IN_TURN = frozenset({HoldKind.DELAY, HoldKind.DEPENDENCY})
"""The holds that end for each incident of a group by itself, at a moment of its own."""


def _reminder(entry: LedgerEntry, channel: str, now: Moment) -> Notice:
    told = entry.told[channel]
    return make_notice(
        entry.incident, channel, told.change, now.wall_ns, NoticeReason.REMINDER, told.reminders + 1
    )
