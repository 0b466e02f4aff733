"""The part of a record that a batch touches, loaded from a database: what the batch is judged by."""

from collections.abc import Collection, Iterable
from typing import Protocol

from ...domain.errors import StoreCorrupt
from ...domain.incidents.incident import Incident, Transition
from ...domain.incidents.notice import DeliveryState, LastDelivered
from ...domain.incidents.record import Batch, LastDigest, Outgoing, Restored
from .record_state import GroupPlace, Knower, RecordDraft, RecordState, RulePlace, Step, told_steps


class RecordSource(Protocol):
    """A record in a database. Each method is asked for at least one, and returns those that are there, in any order."""

    def steps(self, wanted: Collection[Step]) -> Iterable[Transition]:
        """Returns steps as they were written."""
        ...

    def has_steps(self, wanted: Collection[Step]) -> bool:
        """Whether all of these steps are recorded: one question, as a digest has up to 5,000."""
        ...

    def with_cause(self, step: Transition) -> Transition:
        """Returns a step with its cause, as incidents are restored."""
        ...

    def standing(self, names: Collection[str], places: Collection[RulePlace]) -> Iterable[Incident]:
        """Returns incidents as they stand, and the open ones of these places."""
        ...

    def outgoing(self, keys: Collection[str]) -> Iterable[Outgoing]: ...

    def told(self, knowers: Collection[Knower]) -> Iterable[LastDelivered]: ...

    def digests(self, groups: Collection[GroupPlace]) -> Iterable[LastDigest]: ...


def draft_for(source: RecordSource, batch: Batch) -> RecordDraft:
    """Returns a draft above what the batch is judged by; of the rest of the record nothing is below it."""
    state = RecordState()
    present = _load_steps(source, batch, state)
    if batch.transitions:
        names = {each.incident_id for each in batch.transitions}
        for incident in source.standing(names, {each.place for each in batch.transitions}):
            state.latest[incident.id] = incident
            if incident.is_open:
                state.open[incident.place] = incident.id
    if keys := {each.key for each in batch.notices} | {each.key for each in batch.deliveries}:
        state.outbox = {each.notice.key: each for each in source.outgoing(keys)}
    if knowers := _knowers(batch, state):
        state.told = {(each.incident_id, each.channel): each for each in source.told(knowers)}
    if groups := {(each.channel, each.digest.grouping) for each in batch.notices if each.digest}:
        state.digests = {(each.channel, each.grouping): each.at_ns for each in source.digests(groups)}
    return RecordDraft(state, present)


def recall(source: RecordSource, epoch: int, key: str) -> Restored | None:
    """Returns a dead letter with its incidents and the last delivered step of each, None where the key is none.

    Raises: StoreCorrupt where an incident is missing.
    """
    found = tuple(source.outgoing((key,)))
    if not found or found[0].delivery.state is not DeliveryState.DEAD:
        return None
    notice = found[0].notice
    names = [step.incident_id for step in notice.steps]
    incidents = {each.id: each for each in source.standing(names, ())}
    for name in names:
        if name not in incidents:
            raise StoreCorrupt(f"{name} has no latest step")
    told = {each.incident_id: each for each in source.told([(name, notice.channel) for name in names])}
    return Restored(
        epoch=epoch,
        incidents=tuple(incidents[name] for name in names),
        outbox=found,
        told=tuple(told[name] for name in names if name in told),
    )


def _load_steps(source: RecordSource, batch: Batch, state: RecordState) -> set[Step]:
    """Loads the steps that are compared. Returns others that are there: those that digests tell of."""
    own = {(each.incident_id, each.sequence) for each in batch.transitions}
    leads = {(each.incident.id, each.sequence) for each in batch.notices}
    if own or leads:
        for step in source.steps(own | leads):
            place = (step.incident_id, step.sequence)
            # The same step again is compared as it was written, and a notice with what was restored.
            state.steps[place] = step if place in own else source.with_cause(step)
    present: set[Step] = set()
    for notice in batch.notices:
        members = told_steps(notice) - own - leads if notice.digest else None
        if members and source.has_steps(members):
            present |= members
    return present


def _knowers(batch: Batch, state: RecordState) -> set[Knower]:
    """Returns the channels that take a notice, with each incident that it tells of."""
    taken = {each.key for each in batch.deliveries if each.state is DeliveryState.DELIVERED}
    notices = (*batch.notices, *(each.notice for each in state.outbox.values()))
    return {(step.incident_id, each.channel) for each in notices if each.key in taken for step in each.steps}
