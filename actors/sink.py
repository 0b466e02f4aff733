"""The incident sink: the only writer of the record. It commits before it notifies."""

from collections.abc import Callable, Iterable
from typing import Any, assert_never

import msgspec

from ..domain import limits
from ..domain.errors import StoreFenced
from ..domain.incidents.incident import Transition
from ..domain.incidents.notice import Answer
from ..domain.incidents.pending_batch import Gathering, unwritten
from ..domain.incidents.record import Checkpoint, Renamed, Restored
from ..domain.policy import OverflowPolicy
from ..domain.read_model.status import IN_THE_OUTBOX, KEPT_BY_THE_PROCESS, STORE_LOST, UNWRITTEN
from ..domain.specification.channel import Channel
from ..domain.supervision.last_heard import HeardRegister
from ..domain.supervision.progress import MovingPart
from ..domain.suppression.suppression import Suppression
from ..domain.time.moment import Moment
from ..protocol import sink as heard
from ..protocol.courier import PassBack
from ..protocol.owner import ResumeFrom
from ..protocol.recorder import Abandoned, Committed, CounterIncreased, IncidentsResumed
from ..protocol.supervisor import LastHeardResumed, PartMoved, StoreRecovered
from .behaviour import Behaviour
from .delivering.channel_tests import ChannelTests
from .delivering.deliveries import Deliveries
from .operator_marks import OperatorMarks
from .ports import Clock, Neighbours, Store
from .record_writer import CommitUnit, RecordWriter, StoreUpkeep, WentBack, written


def _overflow(message: object) -> OverflowPolicy:
    """Allows only a RecordSamples of mere samples to be dropped, which is counted."""
    if type(message) is heard.RecordSamples and not message.transitions and not message.checkpoints:
        return OverflowPolicy.DROP_OLDEST
    return OverflowPolicy.NEVER_DROP


