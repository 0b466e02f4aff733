"""The invariant of receivers: each hears an incident in order, from its beginning on."""

from typing import NamedTuple

from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.incidents.digest import ToldStep
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState, Notice
from watchkeeper.domain.incidents.record import Batch

from .violation import Happened


class Heard(NamedTuple):
    """One step of an incident, as a receiver heard it."""

    sequence: int
    change: TransitionKind
    reminder: int
    key: str


class ReceivingRules:
    """Checks S9; owns each receiver's order of notices."""

    def __init__(self, durable: Durable, complain: Complain, happened: Happened) -> None:
        self._durable = durable
        self._complain = complain
        self._happened = happened
        self._heard: dict[tuple[str, str], list[Heard]] = {}
        self._given_up: set[str] = set()
        """The keys of notices that have been dead letters, even where they were delivered later."""

    def committed(self, batch: Batch) -> None:
        """A batch is durable and in the book."""
        self._given_up |= {delivery.key for delivery in batch.deliveries if self._is_given_up(delivery.key)}

    def applied(self, channel: str, notice: Notice, *, first: bool) -> None:
        """Checks S9: each channel receives an incident's steps in order, and its opening before any other step.

        An opening that was given up counts: the receiver may have heard it without an answer.
        """
        if not first:
            self._happened("repeated key absorbed")
            return
        for step in notice.steps:
            self._hear(channel, notice, step)

    def _hear(self, channel: str, notice: Notice, step: ToldStep) -> None:
        heard = self._heard.setdefault((channel, step.incident_id), [])
        new = Heard(step.sequence, step.change, notice.reminder, notice.key)
        if heard and (heard[-1].sequence, heard[-1].reminder) >= (new.sequence, new.reminder):
            if self._is_given_up(notice.key) or self._is_behind_a_lost_answer(heard[-1], notice, step):
                self._happened("given up, and heard late all the same")
                return
            self._complain("S9", f"{channel} receives step {step.sequence} after {heard[-1]}")
        given_up = (step.incident_id, channel) in self._durable.given_up
        if not heard and not given_up and step.change is not TransitionKind.OPENED:
            self._complain("S9", f"{channel} receives {step.change} of {step.incident_id} first")
        heard.append(new)

    def _is_given_up(self, key: str) -> bool:
        """Whether the notice was given up in flight: it cannot be recalled, and may arrive behind its successor."""
        delivery = self._durable.deliveries.get(key)
        return delivery is not None and delivery.state is DeliveryState.DEAD

    def _is_behind_a_lost_answer(self, later: "Heard", notice: Notice, step: ToldStep) -> bool:
        """Whether the delivery of the later one is unknown, because its answer was lost, and either of the two was given up: a dead letter that
        is re-driven comes behind it, and so does the next news after such a letter.
        """
        told = self._durable.told.get((step.incident_id, notice.channel), 0)
        return told < later.sequence and not self._given_up.isdisjoint({notice.key, later.key})

    def heard(self, channel: str, incident: str) -> "list[Heard]":
        """Returns what a receiver applied of an incident, in order."""
        return self._heard.get((channel, incident), [])
