"""The record in memory: the same rules as on disk, for runtimes without a store and as the model of the real one."""

from collections import ChainMap
from collections.abc import MutableMapping
from typing import Any, TypeVar

import msgspec

from ...domain import limits
from ...domain.errors import StoreCorrupt, StoreError
from ...domain.incidents.incident import Incident, Transition
from ...domain.incidents.notice import Delivery, DeliveryState, LastDelivered, Notice
from ...domain.incidents.record import Batch, BlindInterval, Checkpoint, Outgoing, Restored, Silence
from ...domain.observation.outcome import Outcome
from ...domain.observation.sample import Sample
from ...domain.time.moment import Moment
from ...domain.units import NS_PER_US
from .history.stored import StoredSample
from .sqlite.deliveries import changes

K = TypeVar("K")
V = TypeVar("V")


class _Draft:
    """A commit under way: what it changes lies above what is recorded, until it is taken over or let go."""

    def __init__(self, below: "_Draft | None" = None) -> None:
        def above(name: str) -> MutableMapping[Any, Any]:
            return {} if below is None else ChainMap({}, getattr(below, name))

        self.steps: MutableMapping[tuple[str, int], Transition] = above("steps")
        self.latest: MutableMapping[str, Incident] = above("latest")
        self.open: MutableMapping[tuple[str, str], str | None] = above("open")
        self.notices: MutableMapping[str, Notice] = above("notices")
        self.deliveries: MutableMapping[str, Delivery] = above("deliveries")
        self.told: MutableMapping[tuple[str, str], LastDelivered] = above("told")
        self.checkpoints: MutableMapping[str, Checkpoint] = above("checkpoints")
        self.silences: MutableMapping[str, Silence] = above("silences")
        self.blind: MutableMapping[BlindInterval, None] = above("blind")

    def take_over(self, draft: "_Draft") -> None:
        for name, changed in vars(draft).items():
            getattr(self, name).update(changed.maps[0])