class IncidentSink(Behaviour[heard.SinkMessage]):
    """Gathers records, commits them in one transaction, and sends notices to couriers only after it."""

    sheds = (heard.RecordSamples,)
    mailbox_policy = _overflow
    mailbox_capacity = limits.SINK_MAILBOX_MAX

    def __init__(
        self,
        clock: Clock,
        store: Store,
        channels: Iterable[Channel],
        neighbours: Neighbours,
        make_policy: Callable[[], Suppression] = Suppression,
    ) -> None:
        super().__init__(clock)
        self._writer = RecordWriter(store, neighbours.supervisor)
        self._upkeep = StoreUpkeep(self._writer, neighbours)
        self._to = neighbours
        self._gathered = Gathering()
        policy = make_policy()
        self._deliveries = Deliveries(
            channels, policy, self._gathered, self._writer, neighbours, self.address, self._commit_soon
        )
        self._ledger = self._deliveries.ledger
        self._commit_asked = False
        self._draining = False
        self._round = 0
        """The round of a dead-man's ping that waits for a commit; 0 for none."""
        self._generation = 0
        self._checkpoints: dict[str, Checkpoint] = {}
        self._register = HeardRegister()
        self._tests = ChannelTests(self._gathered, neighbours, self._commit_soon)
        self._marks = OperatorMarks(
            policy,
            self._gathered,
            neighbours,
            self._deliveries.review_all,
            self._commit_soon,
        )

    def started(self, now: Moment) -> None:
        restored = self._writer.open(now)
        self._register.restore(restored.heard, now)
        self._marks.restore(restored)
        self._resume(restored, now)
        if self.address.epoch > 1:
            # The supervisor asked an earlier incarnation, which may have crashed on that question.
            self._to.supervisor.tell(LastHeardResumed(self._register.known()))

    def _resume(self, restored: Restored, now: Moment) -> None:
        """Goes on from what the store restored, and lets the owner do so."""
        # After a store went back its epochs may repeat; a generation must not.
        self._generation = max(self._generation, restored.epoch * limits.GENERATIONS_PER_RUN)
        self._checkpoints = {checkpoint.target: checkpoint for checkpoint in restored.checkpoints}
        self._deliveries.restore(restored, now)
        self._resume_owner(now)

    def handle(self, message: heard.SinkMessage, now: Moment) -> Any:
        if isinstance(message, heard.OfOperators):
            return self._marks.handle(message, now)
        if isinstance(message, heard.OfDeliveries):
            return self._deliver(message, now)
        match message:
            case heard.RecordSamples():
                self._record(message, now)
            case heard.Commit():
                self._commit(now)
            case heard.SendTest() | heard.GetTest():
                generation = None if self._draining else self._generation
                answer = self._tests.handle(message, None if self._writer.is_stuck else generation, now)
                return heard.UNWRITTEN if self._writer.is_stuck and not answer else answer
            case heard.RecordHeard(noted):
                self._register.note_all(noted)
                self._commit_soon(True)
            case heard.RecordRenamed(renamed):
                self._rename(renamed, now)
                self._commit_soon(True)
            case heard.RecordBlindness(interval):
                self._gathered.blind.append(interval)
            case heard.PassCommitted(round_):
                self._round = round_
                self._commit_soon(True)
            case heard.CourierMoved(channel, round_):
                self._to.supervisor.tell(PartMoved(MovingPart.SENDING, round_, channel))
            case heard.GetResumed():
                self._resume_owner(now)
            case heard.ReopenStore():
                self._reopen(now)
            case heard.RunMaintenance():
                self._gathered.add_heard(self._register.changed(now))
                self._commit(now)
                self._upkeep.begin(now)
            case heard.ContinueMaintenance() | heard.RenewTenure():
                self._upkeep.go_on(message, now)
            case heard.DrainSink():
                self._drain(now)
            case heard.EndSink():
                self._leave(now)
            case _:
                assert_never(message)
        return None

    def _deliver(self, message: heard.OfDeliveries, now: Moment) -> bool | None:
        """Takes what concerns notices; answers Redrive."""
        match message:
            case heard.ReviewNotices():
                self._marks.review(now)
                self._deliveries.reviewed(now)
            case heard.DeliveryAnswered(key, attempt, answer):
                self._answered(key, attempt, answer, now)
            case heard.RetryDelivery(key):
                self._deliveries.retry(key)
            case heard.GiveUpDelivery(key):
                self._deliveries.give_up(key, now)
            case heard.CourierStarted(channel):
                self._tests.courier_restarted(channel, now)
                self._deliveries.courier_restarted(channel)
            case heard.ResumeRetries():
                self._resume_retries(now)
            case heard.Redrive(key):
                return self._deliveries.redrive(key, now)
            case _:
                assert_never(message)
        return None

    def _record(self, message: heard.RecordSamples, now: Moment) -> None:
        are_judged = message.generation == self._generation
        self._register.take(message.samples, now, are_judged=are_judged)
        self._deliveries.take(message.samples, now)
        if shed := self._gathered.add_samples(message.samples):
            self._count("samples_shed", shed)
        if lost := self._gathered.add_evidence(message.evidence):
            self._count("evidence_shed", lost)
        if are_judged:
            for checkpoint in message.checkpoints:
                self._keep_checkpoint(checkpoint)
            for transition in message.transitions:
                self._move(transition, now)
            self._gathered.latest |= {
                finding.incident_id: finding for finding in message.latest if self._ledger.follow(finding)
            }
        elif message.transitions:
            self._count("stale_transitions", len(message.transitions))
        self._commit_soon(bool(message.transitions) or self._gathered.full)

    def _keep_checkpoint(self, checkpoint: Checkpoint) -> None:
        self._gathered.checkpoints[checkpoint.target] = checkpoint
        if checkpoint.state:
            self._checkpoints[checkpoint.target] = checkpoint
        else:
            self._checkpoints.pop(checkpoint.target, None)

    def _move(self, transition: Transition, now: Moment) -> None:
        before = self._ledger.incident(transition.incident_id)
        if not transition.may_follow(before):
            self._count("illegal_transitions", 1)
            return
        if before is not None and before.target != transition.target:
            # Before the step is told: a silence of the former name holds it back.
            self._rename(Renamed(transition.target, (before.target,)), now)
        self._gathered.add_transition(transition)
        self._deliveries.enqueue(self._ledger.note(transition, now))

    def _commit_soon(self, wanted: bool) -> None:
        """Queues one Commit behind the waiting messages, whose records then share the same transaction."""
        if wanted and not self._commit_asked:
            self._commit_asked = True
            self.address.tell(heard.Commit())

    def _commit(self, now: Moment) -> None:
        self._commit_asked = False
        self._tests.show()
        self._marks.review(now)
        self._deliveries.go_on(now)
        if self._writer.is_stuck:
            return
        handed = [] if self._draining else self._deliveries.hand_out(now)
        handed += self._tests.hand_out(now.wall_ns)
        self._gathered.tries.extend(begun for entry, _ in handed for begun in entry.begun)
        if self._gathered.empty and not self._register.has_urgent:
            self._pass_round()
            return
        self._gathered.add_heard(self._register.urgent(now))
        unit = CommitUnit(self._gathered.take(), handed, self._deliveries.take_settled())
        if self._writer.write(unit, now):
            self._publish(unit, now)
            self._pass_round()

    def _pass_round(self) -> None:
        """Passes on the round of a ping, if one has come: nothing that came before it is left to be written."""
        round_, self._round = self._round, 0
        if not round_:
            return
        self._to.supervisor.tell(PartMoved(MovingPart.COMMITTING, round_))
        for courier in self._to.couriers.values():
            courier.tell(PassBack(round_))
        if not self._to.couriers:
            self._to.supervisor.tell(PartMoved(MovingPart.SENDING, round_))

    def _publish(self, unit: CommitUnit, now: Moment) -> None:
        """Sends the notices and results of a durable commit; called for no other."""
        self._to.recorder.tell(written(unit.batch, self._now().since(now), self._deliveries.outbox))
        if unit.batch.transitions:
            self._to.recorder.tell(Committed(unit.batch.transitions))
        for settled in unit.settled:
            self._to.recorder.tell(settled)
        if unit.handed:
            self._writer.renew_if_over(self._now())
        self._deliveries.send(unit.handed, self._writer.lease_ends_ns, now)
        if left_out := self._writer.take_left_out():
            self._count("samples_left_out_of_record", left_out)

    def _answered(self, key: str, attempt: int, answer: Answer, now: Moment) -> None:
        if self._tests.answered(key, answer, now):
            return
        self._deliveries.answered(key, attempt, answer, now)
        self._leave_when_drained(now)

    def _resume_retries(self, now: Moment) -> None:
        self._to.supervisor.tell(LastHeardResumed(self._register.known()))
        self._deliveries.retry_all(now)
        self._writer.resume_timers()

    def _rename(self, renamed: Renamed, now: Moment) -> None:
        """Gives silences and marks to the target under its present name; the store does so with its history."""
        self._register.rename(renamed)
        self._marks.rename(renamed, now)
        self._gathered.renamed.append(renamed)

    def _resume_owner(self, now: Moment) -> None:
        self._generation += 1
        open_ = self._ledger.open_incidents()
        self._to.owner.tell(ResumeFrom(self._generation, open_, tuple(self._checkpoints.values())))
        silences, pauses = self._marks.silences(now), self._marks.pauses
        standing = self._marks.announcements.standing(now.wall_ns)
        backlogs = self._deliveries.outbox.backlogs()
        self._to.recorder.tell(
            IncidentsResumed(open_, silences, pauses, backlogs, standing, self._ledger.all_waits())
        )

    def _reopen(self, now: Moment) -> None:
        reopened = self._writer.reopen(now)
        if reopened is None:
            return
        # Before the record is read again: a failure of that is the newer news.
        self._to.supervisor.tell(StoreRecovered())
        if isinstance(reopened, WentBack):
            self._go_back(reopened, now)
        else:
            self._publish(reopened, now)
            # Due since the failure, while the record could not say which notices were given up.
            self._deliveries.review_all(now)
        self._commit_soon(True)

    def _go_back(self, went_back: WentBack, now: Moment) -> None:
        """Forgets what the store has forgotten, as a restart would: the owner judges anew from there.

        Pauses, unwritten silences, blind intervals, samples and marks are kept, because they build on no earlier record.
        """
        self._count("writes_lost", went_back.lost)
        unwritten = (went_back.unwritten, self._gathered.take())
        self._tests.forget()
        if shed := sum(map(self._gathered.add_independent, unwritten)):
            self._count("samples_shed", shed)
        restored = went_back.restored
        silences = {silence.id: silence for batch in (restored, *unwritten) for silence in batch.silences}
        self._marks.write_again(restored, now)
        self._resume(msgspec.structs.replace(restored, silences=tuple(silences.values())), now)
        self._register.write_again()

    def _drain(self, now: Moment) -> None:
        self._commit(now)
        self._draining = True
        self._leave_when_drained(now)

    def _leave_when_drained(self, now: Moment) -> None:
        if self._draining and not self._deliveries.outbox.in_hand():
            self._leave(now)

    def _leave(self, now: Moment) -> None:
        self._draining = True
        # The last chance for a failed commit; does nothing where none failed.
        self._reopen(now)
        self._gathered.add_heard(self._register.changed(now))
        self._commit(now)
        if problem := self._writer.file_problem():
            self._upkeep.report_file()
            if problem.endswith(KEPT_BY_THE_PROCESS):
                self._to.recorder.tell(Abandoned(STORE_LOST, (problem,)))
        if self._writer.is_stuck and (lost := unwritten(self._writer.unwritten, self._gathered.take())):
            self._to.recorder.tell(Abandoned(UNWRITTEN, lost))
        if len(self._deliveries.outbox):
            self._to.recorder.tell(Abandoned(IN_THE_OUTBOX, tuple(self._deliveries.outbox.keys())))
        self.address.stop()

    def on_stop(self) -> None:
        self._writer.close()

    def on_failure(self, _: object, error: BaseException | None, *__: object) -> None:
        """Lets the store go that another process has claimed; after any other crash the next incarnation goes on with it."""
        if isinstance(error, StoreFenced):
            self._writer.close()

    def _count(self, counter: str, by: int) -> None:
        self._to.recorder.tell(CounterIncreased(counter, by))
