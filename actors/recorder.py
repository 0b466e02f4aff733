"""The recorder: keeps the read model of the runtime from the messages of the other actors. It decides nothing."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, assert_never

import msgspec
from msgspec import UNSET

from ..domain import limits
from ..domain.incidents.announcement import Announcement
from ..domain.incidents.incident import Incident, Transition, TransitionKind, by_target
from ..domain.incidents.notice import Delivery, DeliveryState, Notice
from ..domain.incidents.own_problems import NETWORK, POLLER, POLLERS, channel_part
from ..domain.incidents.record import BlindInterval, LatestFinding, Silence
from ..domain.observation.attempt import AttemptRecord
from ..domain.observation.outcome import Outcome
from ..domain.observation.sample import Sample
from ..domain.read_model.event import HealthChanged, IncidentChanged, NoticeEnded, SampleSeen, WentBlind
from ..domain.read_model.figures import Figures, GroupDurations, TargetFigures
from ..domain.read_model.histogram import Histogram
from ..domain.read_model.metrics import PartMetrics, RuntimeMetrics, TargetMetrics
from ..domain.read_model.problems import PresentProblems
from ..domain.read_model.status import RuntimeStatus, TargetStatus, no_sample_since
from ..domain.rules.aggregate import Status, status_of
from ..domain.specification.matcher import Subject
from ..domain.specification.metadata import NO_METADATA
from ..domain.supervision.blindness import SUSPENDED
from ..domain.time.moment import Moment
from ..protocol import recorder as heard
from ..protocol.owner import OwnerMessage, ProblemsReported
from .behaviour import Behaviour, shedding
from .ports import Clock, Listener, Publisher


class _Row(msgspec.Struct):
    """One target of the read model."""

    tracked: heard.TargetTracked
    durations: GroupDurations
    """Those of its group, which it adds to."""
    figures: TargetFigures | None = None
    """None before the first sample."""
    asleep_ns: int = 0
    sample: Sample | None = None
    raw: Status = Status.UNKNOWN
    confirmed: Status = Status.UNKNOWN
    since_ns: int = 0
    """Wall time at which the confirmed status began."""
    paused_ns: int = 0
    """Wall time of the last pause."""
    attempts: deque[AttemptRecord] | None = None
    silences: tuple[Silence, ...] = ()
    """Those that mute it, or some of its incidents; ended ones, too, until the next change of silences."""
    samples: int = 0
    missed: int = 0

    def track(self, message: heard.TargetTracked, paused_ns: int) -> None:
        if message.paused and not (self.tracked.paused and self.paused_ns):
            self.paused_ns = paused_ns
        self.tracked = message

    def take(
        self, message: heard.SampleJudged, now: Moment, asleep_ns: int, resumed: Iterable[Incident]
    ) -> None:
        """Takes a judged sample; `resumed` are incidents of a former run, for the first sample of this one."""
        began_ns = message.sample.at.wall_ns
        goes_on = message.confirmed in _BY_INCIDENTS or not self.is_stale(now, asleep_ns)
        if message.confirmed is not self.confirmed or not goes_on:
            self.since_ns = min([began_ns, *_openings(resumed, message.confirmed)])
        self.asleep_ns = asleep_ns
        self.sample = message.sample
        self.raw = message.raw
        self.confirmed = message.confirmed
        self.samples += 1
        self.missed += message.record.missed
        if self.attempts is None:
            self.attempts = deque(maxlen=limits.ATTEMPTS_KEPT_PER_TARGET)
        self.attempts.append(message.record)
        if self.figures is None:
            self.figures = TargetFigures()
        self.figures.take(message.sample)
        self.durations.take(message.sample)

    def is_stale(self, now: Moment, asleep_ns: int) -> bool:
        """Returns True where the newest sample is too old for a status. Suspended time, which the monotonic clock does
        not show, counts."""
        sample = self.sample
        return sample is not None and (
            now.since(sample.at) + asleep_ns - self.asleep_ns > self.tracked.stale_after_ns
        )

    def opened(self, incident: Incident) -> None:
        """Dates the confirmed status back to the first bad sample, once the incident that confirms it is durable."""
        self.since_ns = min([self.since_ns, *_openings([incident], self.confirmed)])

    def subject(self) -> Subject:
        """Returns what matchers see of the target."""
        return Subject(self.tracked.target, self.tracked.metadata or NO_METADATA)

    def is_muted_by(self, silence: Silence) -> bool:
        """Whether a silence mutes the target, or some of its incidents."""
        return silence.selection().accepts(self.subject())

    def metrics(self, target: str, incidents: list[Incident], *, stale: bool) -> TargetMetrics:
        status, figures = self.confirmed, self.figures or TargetFigures()
        if self.sample is None or stale:
            status = status_of(incidents) or Status.UNKNOWN
        return TargetMetrics(
            id=target,
            group=(self.tracked.metadata or NO_METADATA).group,
            status=Status.PAUSED if self.tracked.paused else status,
            attempts=figures.attempts(),
            answered=figures.answered,
            response_ns=figures.response_ns,
            sampled_at_ns=None if self.sample is None else self.sample.at.wall_ns,
            certificate_ends_ns=figures.certificate_ends_ns,
            missed=self.missed,
        )

    def status(self, target: str, incidents: list[Incident], now: Moment, *, stale: bool) -> TargetStatus:
        status, since_ns = self.confirmed, self.since_ns
        if self.sample is None or stale:
            # Incidents of an earlier process are open before the first sample of this one.
            status = status_of(incidents) or Status.UNKNOWN
            silent_ns = (
                since_ns if self.sample is None else self.sample.at.wall_ns + self.tracked.stale_after_ns
            )
            since_ns = min(_openings(incidents, status), default=silent_ns)
        return TargetStatus(
            id=target,
            kind=self.tracked.kind,
            metadata=self.tracked.metadata or NO_METADATA,
            status=Status.PAUSED if self.tracked.paused else status,
            since_ns=self.paused_ns if self.tracked.paused else since_ns,
            raw=Status.UNKNOWN if stale else self.raw,
            explanation=self._explanation(incidents, status, stale=stale),
            paused=self.tracked.paused,
            silences=tuple(silence for silence in self.silences if silence.until_ns > now.wall_ns),
            sample=self.sample,
            attempt=self.attempts[-1] if self.attempts else None,
            samples=self.samples,
            missed=self.missed,
        )

    def _explanation(self, incidents: list[Incident], status: Status, *, stale: bool) -> str:
        """Returns why there is this status where no present sample says it."""
        if self.sample is not None:
            return no_sample_since(self.sample.at.wall_ns) if stale else ""
        found = (one.latest or one.cause for one in incidents if status_of([one]) is status)
        return next(found, "")


_BY_INCIDENTS = (Status.DOWN, Status.DEGRADED)


def _openings(incidents: Iterable[Incident], status: Status) -> list[int]:
    """The openings of those incidents that alone would make this status."""
    return [incident.opened_at_ns for incident in incidents if status_of([incident]) is status]


class Recorder(Behaviour[heard.RecorderMessage]):
    """Folds events into the current state, answers questions about it, and passes events to subscribers."""

    sheds = (heard.SampleJudged,)
    mailbox_policy = shedding(*sheds)
    mailbox_capacity = limits.RECORDER_MAILBOX_MAX

    def __init__(
        self,
        clock: Clock,
        publisher: Publisher,
        losses: Callable[[], Mapping[str, int]],
        owner: Listener[OwnerMessage],
        discreet: Callable[[str], str] = str,
        loads: Callable[[], Iterable[PartMetrics]] = tuple,
    ) -> None:
        super().__init__(clock)
        self._owner = owner
        self._discreet = discreet
        self._publisher = publisher
        self._losses = losses
        self._loads = loads
        """Yields the mailbox and the restarts of each actor."""
        self._rows: dict[str, _Row] = {}
        self._open: dict[str, Incident] = {}
        self._resumed: dict[str, list[Incident]] = {}
        """By target, the incidents of a former run, until the first sample of this one."""
        self._paused_ns: dict[str, int] = {}
        """By target, when a pause of the record began, until the target is tracked."""
        self._ended: deque[Incident] = deque(maxlen=limits.ENDED_INCIDENTS_KEPT)
        self._silences: tuple[Silence, ...] = ()
        self._announcements: tuple[Announcement, ...] = ()
        self._problems = PresentProblems()
        self._blind: deque[BlindInterval] = deque(maxlen=limits.BLIND_INTERVALS_KEPT)
        self._asleep_ns = 0
        self._lateness = Histogram()
        self._figures = Figures()
        self._counters: Counter[str] = Counter()
        self._abandoned: list[heard.Abandoned] = []

    def handle(self, message: heard.RecorderMessage, now: Moment) -> Any:
        match message:
            case heard.SampleJudged():
                self._judged(message, now)
            case heard.Committed(transitions):
                self._committed(transitions)
            case heard.NoticeSettled(notice, delivery):
                self._settled(notice, delivery, now)
            case heard.TargetTracked():
                self._track(message, now)
            case heard.TargetUntracked(target):
                if (row := self._rows.pop(target, None)) is not None:
                    self._figures.leave(row.durations)
            case heard.IncidentsResumed():
                self._resume(message)
            case heard.SilencesChanged(silences):
                self._show_silences(silences)
            case heard.AnnouncementsChanged(announcements):
                self._announcements = announcements
                self._publisher.show_announcements(announcements)
            case heard.CommitFinished(took_ns, tries, backlogs):
                self._figures.written(took_ns, tries)
                self._figures.keep_backlogs(backlogs)
            case heard.LoadSeen(lag_ns, in_flight):
                self._figures.loaded(lag_ns, in_flight)
            case heard.BlindnessSeen(interval):
                self._went_blind(interval)
            case heard.HealthReported(part, detail):
                self._changed(part, self._discreet(detail), now)
            case heard.HandOverProblems():
                self._owner.tell(ProblemsReported(self._problems.all()))
            case heard.CounterIncreased(counter, by):
                self._counters[counter] += by
            case heard.Abandoned():
                self._abandoned.append(message)
            case _:
                return self._answer_question(message, now)
        return None

    def _answer_question(self, question: heard.RecorderQuestion, now: Moment) -> Any:
        match question:
            case heard.GetStatus():
                return self._status(now)
            case heard.GetMetrics(targets):
                return self._metrics(now, targets=targets)
            case heard.GetIncidents(open_only):
                return tuple(self._open.values()) + (() if open_only else tuple(self._ended))
            case heard.GetAttempts(target):
                attempts = self._rows[target].attempts if target in self._rows else None
                return tuple(attempts or ())
            case heard.GetAbandoned():
                return tuple(self._abandoned)
            case _:
                assert_never(question)

    def _track(self, message: heard.TargetTracked, now: Moment) -> None:
        target, group = message.target, (message.metadata or NO_METADATA).group
        row = self._rows.get(target)
        durations = self._figures.enrol(row.durations if row else None, group, message.kind)
        if row is None:
            row = self._rows[target] = _Row(message, durations, since_ns=now.wall_ns)
        row.durations = durations
        row.track(message, self._paused_ns.pop(target, now.wall_ns))
        row.silences = tuple(filter(row.is_muted_by, self._silences))

    def _resume(self, message: heard.IncidentsResumed) -> None:
        self._open = {incident.id: incident for incident in message.incidents}
        self._resumed = by_target(message.incidents)
        self._publisher.resume(message.incidents)
        self._figures.keep_backlogs(message.backlogs)
        self._show_silences(message.silences)
        self._announcements = message.announcements
        self._publisher.show_announcements(message.announcements)
        self._paused_ns = {mark.target: mark.at_ns for mark in message.pauses if mark.at_ns is not None}
        # Where the recorder alone was restarted, its targets may have come before the record.
        for target, row in self._rows.items():
            if row.tracked.paused:
                row.paused_ns = self._paused_ns.pop(target, row.paused_ns)

    def _show_silences(self, silences: tuple[Silence, ...]) -> None:
        """Takes over the silences in force. A new one alone is held against all targets: 5 us each for a pattern."""
        before, self._silences = set(self._silences), silences
        gone = before.difference(silences)
        new = [(silence, silence.selection()) for silence in silences if silence not in before]
        for row in self._rows.values():
            kept = [silence for silence in row.silences if silence not in gone]
            if new:
                subject = row.subject()
                kept += [silence for silence, selection in new if selection.accepts(subject)]
            row.silences = tuple(kept)
        self._publisher.show_silences(silences)

    def _judged(self, message: heard.SampleJudged, now: Moment) -> None:
        row = self._rows.get(message.sample.target)
        if row is None:
            self._counters["samples_without_target"] += 1
            return
        row.take(message, now, self._asleep_ns, self._resumed.pop(message.sample.target, ()))
        for finding in message.latest:
            self._follow(finding)
        if message.record.started is not None and message.sample.outcome is not Outcome.CANCELLED:
            self._lateness.add(message.record.lateness_ns)
            self._figures.began_late(message.record.lateness_ns)
        self._counters["samples"] += 1
        if message.sample.figures_dropped is not UNSET:
            self._counters["figures_dropped"] += message.sample.figures_dropped
        self._publisher.publish(SampleSeen(message.sample, message.confirmed))

    def _follow(self, finding: LatestFinding) -> None:
        """Keeps what was found last. The commit of an opening may come later, and then the next sample says it again."""
        incident = self._open.get(finding.incident_id)
        if incident is not None and incident.latest != finding.text:
            self._open[incident.id] = msgspec.structs.replace(incident, latest=finding.text)

    def _committed(self, transitions: tuple[Transition, ...]) -> None:
        for transition in transitions:
            incident = transition.incident
            self._counters[f"incidents_{incident.change.value}"] += 1
            self._figures.moved(incident)
            if incident.is_open:
                self._open[incident.id] = incident
                row = self._rows.get(incident.target)
                if row is not None and incident.change is TransitionKind.OPENED:
                    row.opened(incident)
            else:
                self._open.pop(incident.id, None)
                self._ended.append(incident)
            self._publisher.publish(IncidentChanged(incident))

    def _settled(self, notice: Notice, delivery: Delivery, now: Moment) -> None:
        if notice.is_test:
            # A test that fails is answered to its operator; the channel may have nothing to tell.
            self._publisher.publish(NoticeEnded(notice, delivery))
            return
        self._counters[f"notices_{delivery.state.value}"] += 1
        self._figures.ended(notice, delivery)
        channel = channel_part(notice.channel)
        if delivery.state is DeliveryState.DEAD:
            self._changed(channel, f"dead letter {notice.key}: {delivery.detail}", now)
        else:
            self._changed(channel, "", now)
        self._publisher.publish(NoticeEnded(notice, delivery))

    def _changed(self, part: str, detail: str, now: Moment) -> None:
        if self._problems.change(part, detail, now):
            self._publisher.publish(HealthChanged(part, detail))

    def _went_blind(self, interval: BlindInterval) -> None:
        self._blind.append(interval)
        self._figures.went_blind(interval)
        if interval.cause == SUSPENDED:
            self._asleep_ns += max(interval.ended_at_ns - interval.started_at_ns, 0)
        self._publisher.publish(WentBlind(interval))

    def _status(self, now: Moment) -> RuntimeStatus:
        return RuntimeStatus(
            at_ns=now.wall_ns,
            targets=self._targets(now),
            incidents=tuple(self._open.values()),
            silences=tuple(silence for silence in self._silences if silence.until_ns > now.wall_ns),
            problems=tuple((problem.part, problem.detail) for problem in self._problems.all()),
            blind=tuple(self._blind),
            lateness=self._lateness.percentiles(),
            counters=tuple(sorted({**self._counters, **self._losses()}.items())),
            announcements=tuple(each for each in self._announcements if each.stands(now.wall_ns)),
        )

    def _metrics(self, now: Moment, *, targets: bool) -> RuntimeMetrics:
        rows, open_ = self._rows if targets else {}, by_target(self._open.values())
        return self._figures.read(
            now.wall_ns,
            tuple(
                row.metrics(target, open_.get(target, []), stale=row.is_stale(now, self._asleep_ns))
                for target, row in rows.items()
            ),
            self._open.values(),
            tuple(self._parts()),
        )

    def _parts(self) -> Iterator[PartMetrics]:
        """Yields every part with its load and health; the pollers are one, so that parts stay few."""
        counters, channels = self._counters, (backlog.channel for backlog in self._figures.backlogs)
        known = {
            "store": PartMetrics(part="store", shed=counters["samples_shed"] + counters["evidence_shed"]),
            POLLERS: PartMetrics(part=POLLERS, restarts=counters["poller_restarts"]),
            **{load.part: load for load in self._loads()},
        }
        ill = {POLLERS if one.part.startswith(POLLER) else one.part for one in self._problems.all()}
        for part in dict.fromkeys((*known, NETWORK, *map(channel_part, channels), *sorted(ill))):
            load = known.get(part) or PartMetrics(part=part)
            yield msgspec.structs.replace(load, is_healthy=part not in ill)

    def _targets(self, now: Moment) -> tuple[TargetStatus, ...]:
        """Returns the status of every target. Staleness is computed here, at the question; no timer watches for it."""
        open_ = by_target(self._open.values())
        return tuple(
            row.status(target, open_.get(target, []), now, stale=row.is_stale(now, self._asleep_ns))
            for target, row in self._rows.items()
        )
