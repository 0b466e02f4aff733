"""What a crash right now would leave, folded from the committed batches by rules of its own, apart from every store."""

from typing import NamedTuple

from ...domain.incident import Incident, Transition
from ...domain.notice import Delivery, DeliveryState, Notice
from ...domain.record import Batch, Checkpoint, Silence


class Durable:
    """The record as a naive reader of all commits sees it."""

    def __init__(self) -> None:
        self.lives: dict[str, list[Transition]] = {}
        self.open: dict[tuple[str, str], str] = {}
        self.notices: dict[str, Notice] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.pending: dict[str, None] = {}
        self.told: dict[tuple[str, str], int] = {}
        self.silences: dict[str, Silence] = {}
        self.checkpoints: dict[str, Checkpoint] = {}
        self.epoch = 0
        self.commits = 0

    def apply(self, batch: Batch) -> "News":
        """Take in a batch that was committed. A batch that comes again after a doubt changes nothing."""
        self.commits += 1
        rivals: list[Transition] = []
        transitions = [step for step in batch.transitions if self._step(step, rivals)]
        notices = [notice for notice in batch.notices if notice.key not in self.notices]
        for notice in notices:
            self.notices[notice.key] = notice
            self.pending[notice.key] = None
        deliveries = [delivery for delivery in batch.deliveries if self._deliver(delivery)]
        self.checkpoints.update((mark.target, mark) for mark in batch.checkpoints)
        self.silences.update((silence.id, silence) for silence in batch.silences)
        return News(transitions, rivals, notices, deliveries)

    def _step(self, step: Transition, rivals: list[Transition]) -> bool:
        life = self.lives.setdefault(step.incident, [])
        if step.sequence <= len(life) and life[step.sequence - 1] == step:
            return False
        life.append(step)
        place = (step.target, step.rule)
        if step.is_open:
            if self.open.get(place, step.incident) != step.incident:
                rivals.append(step)
            self.open[place] = step.incident
        elif self.open.get(place) == step.incident:
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
        if notice is not None and delivery.state is DeliveryState.DELIVERED:
            place = (notice.incident.incident, notice.channel)
            self.told[place] = max(self.told.get(place, 0), notice.sequence)
        return True

    def latest(self, incident: str) -> Incident:
        return self.lives[incident][-1]

    def open_incidents(self) -> list[Incident]:
        return [self.latest(incident) for incident in self.open.values()]

    def dead_letters(self) -> list[Notice]:
        return [
            self.notices[key]
            for key, delivery in self.deliveries.items()
            if delivery.state is DeliveryState.DEAD
        ]


class News(NamedTuple):
    """What a batch added that was not there before."""

    transitions: list[Transition]
    rivals: list[Transition]
    """Those of them that are open beside another of their rule and target."""
    notices: list[Notice]
    deliveries: list[Delivery]
