"""The status of a runtime as its store has it: where the active process does not answer, and for the shards of other nodes."""

import threading
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from ...actors.ports import Clock
from ...adapters.stores.following import LastRecords
from ...adapters.stores.history.stored import StoredSample
from ...adapters.stores.opening import make_reader
from ...domain.incidents.incident import Incident
from ...domain.incidents.record import HeardMark, PauseMark, Silence
from ...domain.limits import (
    DATABASE_COMMIT_SAMPLES_NS,
    INTEGER_MAX,
    NODE_SKEW_NS_MAX,
    READ_INCIDENTS_MAX,
    TARGETS_MAX,
)
from ...domain.observation.location import LocationResult
from ...domain.observation.outcome import Reason
from ...domain.observation.sample import Sample
from ...domain.policy import CachePolicy
from ...domain.read_model.histogram import Percentiles
from ...domain.read_model.status import RECORDED, STANDBY, RuntimeStatus, TargetStatus, no_sample_since
from ...domain.rules.aggregate import RAW_STATUS, Status, confirmed_status, status_of
from ...domain.rules.quorum import results_said
from ...domain.specification.matcher import Selection, Subject
from ...domain.specification.metadata import TargetMetadata
from ...domain.specification.target import Target
from ...domain.time.moment import Moment
from ...domain.units import NS_PER_DAY
from ...protocol.recorder import GetIncidents, GetStatus

K = TypeVar("K", bound=Hashable)
POLICY = CachePolicy(
    name="targets of other nodes",
    key="a target that another node runs",
    owner="the node",
    fresh_for_ns=0,
    entries_max=TARGETS_MAX,
    invalidation="each question reads what was written since the last one; all is read anew where nodes run other targets than then,"
    " and after five minutes without a question",
)
_JUDGED = Reason.CONDITION_FAILED
"""The reason whose explanation is the list of failed conditions."""
_LOOK_BACK_NS = NS_PER_DAY
_INCIDENTS_RECENT = 100
_WRITTEN_WITHIN_NS = 2 * DATABASE_COMMIT_SAMPLES_NS
_NOTHING = LastRecords({}, {}, {}, None)


class _Stated(NamedTuple):
    """The part of a row that the configuration says, made once: it takes longer than all the rest."""

    target: Target
    kind: str
    metadata: TargetMetadata
    subject: Subject
    stale_after_ns: int
    """With the time that a sample is on its way to the record."""


class _Row(NamedTuple):
    status: TargetStatus
    until_ns: int
    """The last moment (wall) at which time alone makes no other row of it."""


class _Beside(NamedTuple):
    """The record but for samples and marks, which are many."""

    opened: Mapping[str, tuple[Incident, ...]] = {}
    """Open incidents by target."""
    pauses: Mapping[str, PauseMark] = {}
    silences: tuple[tuple[Silence, Selection], ...] = ()


