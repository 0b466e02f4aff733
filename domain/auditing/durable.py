"""The record that a crash would leave, folded from the committed batches independently of every store."""

from typing import NamedTuple

from ..incidents.announcement import Announcement
from ..incidents.incident import Incident, Transition
from ..incidents.notice import Delivery, DeliveryState, Notice
from ..incidents.record import Batch, Checkpoint, PauseMark, Restored, Silence


class Durable:
    """The record as a naive reader computes it from all commits; owns every figure that the invariants compare with."""

    def __init__(self) -> None:
        self.lives: dict[str, list[Incident]] = {}
        self.open: dict[tuple[str, str], str] = {}
        """The open incident of each place, which is its target and rule."""
        self.notices: dict[str, Notice] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.pending: dict[str, None] = {}
        self.told: dict[tuple[str, str], int] = {}
        self.given_up: dict[tuple[str, str], None] = {}
        """The incidents and channels with a dead letter, though it was driven again later."""
        self.grouped: dict[tuple[str, str], None] = {}
        """The incidents and channels that a digest has told."""
        self.silences: dict[str, Silence] = {}
        self.announcements: dict[tuple[str, int], Announcement] = {}
        self.checkpoints: dict[str, Checkpoint] = {}
        self.pauses: dict[str, PauseMark] = {}
        self.epoch = 0
        self.writes = 0

    def has_lost(self, restored: Restored) -> bool:
        """Whether a store has fewer writes than were committed: it went back, and its keys may stand for other notices."""
        return restored.writes is not None and restored.writes < self.writes

    def remember(self, restored: Restored) -> None:
        """Starts from the restored record of earlier runs."""
        ended, former = self.silences, self.announcements
        self.__init__()  # type: ignore[misc]  # the same empty record as at the start
        self.epoch = restored.epoch - 1
        self.writes = restored.writes or 0
        self.recall(restored)
        self.pending = {outgoing.notice.key: None for outgoing in restored.outbox}
        # A store says nothing of silences and announcements that are over, and would when the wall clock goes back.
        self.silences = ended | {silence.id: silence for silence in restored.silences}
        self.announcements = former | {(each.id, each.created_at_ns): each for each in restored.announcements}
        self.checkpoints = {mark.target: mark for mark in restored.checkpoints}
        self.pauses = {mark.target: mark for mark in restored.pauses}

    def _adopt(self, incident: Incident) -> None:
        """Adds an incident; its earlier steps are not known, so the newest state stands for each of them."""
        life = self.lives.setdefault(incident.id, [])
        life.extend([incident] * (incident.sequence - len(life)))
        if incident.sequence == len(life) and incident.is_open:
            self.open[incident.place] = incident.id

    def forget_what_is_over(self) -> None:
        """Drops the resolved incidents that need no further notice."""
        waits = {step.incident_id: None for key in self.pending for step in self.notices[key].steps}
        waits |= {name: None for (name, _), told in self.told.items() if told < len(self.lives.get(name, ()))}
        over = [name for name, life in self.lives.items() if not life[-1].is_open and name not in waits]
        for name in over:
            del self.lives[name]
        self.told = {place: told for place, told in self.told.items() if place[0] in self.lives}
        self.given_up = {place: None for place in self.given_up if place[0] in self.lives}
        self.grouped = {place: None for place in self.grouped if place[0] in self.lives}
        keys = [
            key
            for key, notice in self.notices.items()
            if not any(step.incident_id in self.lives for step in notice.steps)
        ]
        for key in keys:
            del self.notices[key]
            self.deliveries.pop(key, None)

    def recall(self, restored: Restored) -> None:
        """Adds what the store has restored, or a dead letter that it has recalled, where it is not known here."""
        for incident in restored.incidents:
            self._adopt(incident)
        for outgoing in (*restored.outbox, *restored.dead):
            self._adopt(outgoing.notice.incident)
            self.notices.setdefault(outgoing.notice.key, outgoing.notice)
            self.deliveries.setdefault(outgoing.notice.key, outgoing.delivery)
        for outgoing in restored.dead:
            self._give_up(outgoing.notice)
        for told in restored.told:
            place = (told.incident_id, told.channel)
            self.told.setdefault(place, told.sequence)
            if told.grouping is not None:
                self.grouped[place] = None

    def apply(self, batch: Batch) -> "News":
        """Applies a committed batch. A batch that is repeated after an uncertain commit changes nothing."""
        self.writes += batch.is_counted
        rivals: list[Transition] = []
        transitions = [step for step in batch.transitions if self._step(step, rivals)]
        notices = [notice for notice in batch.notices if notice.key not in self.notices]
        for notice in notices:
            self.notices[notice.key] = notice
            self.pending[notice.key] = None
        deliveries = [delivery for delivery in batch.deliveries if self._deliver(delivery)]
        self.checkpoints.update((mark.target, mark) for mark in batch.checkpoints)
        self.pauses.update((mark.target, mark) for mark in batch.pauses)
        self.silences.update((silence.id, silence) for silence in batch.silences)
        self.announcements.update(((each.id, each.created_at_ns), each) for each in batch.announcements)
        return News(transitions, rivals, notices, deliveries)

    def _step(self, step: Transition, rivals: list[Transition]) -> bool:
        life = self.lives.setdefault(step.incident_id, [])
        if step.sequence <= len(life) and life[step.sequence - 1] == step.incident:
            return False
        place = step.place
        if life and life[-1].target != step.target:
            self.open.pop((life[-1].target, step.rule), None)
        life.append(step.incident)
        if step.is_open:
            if self.open.get(place, step.incident_id) != step.incident_id:
                rivals.append(step)
            self.open[place] = step.incident_id
        elif self.open.get(place) == step.incident_id:
            del self.open[place]
        return True

    def _deliver(self, delivery: Delivery) -> bool:
        earlier = self.deliveries.get(delivery.key)
        if earlier is not None and earlier.state is DeliveryState.DELIVERED:
            return False
        self.deliveries[delivery.key] = delivery
        if delivery.state is DeliveryState.PENDING:
            self.pending[delivery.key] = None
            return True
        self.pending.pop(delivery.key, None)
        notice = self.notices.get(delivery.key)
        if notice is not None:
            self._settle(delivery, notice)
        return True

    def _settle(self, delivery: Delivery, notice: Notice) -> None:
        if delivery.state is not DeliveryState.DELIVERED:
            self._give_up(notice)
            return
        for step in notice.steps:
            place = (step.incident_id, notice.channel)
            self.told[place] = max(step.sequence, self.told.get(place, step.sequence))
            if notice.digest:
                self.grouped[place] = None

    def _give_up(self, notice: Notice) -> None:
        """Notes a dead letter; that of a reminder leaves its channel with what it was told before."""
        if not notice.reminder:
            self.given_up |= {(step.incident_id, notice.channel): None for step in notice.steps}

    def open_incidents(self) -> list[Incident]:
        return [self.lives[incident][-1] for incident in self.open.values()]


class News(NamedTuple):
    """The records of a batch that were not there before."""

    transitions: list[Transition]
    rivals: list[Transition]
    """Transitions to an open incident while another one of the same rule and target is open."""
    notices: list[Notice]
    deliveries: list[Delivery]
