"""The aggregate owner: judges samples and turns them into transitions."""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, TypeAlias, assert_never

from msgspec import UNSET
from msgspec.structs import replace

from ..domain import limits
from ..domain.incidents.acknowledgement import AcknowledgementEnds, UnjudgedIncident
from ..domain.incidents.incident import Incident, Transition
from ..domain.incidents.own_problems import RULE_STATE, OwnProblem, OwnProblems, is_due, state_lost
from ..domain.incidents.record import Checkpoint, LatestFinding
from ..domain.incidents.trials.drills import Drills
from ..domain.observation.attempt import AttemptRecord
from ..domain.observation.evidence import Evidence, EvidenceChoice
from ..domain.observation.sample import Sample
from ..domain.rules.aggregate import TargetAggregate
from ..domain.rules.cause import REMOVED, end_of
from ..domain.rules.last_reports import LastReports, Standing
from ..domain.rules.watch import is_readable
from ..domain.specification.target import OWN_NAME, Target
from ..domain.supervision.progress import MovingPart
from ..domain.time.moment import Moment
from ..protocol import owner as heard
from ..protocol.recorder import CounterIncreased, HealthReported, RecorderMessage, SampleJudged, UpResumed
from ..protocol.sink import Commit, PassCommitted, RecordSamples, SinkMessage
from ..protocol.supervisor import AcknowledgementCheckRequested, PartMoved, SupervisorMessage
from .behaviour import Behaviour, shedding
from .ports import Clock, Listener

Decision: TypeAlias = Callable[
    [TargetAggregate | OwnProblems | Drills | UnjudgedIncident, str], tuple[Transition, ...]
]
"""Makes the steps of one incident that a command asks for, by the book that has it."""


