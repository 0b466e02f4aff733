"""The record in memory: the same rules as on disk, for runtimes without a store and as the model of the real one."""

from collections import Counter
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from ...domain import limits
from ...domain.errors import StoreBusy, StoreCorrupt, StoreError, StoreFenced
from ...domain.incidents.incident import Incident
from ...domain.incidents.notice import DeliveryState, LastDelivered
from ...domain.incidents.record import Batch, IncidentOpening, LastDigest, Outgoing, Restored
from ...domain.supervision.tenure import Tenure, fenced
from ...domain.time.moment import Moment
from .record_state import RecordDraft, RecordState, apply

RECORD = "the record in memory"


class SharedRecord:
    """The record, lock and owner that several memory stores have in common, as several processes have one file."""

    def __init__(self) -> None:
        self.draft = RecordState()
        self.epoch = self.writes = 0
        self.tenure = Tenure()
        self.lock_holder: str | None = None
        """The incarnation that has the lock, which its death frees."""


class MemoryStore:
    """Forgets everything with its process; keeps no sample and no blind interval, because a restart needs none.

    Without `name` no other store has its record, and nobody can claim it; see `SharedRecord`.
    """

    def __init__(self, shared: SharedRecord | None = None, name: str = "") -> None:
        self._shared = shared or SharedRecord()
        self._name = name
        self.lease_ns = limits.TENURE_LEASE_NS if name else 0
        self.lapsed: Tenure | None = None
        """The row of a frozen owner, which may be claimed as long as it stays so."""
        self._tenure: Tenure | None = None
        self._fenced: StoreFenced | None = None
        self._is_open = False
        self._failure: str | None = None

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._record.latest)} incidents)"

    @property
    def _record(self) -> RecordState:
        return self._shared.draft

    def open(self, now: Moment) -> Restored:
        """Opens the store.

        Raises: StoreError where it is open already; StoreBusy where another store owns the record; StoreFenced where
        another has claimed it since this one was open.
        """
        if self._is_open:
            raise StoreError("the store is open already")
        self._claim()
        self._is_open, self._failure = True, None
        live = tuple(incident for incident in self._record.latest.values() if self._is_live(incident))
        return Restored(
            epoch=self._shared.epoch,
            incidents=live,
            outbox=self.outbox(DeliveryState.PENDING),
            dead=tuple(
                outgoing
                for outgoing in self.outbox(DeliveryState.DEAD)
                if any(self._is_live(self._record.latest[step.incident_id]) for step in outgoing.notice.steps)
            ),
            digests=self._digests(),
            openings=self._openings(now, live),
            given_up=tuple(
                sorted(Counter(each.notice.channel for each in self.outbox(DeliveryState.DEAD)).items())
            ),
            told=tuple(told for incident in live for told in self._last_delivered(incident.id)),
            checkpoints=tuple(mark for _, mark in sorted(self._record.checkpoints.items()) if mark.state),
            silences=tuple(
                silence
                for _, silence in sorted(self._record.silences.items())
                if silence.until_ns > now.wall_ns
            ),
            announcements=tuple(
                each for _, each in sorted(self._record.announcements.items()) if each.stands(now.wall_ns)
            ),
            heard=tuple(mark for _, mark in sorted(self._record.heard.items()) if mark.at_ns is not None),
            pauses=tuple(mark for _, mark in sorted(self._record.pauses.items()) if mark.at_ns is not None),
            latest=tuple(finding for _, finding in sorted(self._record.found.items()) if finding),
            writes=self._shared.writes,
        )

    def _digests(self) -> tuple[LastDigest, ...]:
        made = self._record.digests
        kept_ns = max(made.values(), default=0) - limits.DIGESTS_KEPT_NS
        found = [LastDigest(*place, at_ns) for place, at_ns in made.items() if at_ns >= kept_ns]
        return tuple(sorted(found, key=lambda each: (each.channel, msgspec.json.encode(each.grouping))))

    def _openings(self, now: Moment, live: Iterable[Incident]) -> tuple[IncidentOpening, ...]:
        """Returns when the live incidents opened, and those of the last day."""
        since_ns = now.wall_ns - limits.OPENINGS_RESTORED_NS
        wanted = {incident.id for incident in live}
        first = {name: self._record.steps[name, 1].at_ns for name in self._record.latest}
        return tuple(
            IncidentOpening(name, *incident.place, first[name])
            for name, incident in self._record.latest.items()
            if first[name] >= since_ns or name in wanted
        )

    def _claim(self) -> None:
        """Becomes the owner by the same rules as a store on disk."""
        shared, found = self._shared, self._shared.tenure
        if self._tenure is not None and found.supersedes(self._tenure):
            self._fenced = fenced(RECORD, found)
        if self._fenced is not None:
            raise self._fenced
        has_lock = shared.lock_holder in {None, self._name}
        if self._name and not found.may_be_claimed(self._name, has_lock=has_lock, lapsed=self.lapsed):
            raise StoreBusy(f"the record is held by {found.owner}")
        shared.epoch += 1
        if has_lock:
            shared.lock_holder = self._name
        shared.tenure = self._tenure = Tenure(
            owner=self._name,
            incarnation=self._name,
            epoch=shared.epoch,
            commits=found.commits + 1,
            has_lock=has_lock,
        )

    def beat(self) -> None:
        """Shows that the owner lives. Raises: StoreError; StoreFenced."""
        self._require_use()
        self._shared.tenure = replace(self._shared.tenure.beaten(), has_lock=self._has_lock())

    def _has_lock(self) -> bool:
        """Takes the lock where it is free."""
        if self._shared.lock_holder is None:
            self._shared.lock_holder = self._name
        return self._shared.lock_holder == self._name

    def commit(self, batch: Batch) -> int:
        self._require_use()
        draft = RecordDraft(self._record)
        try:
            apply(draft, batch)
        except StoreCorrupt as error:
            self._failure = str(error)
            raise
        self._record.take_over(draft)
        self._shared.writes += batch.is_counted
        self._shared.tenure = replace(self._shared.tenure.advanced(), has_lock=self._has_lock())
        return 0

    def recall(self, key: str) -> Restored | None:
        self._require_use()
        outgoing = self._record.outbox.get(key)
        if outgoing is None or outgoing.delivery.state is not DeliveryState.DEAD:
            return None
        names = [step.incident_id for step in outgoing.notice.steps]
        return Restored(
            epoch=self._shared.epoch,
            incidents=tuple(self._record.latest[name] for name in names),
            outbox=(outgoing,),
            told=tuple(
                told
                for name in names
                for told in self._last_delivered(name)
                if told.channel == outgoing.notice.channel
            ),
        )

    def run_maintenance(self, now: Moment) -> bool:
        """Nothing to do, and nothing left: no samples are kept."""
        self._require_use()
        return False

    def file_problem(self) -> str:
        """None: there is no file."""
        return ""

    def close(self) -> None:
        """Leaves the record to anybody, unless another has claimed it."""
        if self._is_open and self._failure is None and self._is_owner:
            self._shared.tenure = self._shared.tenure.released()
        if self._shared.lock_holder == self._name:
            self._shared.lock_holder = None
        self._is_open = False

    @property
    def _is_owner(self) -> bool:
        return self._tenure is not None and not self._shared.tenure.supersedes(self._tenure)

    def incidents(self) -> tuple[Incident, ...]:
        """Each as it stands, in the order of their opening."""
        found = self._record.found
        return tuple(
            replace(incident, latest=finding.text) if (finding := found.get(incident.id)) else incident
            for incident in self._record.latest.values()
        )

    def outbox(self, state: DeliveryState | None = None) -> tuple[Outgoing, ...]:
        """Notices in a state, oldest first."""
        return tuple(out for out in self._record.outbox.values() if state in {None, out.delivery.state})

    def _require_use(self) -> None:
        if not self._is_open:
            raise StoreError("the store is not open")
        if not self._is_owner:
            self._fenced = fenced(RECORD, self._shared.tenure)
            self._failure = str(self._fenced)
        if self._fenced is not None:
            raise self._fenced
        if self._failure is not None:
            raise StoreError(f"the store takes nothing until it is opened again: {self._failure}")

    def _last_delivered(self, name: str) -> list[LastDelivered]:
        return [told for (incident, _), told in sorted(self._record.told.items()) if incident == name]

    def _is_live(self, incident: Incident) -> bool:
        name = incident.id
        return (
            incident.is_open
            or any(told.sequence < incident.sequence for told in self._last_delivered(name))
            or any(out.notice.step_of(name) for out in self.outbox(DeliveryState.PENDING))
        )
