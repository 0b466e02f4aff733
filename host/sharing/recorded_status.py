"""The status of a runtime as its store has it: where the active process does not answer, and for the shards of other nodes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from ...adapters.stores.history.stored import StoredSample
from ...adapters.stores.opening import make_reader
from ...domain.incidents.incident import Incident
from ...domain.incidents.record import HeardMark, PauseMark, Silence
from ...domain.limits import DATABASE_COMMIT_SAMPLES_NS, READ_INCIDENTS_MAX
from ...domain.observation.location import LocationResult
from ...domain.observation.outcome import Reason
from ...domain.observation.sample import Sample
from ...domain.read_model.histogram import Percentiles
from ...domain.read_model.status import RECORDED, STANDBY, RuntimeStatus, TargetStatus, no_sample_since
from ...domain.rules.aggregate import RAW_STATUS, Status, confirmed_status, status_of
from ...domain.rules.quorum import results_said
from ...domain.specification.matcher import Subject
from ...domain.specification.target import Target
from ...domain.time.moment import Moment
from ...domain.units import NS_PER_DAY
from ...protocol.recorder import GetIncidents, GetStatus

_JUDGED = Reason.CONDITION_FAILED
"""The reason whose explanation is the list of failed conditions."""
_LOOK_BACK_NS = NS_PER_DAY
_INCIDENTS_RECENT = 100
_WRITTEN_WITHIN_NS = 2 * DATABASE_COMMIT_SAMPLES_NS


class _Marks(NamedTuple):
    """The marks of the record that say more of targets than their samples, by name."""

    heard: Mapping[str, HeardMark] = MappingProxyType({})
    up_since: Mapping[str, int] = MappingProxyType({})
    pauses: Mapping[str, PauseMark] = MappingProxyType({})


class Recorded:
    """Answers questions from the store. Counters, attempts and whole samples are known to the active process alone."""

    def __init__(self, store: str, targets: Iterable[Target], now_ns: int) -> None:
        self._reader = make_reader(store)
        self._targets = tuple(targets)
        self._now_ns = now_ns
        self.dated: set[str] = set()
        """The targets of the answer of which the record says since when they have their status."""

    def answer(self, question: GetStatus | GetIncidents, why: str) -> Any:
        """Returns the answer; `why` is the problem that a status names. Raises: StoreError."""
        if isinstance(question, GetIncidents):
            limit = READ_INCIDENTS_MAX if question.open_only else _INCIDENTS_RECENT
            return self._reader.incidents(open_only=question.open_only, limit=limit)
        return self._status(why)

    def unread(self, why: str) -> tuple[TargetStatus, ...]:
        """Returns the targets as long as the store cannot be read."""
        return tuple(
            replace(self._target(each, None, (), (), _Marks()), explanation=why) for each in self._targets
        )

    def _status(self, why: str) -> RuntimeStatus:
        with self._reader.at_once():
            return self._status_read(why)

    def _status_read(self, why: str) -> RuntimeStatus:
        now_ns, reader = self._now_ns, self._reader
        opened = reader.incidents(open_only=True, limit=READ_INCIDENTS_MAX)
        opened_of = defaultdict[str, list[Incident]](list)
        for incident in opened:
            opened_of[incident.target].append(incident)
        silences = reader.silences(now_ns)
        latest = reader.latest(now_ns - _LOOK_BACK_NS, now_ns + 1)
        marks = _Marks(
            # A target that has moved to another shard may have a mark on both: the newest counts.
            {mark.target: mark for mark in sorted(reader.heard(), key=lambda each: each.at_ns or 0)},
            reader.up_since({each.id for each in self._targets}),
            {mark.target: mark for mark in reader.pauses()},
        )
        recorded_ns = (*(each.at_ns for each in latest.values()), *(each.at_ns for each in opened))
        return RuntimeStatus(
            # A clock that was set back makes no record of the future.
            at_ns=min(max(recorded_ns, default=now_ns), now_ns),
            targets=tuple(
                self._target(
                    target,
                    latest.get(target.id),
                    opened_of.get(target.id, ()),
                    silences,
                    marks,
                )
                for target in self._targets
            ),
            incidents=opened,
            silences=silences,
            problems=((STANDBY, f"{RECORDED}: {why}"),),
            blind=reader.blind(now_ns - NS_PER_DAY),
            lateness=Percentiles(0, 0, 0, 0, 0),
            counters=(),
            announcements=reader.announcements(now_ns),
        )

    def _target(
        self,
        target: Target,
        last: StoredSample | None,
        opened: Collection[Incident],
        silences: Iterable[Silence],
        marks: _Marks,
    ) -> TargetStatus:
        mark, is_paused = marks.heard.get(target.id), target.paused or target.id in marks.pauses
        # The process that probes writes its samples a little later than it takes them.
        is_stale = last is not None and self._now_ns - last.at_ns > target.stale_after_ns + _WRITTEN_WITHIN_NS
        raw = Status.UNKNOWN if last is None or is_stale else RAW_STATUS[last.outcome]
        if last is None and target.heartbeat is not None and target.id in marks.up_since:
            # One that is heard less often than the record is looked through is up until it has missed its report.
            raw = Status.UP
        status = Status.PAUSED if is_paused else confirmed_status(opened, raw)
        silent_ns = last.at_ns + target.stale_after_ns if last and is_stale else None
        if last is None and target.heartbeat is not None and mark is not None:
            silent_ns = mark.at_ns
        since_ns = _since_ns(target, status, opened, marks, silent_ns)
        if since_ns is not None:
            self.dated.add(target.id)
        metadata = target.metadata
        subject = Subject(target.id, metadata)
        return TargetStatus(
            id=target.id,
            kind=target.kind,
            metadata=metadata,
            status=status,
            since_ns=since_ns or (last.at_ns if last else self._now_ns),
            raw=raw,
            explanation=no_sample_since(last.at_ns)
            if last and is_stale
            else last.explanation
            if last and last.reason is not Reason.OK
            else "",
            paused=is_paused,
            silences=tuple(silence for silence in silences if silence.selection().accepts(subject)),
            sample=_sample_of(target, last) if last and not is_stale else None,
            attempt=None,
            samples=0,
            missed=0,
            running_since_ns=None if mark is None else mark.run_at_ns,
            heard_ns=last.at_ns if last else mark.at_ns if mark and raw is Status.UP else None,
            awaited_since_ns=_awaited_since_ns(target, last, mark),
        )


def _since_ns(
    target: Target, status: Status, opened: Iterable[Incident], marks: _Marks, silent_ns: int | None
) -> int | None:
    """Returns since when a target has its status, as the process that watches it says; None where nothing recorded says it.

    `silent_ns` is since when nothing is known of it; None where its newest sample is not too old.
    """
    match status:
        case Status.PAUSED:
            pause = marks.pauses.get(target.id)
            return None if pause is None else pause.at_ns
        case Status.UP:
            return marks.up_since.get(target.id)
        case _:
            alike = (incident.opened_at_ns for incident in opened if status_of([incident]) is status)
            return min(alike, default=silent_ns)


def _sample_of(target: Target, last: StoredSample) -> Sample | None:
    """Returns a stored sample as the one that the runtime had, with as much of it as the record keeps; None for one of several locations
    whose findings it does not say.
    """
    said = last.explanation.removeprefix(last.reason.value).removeprefix(": ")
    found: tuple[LocationResult, ...] = ()
    if target.places:
        found = results_said(last.outcome, last.reason, said, target.places, target.judged_quorum)
        if not found:
            return None
    failed = tuple(said.split("; ")) if said and last.reason is _JUDGED and not found else ()
    return Sample(
        target=target.id,
        epoch=0,
        attempt=0,
        # The clock of the process that took it means nothing here: the wall stands for it.
        at=Moment(last.at_ns, last.at_ns),
        outcome=last.outcome,
        reason=last.reason,
        latency_ns=last.latency_ns,
        status=last.status,
        failed=failed,
        detail="" if failed else said,
        locations=found or UNSET,
    )


def _awaited_since_ns(target: Target, last: StoredSample | None, mark: HeardMark | None) -> int | None:
    """Returns the wall time from which the next report of a heartbeat is expected: a miss stands at the end of the grace."""
    if target.heartbeat is None:
        return None
    if last is not None:
        return last.at_ns - (target.grace_ns if last.reason is Reason.HEARTBEAT_MISSED else 0)
    if mark is None or mark.at_ns is None:
        return None
    # Of one that was never heard the record has the beginning of the wait.
    return max(mark.at_ns, (mark.missed_at_ns or 0) - target.grace_ns)