class Recorded:
    """Answers questions from the store. Counters, attempts and whole samples are known to the active process alone.

    One that is asked again reads what was written since, and makes the rows anew of which that says something else. It keeps one row
    and the newest sample of each target.
    """

    def __init__(
        self, store: str, targets: Iterable[Target], clock: Clock, before: Iterable[TargetStatus] = ()
    ) -> None:
        """`before` are rows that were told before: where the record does not say since when a target is as it is, they do."""
        self.targets = tuple(targets)
        self._clock = clock
        self._reader = make_reader(store)
        self._follower = self._reader.follower([target.id for target in self.targets])
        self._before = before
        self._seen: dict[str, tuple[Status, int]] = {}
        self._stated: list[_Stated] = []
        self._rows: dict[str, _Row] = {}
        self._beside = _Beside()
        self._read_at_ns = 0
        self._guard = threading.Lock()
        """Held while reading: little is left to read for the one who waits."""

    def answer(self, question: GetStatus | GetIncidents, why: str) -> Any:
        """Returns the answer; `why` is the problem that a status names. Blocks. Raises: StoreError."""
        with self._guard, self._reader.at_once():
            if isinstance(question, GetIncidents):
                limit = READ_INCIDENTS_MAX if question.open_only else _INCIDENTS_RECENT
                return self._reader.incidents(open_only=question.open_only, limit=limit)
            # An earlier question must not have a later moment than this one.
            return self._status(why, self._clock.read().wall_ns)

    def unread(self, why: str) -> tuple[TargetStatus, ...]:
        """Returns the targets as long as the store cannot be read."""
        now_ns, nothing = self._clock.read().wall_ns, _Beside()
        return tuple(
            replace(self._made(_stated(each), _NOTHING, nothing, now_ns).status, explanation=why)
            for each in self.targets
        )

    def _status(self, why: str, now_ns: int) -> RuntimeStatus:
        reader = self._reader
        opened = reader.incidents(open_only=True, limit=READ_INCIDENTS_MAX)
        silences, blind = reader.silences(now_ns), reader.blind(now_ns - NS_PER_DAY)
        announcements, pauses = reader.announcements(now_ns), reader.pauses()
        beside = _Beside(
            _by_target(opened),
            {mark.target: mark for mark in pauses},
            tuple((silence, silence.selection()) for silence in silences),
        )
        # The clock of another node may be a little ahead of that of this one.
        last = self._follower.read(now_ns - _LOOK_BACK_NS, now_ns + NODE_SKEW_NS_MAX)
        self._make(last, beside, now_ns)
        recorded_ns = (*(each.at_ns for each in last.latest.values()), *(each.at_ns for each in opened))
        return RuntimeStatus(
            # A clock that was set back makes no record of the future.
            at_ns=min(max(recorded_ns, default=now_ns), now_ns),
            targets=tuple([row.status for row in self._rows.values()]),
            incidents=opened,
            silences=silences,
            problems=((STANDBY, f"{RECORDED}: {why}"),),
            blind=blind,
            lateness=Percentiles(0, 0, 0, 0, 0),
            counters=(),
            announcements=announcements,
        )

    def _make(self, last: LastRecords, beside: _Beside, now_ns: int) -> None:
        """Makes the rows anew of which the record or the time says something else."""
        if not self._stated:
            self._stated = [_stated(target) for target in self.targets]
            self._seen = {row.id: (row.status, row.since_ns) for row in self._before}
            self._before = ()
        before, rows = self._beside, self._rows
        changed = {*(last.changed or ())}
        changed |= _differing(before.opened, beside.opened) | _differing(before.pauses, beside.pauses)
        is_other = (
            last.changed is None
            or now_ns < self._read_at_ns
            or [one for one, _ in before.silences] != [one for one, _ in beside.silences]
        )
        for stated in self._stated:
            name = stated.target.id
            row = rows.get(name)
            if row is None or is_other or now_ns > row.until_ns or name in changed:
                rows[name] = self._made(stated, last, beside, now_ns)
        self._beside, self._read_at_ns, self._seen = beside, now_ns, {}

    def _made(self, stated: _Stated, last: LastRecords, beside: _Beside, now_ns: int) -> _Row:
        target, name = stated.target, stated.target.id
        newest, mark, up_since_ns = last.latest.get(name), last.heard.get(name), last.up_since.get(name)
        if newest is not None and newest.at_ns < now_ns - _LOOK_BACK_NS:
            newest = None
        opened, pause = beside.opened.get(name, ()), beside.pauses.get(name)
        is_paused = target.paused or pause is not None
        fresh_until_ns = INTEGER_MAX if newest is None else newest.at_ns + stated.stale_after_ns
        is_stale = now_ns > fresh_until_ns
        raw = Status.UNKNOWN if newest is None or is_stale else RAW_STATUS[newest.outcome]
        if newest is None and target.heartbeat is not None and up_since_ns is not None:
            # One that is heard less often than the record is looked through is up until it has missed its report.
            raw = Status.UP
        status = Status.PAUSED if is_paused else confirmed_status(opened, raw)
        silent_ns = fresh_until_ns - _WRITTEN_WITHIN_NS if is_stale else None
        if newest is None and target.heartbeat is not None and mark is not None:
            silent_ns = mark.at_ns
        since_ns = _since_ns(status, opened, pause, up_since_ns, silent_ns)
        if since_ns is None:
            since_ns = self._seen_since_ns(name, status, newest.at_ns if newest else now_ns)
        sample = None if newest is None else _sample_of(target, newest)
        row = TargetStatus(
            id=name,
            kind=stated.kind,
            metadata=stated.metadata,
            status=status,
            since_ns=since_ns,
            raw=raw,
            explanation=no_sample_since(newest.at_ns)
            if newest and is_stale
            else _explanation(sample, newest, opened, status),
            paused=is_paused,
            silences=tuple([one for one, selection in beside.silences if selection.accepts(stated.subject)]),
            sample=sample,
            attempt=None,
            samples=0,
            missed=0,
            running_since_ns=None if mark is None else mark.run_at_ns,
            heard_ns=newest.at_ns if newest else mark.at_ns if mark and raw is Status.UP else None,
            awaited_since_ns=_awaited_since_ns(target, newest, mark),
        )
        ends_ns = INTEGER_MAX if newest is None else newest.at_ns + _LOOK_BACK_NS
        return _Row(row, ends_ns if is_stale else min(fresh_until_ns, ends_ns))

    def _seen_since_ns(self, name: str, status: Status, since_ns: int) -> int:
        """Returns since when a target has its status that the record does not say, as of one that its configuration pauses: it is so
        since it was seen first.
        """
        row = self._rows.get(name)
        known = (row.status.status, row.status.since_ns) if row else self._seen.get(name)
        return min(since_ns, known[1]) if known and known[0] is status else since_ns


def _stated(target: Target) -> _Stated:
    metadata = target.metadata
    return _Stated(
        target,
        target.kind,
        metadata,
        Subject(target.id, metadata),
        # The process that probes writes its samples a little later than it takes them.
        target.stale_after_ns + _WRITTEN_WITHIN_NS,
    )


def _by_target(incidents: Iterable[Incident]) -> dict[str, tuple[Incident, ...]]:
    found = defaultdict[str, list[Incident]](list)
    for incident in incidents:
        found[incident.target].append(incident)
    return {target: tuple(each) for target, each in found.items()}


def _differing(before: Mapping[K, object], after: Mapping[K, object]) -> set[K]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def _since_ns(
    status: Status,
    opened: Iterable[Incident],
    pause: PauseMark | None,
    up_since_ns: int | None,
    silent_ns: int | None,
) -> int | None:
    """Returns since when a target has its status, as the process that watches it says; None where nothing recorded says it.

    `silent_ns` is since when nothing is known of it; None where its newest sample is not too old.
    """
    match status:
        case Status.PAUSED:
            return None if pause is None else pause.at_ns
        case Status.UP:
            return up_since_ns
        case _:
            alike = (incident.opened_at_ns for incident in opened if status_of([incident]) is status)
            return min(alike, default=silent_ns)


def _explanation(
    sample: Sample | None, newest: StoredSample | None, opened: Iterable[Incident], status: Status
) -> str:
    """Returns why there is this status where no sample that is shown says it."""
    if sample is not None:
        return ""
    if newest is not None:
        return "" if newest.reason is Reason.OK else newest.explanation
    found = (one.latest or one.cause for one in opened if status_of([one]) is status)
    return next(found, "")


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
