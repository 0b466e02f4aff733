"""The incident sink: the only writer of the record. It commits before it notifies."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, assert_never

import msgspec

from ..domain import limits
from ..domain.errors import StoreFenced
from ..domain.incidents.incident import Transition
from ..domain.incidents.ledger import Ledger
from ..domain.incidents.notice import Answer, DeliveryState, Notice, NoticeReason
from ..domain.incidents.outbox import Outbox
from ..domain.incidents.own_problems import channel_part
from ..domain.incidents.pending_batch import Gathering, unwritten
from ..domain.incidents.record import Checkpoint, Outgoing, Renamed, Restored
from ..domain.policy import OverflowPolicy
from ..domain.read_model.status import IN_THE_OUTBOX, KEPT_BY_THE_PROCESS, STORE_LOST, UNWRITTEN
from ..domain.specification.channel import Channel
from ..domain.specification.target import Target
from ..domain.supervision.last_heard import HeardRegister
from ..domain.time.moment import Moment
from ..protocol import sink as heard
from ..protocol.courier import Deliver
from ..protocol.owner import ResumeFrom
from ..protocol.recorder import (
    Abandoned,
    Committed,
    CounterIncreased,
    HealthReported,
    IncidentsResumed,
    NoticeSettled,
)
from ..protocol.supervisor import (
    ChannelRecovered,
    DeliveryBegan,
    DeliverySettled,
    LastHeardResumed,
    RetryAsked,
    StoreRecovered,
)
from .behaviour import Behaviour
from .channel_tests import ChannelTests
from .given_up import GivenUpNotices
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
        targets: Iterable[Target] = (),
    ) -> None:
        super().__init__(clock)
        self._writer = RecordWriter(store, neighbours.supervisor)
        self._upkeep = StoreUpkeep(self._writer, neighbours)
        self._channels = {channel.id: channel for channel in channels}
        self._to = neighbours
        self._ledger = Ledger(self._channels.values())
        self._given_up = GivenUpNotices(self._writer, self._ledger)
        self._outbox = Outbox(self._channels.values())
        self._gathered = Gathering()
        self._settled: list[NoticeSettled] = []
        self._commit_asked = False
        self._draining = False
        self._generation = 0
        self._checkpoints: dict[str, Checkpoint] = {}
        self._register = HeardRegister()
        self._tests = ChannelTests(self._gathered, neighbours, self._commit_soon)
        self._marks = OperatorMarks(
            self._ledger.silences, self._gathered, neighbours, targets, self._reconcile, self._commit_soon
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
        self._ledger.restore(restored)
        self._checkpoints = {checkpoint.target: checkpoint for checkpoint in restored.checkpoints}
        self._outbox.given_up = Counter(dict(restored.given_up))
        for outgoing in restored.outbox:
            self._take_up(outgoing, now)
        self._reconcile(now)
        self._resume_owner(now)
        self._marks.request_silence_check()

    def handle(self, message: heard.SinkMessage, now: Moment) -> Any:
        if isinstance(message, heard.OfOperators):
            return self._marks.handle(message, now)
        match message:
            case heard.RecordSamples():
                self._record(message, now)
            case heard.Commit():
                self._commit(now)
            case heard.DeliveryAnswered(key, attempt, answer):
                self._answered(key, attempt, answer, now)
            case heard.RetryDelivery(key):
                self._commit_soon(self._outbox.ready_again(key))
            case heard.GiveUpDelivery(key):
                self._settle(key, None, DeliveryState.DEAD, self._outbox.why_given_up(key), now)
            case heard.CourierStarted(channel):
                self._tests.courier_restarted(channel, now)
                self._commit_soon(self._outbox.courier_restarted(channel) > 0)
            case heard.SendTest() | heard.GetTest():
                can_begin = not (self._writer.is_stuck or self._draining)
                return self._tests.handle(message, self._generation if can_begin else None, now)
            case heard.Redrive(key):
                return self._redrive(key, now)
            case heard.RecordHeard(noted):
                self._register.note_all(noted)
                self._commit_soon(True)
            case heard.RecordRenamed(renamed):
                self._rename(renamed, now)
                self._commit_soon(True)
            case heard.RecordBlindness(interval):
                self._gathered.blind.append(interval)
            case heard.GetResumed():
                self._resume_owner(now)
            case heard.ResumeRetries():
                self._resume_retries()
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

    def _record(self, message: heard.RecordSamples, now: Moment) -> None:
        self._register.take(message.samples, now)
        if shed := self._gathered.add_samples(message.samples):
            self._count("samples_shed", shed)
        if lost := self._gathered.add_evidence(message.evidence):
            self._count("evidence_shed", lost)
        if message.generation == self._generation:
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
        self._enqueue(self._ledger.note(transition, now))

    def _reconcile(self, now: Moment) -> None:
        self._enqueue(self._ledger.reconcile(now))

    def _enqueue(self, notices: tuple[Notice, ...]) -> None:
        for notice in notices:
            # It may have been given up before its incident was forgotten and recalled.
            if notice.reason is NoticeReason.CATCH_UP and not self._given_up.lets_go(notice):
                continue
            self._gathered.notices.append(notice)
            self._outbox.add(notice)
        self._commit_soon(bool(notices))

    def _commit_soon(self, wanted: bool) -> None:
        """Queues one Commit behind the waiting messages, whose records then share the same transaction."""
        if wanted and not self._commit_asked:
            self._commit_asked = True
            self.address.tell(heard.Commit())

    def _commit(self, now: Moment) -> None:
        self._commit_asked = False
        self._marks.review(now)
        if self._writer.is_stuck:
            return
        handed = [] if self._draining else self._outbox.hand_out(now.wall_ns)
        self._gathered.deliveries.extend(delivery for _, delivery in handed)
        handed += self._tests.hand_out(now.wall_ns)
        self._gathered.tries.extend(begun for entry, _ in handed for begun in entry.begun)
        if self._gathered.empty and not self._register.has_urgent:
            return
        self._gathered.add_heard(self._register.urgent(now))
        unit = CommitUnit(self._gathered.take(), handed, self._settled)
        self._settled = []
        if self._writer.write(unit, now):
            self._publish(unit, now)

    def _publish(self, unit: CommitUnit, now: Moment) -> None:
        """Sends the notices and results of a durable commit; called for no other."""
        self._to.recorder.tell(written(unit.batch, self._now().since(now), self._outbox))
        if unit.batch.transitions:
            self._to.recorder.tell(Committed(unit.batch.transitions))
        for settled in unit.settled:
            self._to.recorder.tell(settled)
        if unit.handed:
            self._writer.renew_if_over(self._now())
        for entry, delivery in unit.handed:
            entry.sent = now
            notice, timeout_ns = entry.notice, self._channels[entry.notice.channel].timeout_ns
            self._to.supervisor.tell(DeliveryBegan(notice.channel, notice.key, delivery.attempts, timeout_ns))
            self._to.couriers[notice.channel].tell(
                Deliver(notice, delivery.attempts, timeout_ns, self._writer.lease_ends_ns)
            )
        if left_out := self._writer.take_left_out():
            self._count("samples_left_out_of_record", left_out)

    def _answered(self, key: str, attempt: int, answer: Answer, now: Moment) -> None:
        if self._tests.answered(key, answer, now):
            return
        self._gathered.tries.extend(self._outbox.answered(key, attempt, answer, now))
        if answer.accepted:
            self._settle(key, attempt, DeliveryState.DELIVERED, answer.detail, now)
        elif not answer.retryable:
            self._settle(key, attempt, DeliveryState.DEAD, answer.detail, now)
        else:
            self._ask_to_retry(key, attempt, answer, now)
        self._leave_when_drained(now)

    def _ask_to_retry(self, key: str, attempt: int, answer: Answer, now: Moment) -> None:
        entry = self._outbox.failed(key, attempt, answer.detail)
        if entry is None:
            return
        notice = entry.notice
        # No commit is asked for: the failed attempt is written with the next one, at the latest by the next flush.
        self._gathered.deliveries.append(entry.delivery(DeliveryState.PENDING, now.wall_ns, answer.detail))
        self._to.recorder.tell(
            HealthReported(channel_part(notice.channel), answer.detail or "it refused a notice")
        )
        self._to.supervisor.tell(RetryAsked(notice.channel, key, entry.attempts, answer.retry_after_ns))

    def _settle(self, key: str, attempt: int | None, state: DeliveryState, detail: str, now: Moment) -> None:
        entry = self._outbox.settle(key, attempt)
        if entry is None:
            return
        delivery = entry.delivery(state, now.wall_ns, detail)
        self._gathered.deliveries.append(delivery)
        self._to.supervisor.tell(DeliverySettled(entry.notice.channel, key))
        if state is DeliveryState.DELIVERED:
            self._to.supervisor.tell(ChannelRecovered(entry.notice.channel))
        self._outbox.given_up[entry.notice.channel] += state is DeliveryState.DEAD
        self._settled.append(NoticeSettled(entry.notice, delivery))
        self._enqueue(self._ledger.settle(entry.notice, delivery, now))
        self._commit_soon(True)

    def _resume_retries(self) -> None:
        self._to.supervisor.tell(LastHeardResumed(self._register.known()))
        self._commit_soon(self._outbox.all_ready_again() > 0)
        self._marks.request_silence_check()
        self._writer.resume_timers()

    def _take_up(self, outgoing: Outgoing, now: Moment) -> None:
        notice, delivery = outgoing.notice, outgoing.delivery
        if notice.channel in self._channels:
            self._outbox.add(notice, delivery.attempts)
            return
        dead = delivery.without_channel(now.wall_ns)
        self._gathered.deliveries.append(dead)
        self._ledger.settle(notice, dead, now)

    def _redrive(self, key: str, now: Moment) -> bool:
        outgoing = None if key in self._outbox else self._given_up.redrive(key)
        if outgoing is None:
            return False
        self._outbox.add(outgoing.notice, outgoing.delivery.attempts)
        self._outbox.given_up[outgoing.notice.channel] -= 1
        self._gathered.deliveries.append(outgoing.delivery.redriven(now.wall_ns))
        self._commit_soon(True)
        return True

    def _rename(self, renamed: Renamed, now: Moment) -> None:
        """Gives silences and marks to the target under its present name; the store does so with its history."""
        self._register.rename(renamed)
        self._marks.rename(renamed, now)
        self._gathered.renamed.append(renamed)

    def _resume_owner(self, now: Moment) -> None:
        self._generation += 1
        open_ = self._ledger.open_incidents()
        self._to.owner.tell(ResumeFrom(self._generation, open_, tuple(self._checkpoints.values())))
        silences, pauses = self._ledger.silences.in_force(now), self._marks.pauses
        standing = self._marks.announcements.standing(now.wall_ns)
        backlogs = self._outbox.backlogs()
        self._to.recorder.tell(IncidentsResumed(open_, silences, pauses, backlogs, standing))

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
            self._reconcile(now)
        self._commit_soon(True)

    def _go_back(self, went_back: WentBack, now: Moment) -> None:
        """Forgets what the store has forgotten, as a restart would: the owner judges anew from there.

        Pauses, unwritten silences, blind intervals, samples and marks are kept, because they build on no earlier record.
        """
        self._count("writes_lost", went_back.lost)
        unwritten = (went_back.unwritten, self._gathered.take())
        self._settled = []
        self._tests.forget()
        self._outbox = Outbox(self._channels.values())
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
        if self._draining and not self._outbox.in_hand():
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
        if self._writer.is_stuck:
            lost = unwritten(self._writer.unwritten, self._gathered.take())
            self._to.recorder.tell(Abandoned(UNWRITTEN, lost))
        if len(self._outbox):
            self._to.recorder.tell(Abandoned(IN_THE_OUTBOX, tuple(self._outbox.keys())))
        self.address.stop()

    def on_stop(self) -> None:
        self._writer.close()

    def on_failure(self, _: object, error: BaseException | None, *__: object) -> None:
        """Lets the store go that another process has claimed; after any other crash the next incarnation goes on with it."""
        if isinstance(error, StoreFenced):
            self._writer.close()

    def _count(self, counter: str, by: int) -> None:
        self._to.recorder.tell(CounterIncreased(counter, by))