class MemoryStore:
    """Forgets everything with its process, and the oldest samples when there are too many."""

    def __init__(self) -> None:
        self._record = _Draft()
        self._samples: dict[tuple[str, int], StoredSample] = {}
        self._epoch = 0
        self._is_open = False
        self._failure: str | None = None

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._record.latest)} incidents, {len(self._samples)} samples)"

    def open(self, now: Moment) -> Restored:
        """Opens the store.

        Raises: StoreError where it is open already.
        """
        if self._is_open:
            raise StoreError("the store is open already")
        self._is_open, self._failure = True, None
        self._epoch += 1
        live = tuple(incident for incident in self._record.latest.values() if self._is_live(incident))
        return Restored(
            epoch=self._epoch,
            incidents=live,
            outbox=self.outbox(DeliveryState.PENDING),
            dead=tuple(
                outgoing
                for outgoing in self.outbox(DeliveryState.DEAD)
                if self._is_live(self._record.latest[outgoing.notice.incident.id])
            ),
            told=tuple(told for incident in live for told in self._last_delivered(incident.id)),
            checkpoints=tuple(mark for _, mark in sorted(self._record.checkpoints.items()) if mark.state),
            silences=tuple(
                silence
                for _, silence in sorted(self._record.silences.items())
                if silence.until_ns > now.wall_ns
            ),
        )

    def commit(self, batch: Batch) -> int:
        self._require_use()
        draft = _Draft(self._record)
        try:
            _write(draft, batch)
        except StoreCorrupt as error:
            self._failure = str(error)
            raise
        self._record.take_over(draft)
        for sample in batch.samples:
            self._keep(sample)
        return 0

    def recall(self, key: str) -> Restored | None:
        self._require_use()
        delivery = self._record.deliveries.get(key)
        if delivery is None or delivery.state is not DeliveryState.DEAD:
            return None
        notice = self._record.notices[key]
        told = self._record.told.get((notice.incident.id, notice.channel))
        return Restored(
            epoch=self._epoch,
            incidents=(self._record.latest[notice.incident.id],),
            outbox=(Outgoing(notice, delivery),),
            told=() if told is None else (told,),
        )

    def run_maintenance(self, now: Moment) -> None:
        """Nothing to do: samples are bounded as they come."""
        self._require_use()

    def file_problem(self) -> str:
        """None: there is no file."""
        return ""

    def close(self) -> None:
        self._is_open = False

    def incidents(self, *, open_only: bool = False) -> tuple[Incident, ...]:
        """Each as it stands, in the order of their opening."""
        return tuple(found for found in self._record.latest.values() if found.is_open or not open_only)

    def transitions(self, incident: str) -> tuple[Transition, ...]:
        """The life of an incident."""
        latest = self._record.latest.get(incident)
        count = 0 if latest is None else latest.sequence
        return tuple(self._record.steps[incident, sequence] for sequence in range(1, count + 1))

    def outbox(self, state: DeliveryState | None = None) -> tuple[Outgoing, ...]:
        """Notices in a state, oldest first."""
        deliveries = self._record.deliveries
        return tuple(
            Outgoing(notice, deliveries[key])
            for key, notice in self._record.notices.items()
            if state in {None, deliveries[key].state}
        )

    def samples(self, target: str, since_ns: int = 0, until_ns: int = 2**63) -> tuple[StoredSample, ...]:
        """Those of a target in a span, in the order of time."""
        found = [
            sample
            for (of, _), sample in self._samples.items()
            if of == target and since_ns <= sample.at_ns < until_ns
        ]
        return tuple(sorted(found, key=lambda sample: sample.at_ns))

    def blind(self) -> tuple[BlindInterval, ...]:
        return tuple(sorted(self._record.blind, key=msgspec.structs.astuple))

    def _require_use(self) -> None:
        if not self._is_open:
            raise StoreError("the store is not open")
        if self._failure is not None:
            raise StoreError(f"the store takes nothing until it is opened again: {self._failure}")

    def _last_delivered(self, name: str) -> list[LastDelivered]:
        return [told for (incident, _), told in sorted(self._record.told.items()) if incident == name]

    def _is_live(self, incident: Incident) -> bool:
        name = incident.id
        return (
            incident.is_open
            or any(told.sequence < incident.sequence for told in self._last_delivered(name))
            or any(out.notice.incident.id == name for out in self.outbox(DeliveryState.PENDING))
        )

    def _keep(self, sample: Sample) -> None:
        wall_ns = sample.at.wall_ns
        if not limits.SAMPLE_WALL_NS_MIN <= wall_ns < limits.SAMPLE_WALL_NS_MAX:
            return
        self._samples.setdefault((sample.target, wall_ns // NS_PER_US), _stored(sample))
        if len(self._samples) > limits.MEMORY_SAMPLES_MAX:
            del self._samples[next(iter(self._samples))]


def _stored(sample: Sample) -> StoredSample:
    latency_ns = sample.latency_ns
    explanation = "" if sample.outcome is Outcome.UP else sample.explanation()
    return StoredSample(
        at_ns=sample.at.wall_ns // NS_PER_US * NS_PER_US,
        outcome=sample.outcome,
        reason=sample.reason,
        status=sample.status,
        latency_ns=None if latency_ns is None else latency_ns // NS_PER_US * NS_PER_US,
        explanation=explanation[: limits.EXPLANATION_CHARACTERS_MAX],
    )


def _write(draft: _Draft, batch: Batch) -> None:
    for transition in batch.transitions:
        _write_transition(draft, transition)
    for notice in batch.notices:
        _write_notice(draft, notice)
    for delivery in batch.deliveries:
        _write_delivery(draft, delivery)
    draft.checkpoints.update({checkpoint.target: checkpoint for checkpoint in batch.checkpoints})
    draft.silences.update({silence.id: silence for silence in batch.silences})
    draft.blind.update(dict.fromkeys(batch.blind))


def _write_transition(draft: _Draft, transition: Transition) -> None:
    name, place = transition.incident_id, (transition.target, transition.rule)
    recorded = draft.steps.get((name, transition.sequence))
    if recorded is not None:
        if recorded != transition:
            raise StoreCorrupt(f"step {transition.sequence} of {name} is recorded otherwise")
        return
    if not transition.may_follow(draft.latest.get(name)):
        raise StoreError(f"step {transition.sequence} of {name} may not follow what is recorded")
    if transition.is_open and draft.open.get(place) not in {None, name}:
        raise StoreError(f"{transition.target}/{transition.rule} has an open incident already")
    draft.open[place] = name if transition.is_open else None
    draft.steps[name, transition.sequence] = transition
    draft.latest[name] = transition.incident


def _write_notice(draft: _Draft, notice: Notice) -> None:
    recorded = draft.notices.get(notice.key)
    if recorded is not None:
        if _place(recorded) != _place(notice):
            raise StoreCorrupt(f"the key {notice.key} is recorded for another notice")
        return
    step = draft.steps.get((notice.incident.id, notice.sequence))
    if step is None or step.incident != notice.incident:
        raise StoreError(f"notice {notice.key} tells of a step that is not recorded")
    draft.notices[notice.key] = notice
    draft.deliveries[notice.key] = Delivery(
        key=notice.key, state=DeliveryState.PENDING, attempts=0, at_ns=notice.created_at_ns
    )


def _write_delivery(draft: _Draft, delivery: Delivery) -> None:
    notice, recorded = draft.notices.get(delivery.key), draft.deliveries.get(delivery.key)
    if notice is None or recorded is None:
        raise StoreError(f"there is no notice {delivery.key} to deliver")
    if not changes(recorded, delivery):
        return
    draft.deliveries[delivery.key] = delivery
    if delivery.state is DeliveryState.DELIVERED:
        _tell(draft.told, notice)


def _tell(told: MutableMapping[tuple[str, str], LastDelivered], notice: Notice) -> None:
    place = (notice.incident.id, notice.channel)
    earlier = told.get(place)
    if earlier is None or earlier.sequence < notice.sequence:
        told[place] = LastDelivered(
            incident_id=place[0], channel=notice.channel, sequence=notice.sequence, change=notice.change
        )


def _place(notice: Notice) -> tuple[str, int, str]:
    return notice.incident.id, notice.sequence, notice.channel