class AggregateOwner(Behaviour[heard.OwnerMessage]):
    """Owns every aggregate. No other object holds a reference to one, so no lock is needed."""

    sheds = (heard.SampleTaken,)
    mailbox_policy = shedding(*sheds)
    mailbox_capacity = limits.OWNER_MAILBOX_MAX

    def __init__(
        self,
        clock: Clock,
        targets: Iterable[Target],
        sink: Listener[SinkMessage],
        recorder: Listener[RecorderMessage],
        supervisor: Listener[SupervisorMessage],
        told_of_problems: tuple[str, ...] | None = None,
        routed: Iterable[str] = (),
    ) -> None:
        super().__init__(clock)
        self._sink = sink
        self._recorder = recorder
        self._supervisor = supervisor
        self._told_of_problems = told_of_problems
        """The channels that are told of the runtime's own problems; None: those that routes and targets name."""
        self._routed = frozenset(routed)
        self._own = OwnProblems(run=0)
        self._drills = Drills()
        self._ends = AcknowledgementEnds()
        self._targets = {target.id: target for target in targets}
        self._aggregates: dict[str, TargetAggregate] = {}
        self._saved: dict[str, bytes] = {}
        self._orphans: dict[str, list[UnjudgedIncident]] = {}
        self._resumable: dict[str, Checkpoint] = {}
        """The recorded state of targets that have not begun; with the orphans, what a target of that name goes on with."""
        self._last_reports = LastReports()
        self._generation = 0
        # Samples that changed nothing are held here and sent in one message for each commit: a wake-up of the sink's
        # thread for each sample costs 25 microseconds, more than judging it.
        self._held: list[Sample] = []
        self._latest: dict[str, LatestFinding] = {}
        self._held_states: dict[str, Checkpoint] = {}
        """States that change with each sample, such as the counts of an error budget: they go with the held samples."""
        self._evidence: list[Evidence] = []
        self._evidence_choice = EvidenceChoice()

    def handle(self, message: heard.OwnerMessage, now: Moment) -> None:
        match message:
            case heard.SampleTaken(sample, record):
                self._take(sample, record, now)
            case heard.SamplesMissing(target, rule, since):
                self._missing(target, rule, since, now)
            case heard.Adopt(target):
                self._adopt(target, now)
            case heard.Release(target):
                self._release(target, now)
            case heard.Acknowledge() | heard.Unacknowledge():
                self._acknowledge(message, now)
            case heard.ExpireAcknowledgements():
                self._expire_acknowledgements(now)
            case heard.ResumeFrom(generation, incidents, checkpoints):
                self._resume(generation, incidents, checkpoints, now)
            case heard.FlushSamples():
                self._hand_over()
                self._sink.tell(Commit())
            case heard.PassRound(round_):
                self._supervisor.tell(PartMoved(MovingPart.JUDGING, round_))
                self._hand_over()
                self._sink.tell(PassCommitted(round_))
            case heard.EndOrphans():
                self._end_orphans(now)
            case heard.BeginDrill(incident, severity, drill):
                self._hand_over(self._drills.begin(incident, severity, drill, now))
            case heard.EndDrill(incident, by):
                self._hand_over(self._drills.end(incident, by, now))
            case heard.ProblemsReported(problems):
                self._hand_over(self._drills.expire(now))
                self._review(problems, now)
            case _:
                assert_never(message)

    def _take(self, sample: Sample, record: AttemptRecord, now: Moment) -> None:
        aggregate = self._aggregates.get(sample.target)
        if aggregate is None:
            self._recorder.tell(CounterIncreased("samples_without_target", 1))
            return
        if not aggregate.is_news(sample):
            self._recorder.tell(CounterIncreased("samples_not_newer", 1))
        self._judge(aggregate, sample, now)
        raw, confirmed = aggregate.raw_status(), aggregate.status()
        self._recorder.tell(SampleJudged(sample, record, raw, confirmed, aggregate.latest()))

    def _judge(self, aggregate: TargetAggregate, sample: Sample, now: Moment) -> None:
        before = self._standing(aggregate)
        transitions = aggregate.apply(sample, now)
        evidence = self._evidence_choice.take(sample, now)
        if evidence is not None:
            self._evidence.append(evidence)
        self._record(aggregate, transitions, now, samples=(sample,))
        if before is not None and (after := self._standing(aggregate)) is not None:
            self._last_reports.note(before, after, sample)

    def _standing(self, aggregate: TargetAggregate) -> Standing | None:
        """Returns what the record is to have of a target that reports by itself; None for a target that is checked."""
        target = aggregate.target
        if target.heartbeat is None:
            return None
        return Standing.of(self._saved.get(target.id, b""), aggregate.incidents())

    def _review(self, problems: tuple[OwnProblem, ...], now: Moment) -> None:
        if not self._generation:
            return  # the record is not known yet, which may have such incidents: the next review is soon
        notify = self._told_of_problems
        if notify is None:
            of_targets = {name for target in self._targets.values() for name in target.notify}
            notify = tuple(sorted(of_targets | self._routed))
        made = self._own.review(problems, notify, now)
        self._latest |= {finding.incident_id: finding for finding in self._own.latest()}
        if any(problem.part == RULE_STATE and is_due(problem, now) for problem in problems):
            # It happened once, and is told by now: nothing later would end it.
            self._recorder.tell(HealthReported(RULE_STATE, ""))
        if made:
            self._hand_over(made)

    def _missing(self, target: str, rule: str, since: Moment, now: Moment) -> None:
        aggregate = self._aggregates.get(target)
        if aggregate is not None:
            self._record(aggregate, aggregate.missing(rule, since, now), now)

    def _record(
        self,
        aggregate: TargetAggregate,
        transitions: tuple[Transition, ...],
        now: Moment,
        samples: tuple[Sample, ...] = (),
        dropped: tuple[Checkpoint, ...] = (),
    ) -> None:
        target = aggregate.target.id
        state = aggregate.checkpoint()
        checkpoints = dropped
        # Written only where the state changed; an empty state removes the checkpoint.
        changed = state != self._saved.get(target, b"")
        if changed:
            checkpoint = Checkpoint(target, state, now.wall_ns)
            self._held_states.pop(target, None)
            if aggregate.counts_each_sample and not transitions:
                self._held_states[target] = checkpoint
            else:
                checkpoints = (*dropped, checkpoint)
            if state:
                self._saved[target] = state
            else:
                self._saved.pop(target, None)
        self._held.extend(
            sample if sample.body is UNSET else replace(sample, body=UNSET) for sample in samples
        )
        # The sink leaves out what the record says already.
        self._latest |= {finding.incident_id: finding for finding in aggregate.latest()}
        if (transitions or changed or dropped) and (standing := self._standing(aggregate)) is not None:
            self._last_reports.reached(target, standing)
        if transitions or checkpoints or self._is_full:
            self._hand_over(transitions, checkpoints)

    @property
    def _is_full(self) -> bool:
        """Whether what is held fills a message."""
        return len(self._held) >= limits.SAMPLES_HELD_MAX or len(self._evidence) >= limits.EVIDENCE_HELD_MAX

    def _hand_over(
        self, transitions: tuple[Transition, ...] = (), checkpoints: tuple[Checkpoint, ...] = ()
    ) -> None:
        """Sends the held samples first, then transitions and checkpoints: the order in which they happened."""
        self._follow(transitions)
        held, self._held = tuple(self._held), []
        latest, self._latest = tuple(self._latest.values()), {}
        evidence, self._evidence = tuple(self._evidence), []
        states, self._held_states = tuple(self._held_states.values()), {}
        checkpoints = (*states, *checkpoints)
        if held or transitions or checkpoints or latest:
            self._sink.tell(RecordSamples(self._generation, held, transitions, checkpoints, latest, evidence))

    def _adopt(self, target: Target, now: Moment) -> None:
        self._targets[target.id] = target
        if target.heartbeat is None:
            self._last_reports.forget(target.id)
        aggregate = self._aggregates.get(target.id)
        if aggregate is not None:
            self._record(aggregate, aggregate.reconfigure(target, now), now)
        elif self._generation:
            self._begin(target, now)

    def _begin(self, target: Target, now: Moment) -> None:
        aggregate = TargetAggregate(target, self._generation)
        self._aggregates[target.id] = aggregate
        names = (target.id, *target.former_names)
        # Its own name comes first: what it has itself is newer than what it had under a former name.
        mine = [orphan.incident for name in names for orphan in self._orphans.pop(name, ())]
        saved = [checkpoint for name in names if (checkpoint := self._resumable.pop(name, None))]
        lost = self._last_reports.take_lost(target.id, Standing.of(saved[0].state if saved else b"", mine))
        if saved or mine:
            made = aggregate.restore(saved[0] if saved else None, mine, now)
            self._follow(aggregate.incidents())
            if aggregate.up_since_ns is not None:
                self._recorder.tell(UpResumed(target.id, aggregate.up_since_ns))
            former = [each.target for each in saved if each.target != target.id or not each.state]
            if made or former:
                self._record(aggregate, made, now, dropped=self._dropped(former, now))
        for sample in lost:
            self._judge(aggregate, sample, now)

    def _dropped(self, names: Iterable[str], now: Moment) -> tuple[Checkpoint, ...]:
        """Returns empty checkpoints, which take the recorded state of targets away."""
        for name in names:
            self._saved.pop(name, None)
            self._held_states.pop(name, None)
        return tuple(Checkpoint(name, b"", now.wall_ns) for name in names)

    def _release(self, target: str, now: Moment) -> None:
        self._targets.pop(target, None)
        self._last_reports.forget(target)
        aggregate = self._aggregates.pop(target, None)
        if aggregate is not None:
            self._record(aggregate, aggregate.close(now), now)

    def _acknowledge(self, message: heard.Acknowledge | heard.Unacknowledge, now: Moment) -> None:
        match message:
            case heard.Acknowledge(incident, by, note, until_ns, until_worse):
                seen: dict[str, Any] = {"note": note, "until_ns": until_ns, "until_worse": until_worse}
                self._decide(incident, lambda book, name: book.acknowledge(name, by, now, **seen), now)
            case heard.Unacknowledge(incident, by):
                self._decide(incident, lambda book, name: book.unacknowledge(name, now, by), now)
            case _:
                assert_never(message)

    def _decide(self, incident: str, decide: Decision, now: Moment) -> None:
        """Lets the aggregate, the book of own problems or the orphan that has an open incident decide about it."""
        if own := decide(self._own, incident) or decide(self._drills, incident):
            self._hand_over(own)
            return
        for aggregate in self._aggregates.values():
            if any(open_.id == incident for open_ in aggregate.incidents()):
                self._record(aggregate, decide(aggregate, incident), now)
                return
        for orphan in chain.from_iterable(self._orphans.values()):
            if steps := decide(orphan, incident):
                self._hand_over(steps)
                return

    def _expire_acknowledgements(self, now: Moment) -> None:
        for incident in self._ends.take_due(now.wall_ns):
            self._decide(incident, lambda book, name: book.unacknowledge(name, now), now)
        self._request_check()

    def _request_check(self) -> None:
        """Asks the supervisor, which owns time, for ExpireAcknowledgements when the next acknowledgement ends."""
        until_ns = self._ends.next_ns
        if until_ns is not None:
            self._supervisor.tell(AcknowledgementCheckRequested(until_ns))

    def _follow(self, incidents: Iterable[Incident]) -> None:
        if [incident for incident in incidents if self._ends.follow(incident)]:
            self._request_check()

    def _resume(
        self,
        generation: int,
        incidents: tuple[Incident, ...],
        checkpoints: tuple[Checkpoint, ...],
        now: Moment,
    ) -> None:
        # Held samples were judged in the old generation and are sent under it.
        self._hand_over()
        self._generation = generation
        self._aggregates = {}
        self._orphans = {}
        self._ends = AcknowledgementEnds()
        self._own = OwnProblems(generation)
        own = [each for each in incidents if each.is_open and each.target == OWN_NAME]
        self._own.restore(each for each in own if each.drill is UNSET)
        self._drills.restore(each for each in own if each.drill is not UNSET)
        self._follow(own)
        for incident in incidents:
            if incident.is_open and incident.target != OWN_NAME:
                self._orphans.setdefault(incident.target, []).append(UnjudgedIncident(incident))
        self._resumable = self._readable(checkpoints)
        self._saved = {checkpoint.target: checkpoint.state for checkpoint in checkpoints}
        for target in self._targets.values():
            self._begin(target, now)
        self._follow(orphan.incident for orphan in chain.from_iterable(self._orphans.values()))

    def _readable(self, checkpoints: Iterable[Checkpoint]) -> dict[str, Checkpoint]:
        """Returns the checkpoints by target, without the bytes of each that cannot be read: its target alone begins anew."""
        lost = {each.target: replace(each, state=b"") for each in checkpoints if not is_readable(each)}
        if lost:
            self._recorder.tell(CounterIncreased("checkpoints_unreadable", len(lost)))
            self._recorder.tell(HealthReported(RULE_STATE, state_lost(sorted(lost))))
        return {each.target: each for each in checkpoints} | lost

    def _end_orphans(self, now: Moment) -> None:
        ended = tuple(
            end_of(orphan.incident, REMOVED, now) for orphan in chain.from_iterable(self._orphans.values())
        )
        # A target of that name that comes back later begins anew.
        dropped = self._dropped(self._resumable, now)
        self._orphans, self._resumable = {}, {}
        if ended or dropped:
            self._hand_over(ended, dropped)

    def on_stop(self) -> None:
        self._hand_over()

    def on_failure(self, *_: object) -> None:
        """Sends the samples that were judged before the crash."""
        self._hand_over()
