"""The recorder: keeps the read model of the runtime from the messages of the other actors. It decides nothing."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, assert_never

import msgspec
from msgspec import UNSET

from ..domain import limits
from ..domain.incidents.announcement import Announcement
from ..domain.incidents.delivery_plan import IncidentWait
from ..domain.incidents.incident import Incident, Transition, TransitionKind, by_target
from ..domain.incidents.notice import Delivery, DeliveryState, Notice
from ..domain.incidents.own_problems import NETWORK, PING, POLLER, POLLERS, WithOthers, channel_part
from ..domain.incidents.record import BlindInterval, LatestFinding, Silence
from ..domain.observation.outcome import Outcome
from ..domain.read_model.event import HealthChanged, IncidentChanged, NoticeEnded, SampleSeen, WentBlind
from ..domain.read_model.figures import Figures
from ..domain.read_model.histogram import Histogram
from ..domain.read_model.metrics import PartMetrics, RuntimeMetrics
from ..domain.read_model.problems import PresentProblems
from ..domain.read_model.status import RuntimeStatus, TargetStatus
from ..domain.read_model.tracked_target import TrackedTarget
from ..domain.specification.metadata import NO_METADATA
from ..domain.specification.probes.kinds import UNPROBED
from ..domain.supervision.blindness import SUSPENDED
from ..domain.time.moment import Moment
from ..protocol import recorder as heard
from ..protocol.owner import OwnerMessage, ProblemsReported
from .behaviour import Behaviour, shedding
from .ports import Clock, Listener, Publisher


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
        with_others: WithOthers = tuple,
    ) -> None:
        super().__init__(clock)
        self._owner = owner
        self._discreet = discreet
        self._publisher = publisher
        self._losses = losses
        self._loads = loads
        """Yields the mailbox and the restarts of each actor."""
        self._with_others = with_others
        """Takes all problems of this engine, and returns those that it is to tell of: among nodes also those of other engines."""
        self._rows: dict[str, TrackedTarget] = {}
        self._open: dict[str, Incident] = {}
        self._resumed: dict[str, list[Incident]] = {}
        """By target, the incidents of a former run, until the first sample of this one."""
        self._paused_ns: dict[str, int] = {}
        """By target, when a pause of the record began, until the target is tracked."""
        self._up_since_ns: dict[str, int] = {}
        """By target, since when it was up at the end of a former run, until the target is tracked."""
        self._ended: deque[Incident] = deque(maxlen=limits.ENDED_INCIDENTS_KEPT)
        self._silences: tuple[Silence, ...] = ()
        self._announcements: tuple[Announcement, ...] = ()
        self._waits: dict[str, tuple[IncidentWait, ...]] = {}
        """By incident, the channels that wait to be told of it; none without any."""
        self._problems = PresentProblems()
        self._blind: deque[BlindInterval] = deque(maxlen=limits.BLIND_INTERVALS_KEPT)
        self._pinged_at_ns: int | None = None
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
            case heard.UpResumed() | heard.HeardResumed():
                self._target_resumed(message)
            case heard.RunSeen(target, began_at_ns):
                self._run_seen(target, began_at_ns)
            case heard.TargetUntracked(target):
                self._up_since_ns.pop(target, None)
                if (row := self._rows.pop(target, None)) is not None:
                    self._figures.leave(row.durations)
            case heard.IncidentsResumed():
                self._resume(message)
            case heard.WaitsChanged(incidents, waits):
                self._wait(incidents, waits)
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
                self._owner.tell(ProblemsReported(self._with_others(self._problems.all())))
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
                return self._rows[target].attempts() if target in self._rows else ()
            case heard.GetAbandoned():
                return tuple(self._abandoned)
            case _:
                assert_never(question)

    def _target_resumed(self, message: heard.UpResumed | heard.HeardResumed) -> None:
        """Takes over what a former run recorded of a target; the owner may tell it before the supervisor has told of the target."""
        row = self._rows.get(message.target)
        match message:
            case heard.UpResumed(target, since_ns) if row is None:
                self._up_since_ns[target] = since_ns
            case heard.UpResumed(since_ns=since_ns) if row is not None:
                row.up_resumed(since_ns)
            case heard.HeardResumed() if row is not None:
                row.heard_resumed(message.heard_ns, message.awaited_since_ns)

    def _run_seen(self, target: str, began_at_ns: int | None) -> None:
        if (row := self._rows.get(target)) is not None:
            row.run_seen(began_at_ns)

    def _track(self, message: heard.TargetTracked, now: Moment) -> None:
        target, metadata = message.target, message.metadata or NO_METADATA
        row = self._rows.get(target)
        durations = self._figures.enrol(row.durations if row else None, metadata.group, message.kind)
        if row is None:
            row = self._rows[target] = TrackedTarget(target, durations, now.wall_ns)
            row.up_since_ns = self._up_since_ns.pop(target, None)
        row.durations = durations
        paused_ns = self._paused_ns.pop(target, now.wall_ns)
        if message.paused_at_ns is not msgspec.UNSET:
            paused_ns = message.paused_at_ns
        row.track(message.kind, metadata, paused_ns, message.stale_after_ns, paused=message.paused)
        row.silences = tuple(filter(row.is_muted_by, self._silences))

    def _resume(self, message: heard.IncidentsResumed) -> None:
        self._open = {incident.id: incident for incident in message.incidents}
        self._resumed = by_target(message.incidents)
        self._publisher.resume(message.incidents)
        self._figures.keep_backlogs(message.backlogs)
        self._show_silences(message.silences)
        self._waits = {}
        self._wait((), message.waits)
        self._announcements = message.announcements
        self._publisher.show_announcements(message.announcements)
        self._paused_ns = {mark.target: mark.at_ns for mark in message.pauses if mark.at_ns is not None}
        # Where the recorder alone was restarted, its targets may have come before the record.
        for target, row in self._rows.items():
            row.incident_changed()
            if row.paused:
                row.pause_began(self._paused_ns.pop(target, row.paused_ns))

    def _wait(self, incidents: Iterable[str], waits: Iterable[IncidentWait]) -> None:
        """Replaces the waits of incidents."""
        for name in incidents:
            self._waits.pop(name, None)
        for waiting in waits:
            name = waiting.incident_id
            self._waits[name] = (*self._waits.get(name, ()), waiting)

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
        resumed = self._resumed.pop(message.sample.target, ())
        status = message.raw, message.confirmed
        row.take(message.sample, message.record, status, now, self._asleep_ns, resumed)
        for finding in message.latest:
            self._follow(finding)
        # A report is no check: it is due when it comes, and would hide how late the checks are. Nor is a composite target one.
        is_check = row.kind not in UNPROBED and message.record.started is not None
        if is_check and message.sample.outcome is not Outcome.CANCELLED:
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
            self._incident_changed(incident.target)

    def _incident_changed(self, target: str) -> None:
        if (row := self._rows.get(target)) is not None:
            row.incident_changed()

    def _committed(self, transitions: tuple[Transition, ...]) -> None:
        for transition in transitions:
            incident = transition.incident
            self._counters[f"incidents_{incident.change.value}"] += 1
            self._figures.moved(incident)
            self._incident_changed(incident.target)
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
        if part == PING and not detail:
            self._pinged_at_ns = now.wall_ns
        if self._problems.change(part, detail, now):
            self._publisher.publish(HealthChanged(part, detail))

    def _went_blind(self, interval: BlindInterval) -> None:
        self._blind.append(interval)
        self._figures.went_blind(interval)
        if interval.cause == SUSPENDED:
            self._asleep_ns += max(interval.ended_at_ns - interval.started_at_ns, 0)
            for row in self._rows.values():
                row.slept()
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
            waits=tuple(waiting for waits in self._waits.values() for waiting in waits),
            pinged_at_ns=self._pinged_at_ns,
        )

    def _metrics(self, now: Moment, *, targets: bool) -> RuntimeMetrics:
        rows, open_ = self._rows if targets else {}, by_target(self._open.values())
        return self._figures.read(
            now.wall_ns,
            tuple(row.metrics(open_, now, self._asleep_ns) for row in rows.values()),
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
        return tuple([row.status(open_, now, self._asleep_ns) for row in self._rows.values()])
