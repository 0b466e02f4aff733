"""One target of the read model: what is known of it, and its status as that is told to hosts."""

from collections.abc import Iterable, Mapping

import msgspec

from .. import limits
from ..incidents.incident import Incident
from ..incidents.record import Silence
from ..observation.attempt import AttemptRecord
from ..observation.sample import Sample
from ..rules.aggregate import Status, status_of
from ..specification.matcher import Subject
from ..specification.metadata import NO_METADATA, TargetMetadata
from ..specification.probes.kinds import HEARTBEAT
from ..time.moment import Moment
from .figures import GroupDurations, TargetFigures
from .kept_attempts import packed, unpacked
from .metrics import TargetMetrics
from .status import TargetStatus, no_sample_since

_BY_INCIDENTS = (Status.DOWN, Status.DEGRADED)


class TrackedTarget(msgspec.Struct):
    """Folds the events of one target."""

    id: str
    durations: GroupDurations
    """Those of its group, which it adds to."""
    since_ns: int
    """Wall time at which the confirmed status began."""
    kind: str = ""
    metadata: TargetMetadata = NO_METADATA
    paused: bool = False
    paused_ns: int = 0
    """Wall time of the last pause."""
    stale_after_ns: int = 0
    running_since_ns: int | None = None
    """Wall time at which a run of a job began that has not ended."""
    up_since_ns: int | None = None
    """Since when it was up at the end of a former run (wall)."""
    heard_ns: int | None = None
    """When a former run last heard of it, or missed its report (wall)."""
    awaited_since_ns: int | None = None
    """From when its next report is expected that no report of this run says (wall)."""
    figures: TargetFigures | None = None
    """None before the first sample."""
    asleep_ns: int = 0
    sample: Sample | None = None
    raw: Status = Status.UNKNOWN
    confirmed: Status = Status.UNKNOWN
    attempt: AttemptRecord | None = None
    """The newest."""
    earlier_attempts: tuple[bytes, ...] = ()
    """Those before it that are kept, oldest first, packed: as values they take four times as much."""
    silences: tuple[Silence, ...] = ()
    """Those that mute it, or some of its incidents; ended ones, too, until the next change of silences."""
    samples: int = 0
    missed: int = 0
    _shown: TargetStatus | None = None
    """The status as it was told last; None after a change of anything that it shows but silences."""
    _shown_until_ns: int = 0
    """The last moment (monotonic) at which the sample of it is fresh."""

    def track(
        self, kind: str, metadata: TargetMetadata, paused_ns: int, stale_after_ns: int, *, paused: bool
    ) -> None:
        """Takes over a specification; `paused_ns` is the wall time of a pause that begins with it."""
        if paused and not (self.paused and self.paused_ns):
            self.paused_ns = paused_ns
        self.kind, self.metadata, self.paused, self.stale_after_ns = kind, metadata, paused, stale_after_ns
        self._shown = None

    def take(
        self,
        sample: Sample,
        record: AttemptRecord,
        status: tuple[Status, Status],
        now: Moment,
        asleep_ns: int,
        resumed: Iterable[Incident],
    ) -> None:
        """Takes a judged sample with its raw and its confirmed status.

        For the first sample of this run, `resumed` are incidents of a former one. A target that was up at its end is so since then: a
        stop of the process is no change of what it watches.
        """
        raw, confirmed = status
        goes_on = confirmed in _BY_INCIDENTS or not self.is_stale(now, asleep_ns)
        if confirmed is not self.confirmed or not goes_on:
            self.since_ns = min([sample.at.wall_ns, *_openings(resumed, confirmed)])
        if self.sample is None and confirmed is Status.UP and self.up_since_ns is not None:
            self.since_ns = min(self.since_ns, self.up_since_ns)
        self.asleep_ns = asleep_ns
        self.sample, self.raw, self.confirmed = sample, raw, confirmed
        self.samples += 1
        self.missed += record.missed
        if self.attempt is not None:
            earlier = (*self.earlier_attempts, packed(self.attempt))
            self.earlier_attempts = earlier[-limits.ATTEMPTS_KEPT_PER_TARGET + 1 :]
        self.attempt = record
        if self.figures is None:
            self.figures = TargetFigures()
        self.figures.take(sample)
        self.durations.take(sample)
        self._shown = None

    def attempts(self) -> tuple[AttemptRecord, ...]:
        """Returns the newest attempts, oldest first."""
        earlier = [unpacked(self.id, each) for each in self.earlier_attempts]
        return tuple(earlier) if self.attempt is None else (*earlier, self.attempt)

    def run_seen(self, began_at_ns: int | None) -> None:
        """Takes note that a run of a job has begun, or that none is open any more."""
        self.running_since_ns = began_at_ns
        self._shown = None

    def up_resumed(self, since_ns: int) -> None:
        """Takes over since when it was up at the end of a former run."""
        self.up_since_ns = since_ns
        self._shown = None

    def heard_resumed(self, heard_ns: int | None, awaited_since_ns: int) -> None:
        """Takes over what a former run recorded of a target that reports by itself, or from when it is waited for anew (None)."""
        self.heard_ns = self.heard_ns if heard_ns is None else heard_ns
        self.awaited_since_ns = awaited_since_ns
        self._shown = None

    def is_stale(self, now: Moment, asleep_ns: int) -> bool:
        """Returns True where the newest sample is too old for a status. Suspended time, which the monotonic clock does
        not show, counts."""
        return self.sample is not None and now.monotonic_ns > self._fresh_until_ns(self.sample, asleep_ns)

    def _fresh_until_ns(self, sample: Sample, asleep_ns: int) -> int:
        return sample.at.monotonic_ns + self.stale_after_ns - (asleep_ns - self.asleep_ns)

    def opened(self, incident: Incident) -> None:
        """Dates the confirmed status back to the first bad sample, once the incident that confirms it is durable."""
        self.since_ns = min([self.since_ns, *_openings([incident], self.confirmed)])
        self._shown = None

    def incident_changed(self) -> None:
        """Takes note that another incident of it is open, or one is so no longer, or has another finding."""
        self._shown = None

    def slept(self) -> None:
        """Takes note that the machine was suspended: the sample is older than the monotonic clock says."""
        self._shown = None

    def pause_began(self, wall_ns: int) -> None:
        """Takes over when the pause began that a former run recorded."""
        self.paused_ns = wall_ns
        self._shown = None

    def subject(self) -> Subject:
        """Returns what matchers see of the target."""
        return Subject(self.id, self.metadata)

    def is_muted_by(self, silence: Silence) -> bool:
        """Whether a silence mutes the target, or some of its incidents."""
        return silence.selection().accepts(self.subject())

    def metrics(self, incidents: Mapping[str, list[Incident]], now: Moment, asleep_ns: int) -> TargetMetrics:
        """Returns the figures; `incidents` are those that are open, by target."""
        status, figures = self.confirmed, self.figures or TargetFigures()
        if self.sample is None or self.is_stale(now, asleep_ns):
            status = status_of(incidents.get(self.id, ())) or self._status_before
        return TargetMetrics(
            id=self.id,
            group=self.metadata.group,
            status=Status.PAUSED if self.paused else status,
            attempts=figures.attempts(),
            answered=figures.answered,
            response_ns=figures.response_ns,
            sampled_at_ns=self._heard_ns(status),
            certificate_ends_ns=figures.certificate_ends_ns,
            missed=self.missed,
            locations=self._heard_locations(),
        )

    def _heard_locations(self) -> tuple[tuple[str, bool], ...]:
        found = () if self.sample is None else self.sample.locations or ()
        return tuple([(each.location, not each.outcome.is_bad) for each in found if each.outcome.is_evidence])

    def status(self, incidents: Mapping[str, list[Incident]], now: Moment, asleep_ns: int) -> TargetStatus:
        """Returns the status; the one that was told last, where it would say the same. `incidents` are the open ones, by target.

        Of 5,000 targets that are checked every ten seconds a tenth changes within a second. All of them made anew would hold
        the loop of the runtime for 10 ms and more, and no check starts meanwhile.
        """
        silences = self.silences and tuple(
            [silence for silence in self.silences if silence.until_ns > now.wall_ns]
        )
        shown = self._shown
        if shown is None or now.monotonic_ns > self._shown_until_ns or shown.silences != silences:
            stale = self.is_stale(now, asleep_ns)
            # Time alone makes no stale sample fresh, and no target without a sample stale.
            self._shown_until_ns = limits.INTEGER_MAX
            if self.sample is not None and not stale:
                self._shown_until_ns = self._fresh_until_ns(self.sample, asleep_ns)
            shown = self._shown = self._told(list(incidents.get(self.id, ())), silences, stale=stale)
        return shown

    def _told(self, incidents: list[Incident], silences: tuple[Silence, ...], *, stale: bool) -> TargetStatus:
        status, since_ns = self.confirmed, self.since_ns
        if self.sample is None or stale:
            # Incidents of an earlier process are open before the first sample of this one.
            status = status_of(incidents) or self._status_before
            silent_ns = since_ns if self.sample is None else self.sample.at.wall_ns + self.stale_after_ns
            if status is Status.UP and self.up_since_ns is not None:
                silent_ns = self.up_since_ns
            elif self.sample is None and self.kind == HEARTBEAT and self.heard_ns is not None:
                # Nothing is known of it since then, whichever process waited.
                silent_ns = min(silent_ns, self.heard_ns)
            since_ns = min(_openings(incidents, status), default=silent_ns)
        return TargetStatus(
            id=self.id,
            kind=self.kind,
            metadata=self.metadata,
            status=Status.PAUSED if self.paused else status,
            since_ns=self.paused_ns if self.paused else since_ns,
            raw=Status.UNKNOWN if stale else self.raw,
            explanation=self._explanation(incidents, status, stale=stale),
            paused=self.paused,
            silences=silences,
            sample=self.sample,
            attempt=self.attempt,
            samples=self.samples,
            running_since_ns=self.running_since_ns,
            heard_ns=self._heard_ns(status),
            awaited_since_ns=self.awaited_since_ns if self.sample is None else None,
            missed=self.missed,
        )

    @property
    def _status_before(self) -> Status:
        """The status that no incident and no fresh sample says: a heartbeat that was up at the end of a former run is so until its next
        report, or the lack of it. A check says by itself within its period whether that still holds."""
        is_up = self.sample is None and self.kind == HEARTBEAT and self.up_since_ns is not None
        return Status.UP if is_up else Status.UNKNOWN

    def _heard_ns(self, status: Status) -> int | None:
        if self.sample is not None:
            return self.sample.at.wall_ns
        # Of one that was never heard the record has the beginning of the wait.
        return None if status is Status.UNKNOWN else self.heard_ns

    def _explanation(self, incidents: list[Incident], status: Status, *, stale: bool) -> str:
        """Returns why there is this status where no present sample says it."""
        if self.sample is not None:
            return no_sample_since(self.sample.at.wall_ns) if stale else ""
        found = (one.latest or one.cause for one in incidents if status_of([one]) is status)
        return next(found, "")


def _openings(incidents: Iterable[Incident], status: Status) -> list[int]:
    """The openings of those incidents that alone would make this status."""
    return [incident.opened_at_ns for incident in incidents if status_of([incident]) is status]
