"""Situations of the record and of sending that some run should reach: no rules, only marks."""

from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.auditing.receipts import Receipts
from watchkeeper.domain.incidents.acknowledgement import ENDED, WITHDRAWN
from watchkeeper.domain.incidents.incident import Transition
from watchkeeper.domain.incidents.notice import DeliveryState, Notice, NoticeReason
from watchkeeper.domain.incidents.record import Batch, Restored
from watchkeeper.domain.suppression.silence_book import subject_of

from .violation import Happened


class Situations:
    """Names what happened, from the record as it stands after each event."""

    def __init__(self, durable: Durable, happened: Happened) -> None:
        self._durable = durable
        self._happened = happened

    def opened(self, restored: Restored) -> None:
        """The store was opened."""
        if restored.incidents and restored.epoch > 1:
            self._happened("restart while an incident is open")
        if restored.checkpoints:
            self._happened("restart with a rule's clock running")

    def committed(self, batch: Batch) -> None:
        """A batch is durable and in the book."""
        for step in batch.transitions:
            self._stepped(step)
        for notice in batch.notices:
            if notice.reason is NoticeReason.CATCH_UP:
                self._happened("catch-up notice")
                if notice.incident.is_open and self._durable.silences:
                    self._happened("silence over while down")
        if any(delivery.state is DeliveryState.DEAD for delivery in batch.deliveries):
            self._happened("dead letter")

    def _stepped(self, step: Transition) -> None:
        life = self._durable.lives[step.incident_id]
        earlier = life[step.sequence - 2].change if step.sequence > 1 else "nothing"
        self._happened(f"{earlier} to {step.change}")
        if step.reason in {ENDED, WITHDRAWN}:
            self._happened(step.reason.replace("_", " "))
        if any(
            silence.selection().accepts(subject_of(step.incident))
            for silence in self._durable.silences.values()
        ):
            self._happened("transition under a silence")
        waiting = (self._durable.notices[key].incident.id for key in self._durable.pending)
        if not step.is_open and step.incident_id in waiting:
            self._happened("resolved while its opening waits")

    def sending(self, receiver: Receipts, notice: Notice) -> None:
        """A notice leaves."""
        if notice.key in receiver.posts:
            self._happened("key sent again")
