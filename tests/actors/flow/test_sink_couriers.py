"""Deliveries, dead letters and the end of a sink that is alone with listeners."""

import msgspec
import pytest
from records import delivery_of, notice_of, opened, sample_at, then
from watchkeeper.domain.incidents.delivery_try import TryResult
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState, NoticeReason
from watchkeeper.domain.incidents.record import (
    Batch,
    HeardMark,
    Outgoing,
    Restored,
    Silence,
)
from watchkeeper.domain.incidents.told import ChannelBacklog
from watchkeeper.domain.read_model.status import IN_THE_OUTBOX, UNWRITTEN
from watchkeeper.domain.supervision.last_heard import RUNTIME
from watchkeeper.protocol.recorder import (
    Abandoned,
    CounterIncreased,
    HealthReported,
    NoticeSettled,
)
from watchkeeper.protocol.sink import (
    Commit,
    CourierStarted,
    DrainSink,
    EndSink,
    GiveUpDelivery,
    Mute,
    Redrive,
    ReopenStore,
    ResumeRetries,
    RetryDelivery,
    ReviewNotices,
)
from watchkeeper.protocol.supervisor import (
    ChannelRecovered,
    DeliveryBegan,
    DeliverySettled,
    LastHeardResumed,
    NoticeCheckRequested,
    RetryAsked,
    StoreFailed,
    StoreRecovered,
)

from tests.actors.flow.sink_alone import ACCEPTED, REFUSED, SinkAlone

S = 1_000_000_000
OPENED = opened()
RESOLVED = then(OPENED, TransitionKind.RESOLVED)
PENDING, DEAD, DELIVERED = DeliveryState.PENDING, DeliveryState.DEAD, DeliveryState.DELIVERED


def counts(alone):
    return {each.counter: each.by for each in alone.recorder.of(CounterIncreased)}


def outgoing(notice, state=PENDING, attempts=1):
    return Outgoing(notice, delivery_of(notice, state, attempts))


# Answers of couriers.


def test_an_accepted_notice_is_settled_and_its_channel_has_recovered(carrying):
    alone, notice = carrying
    alone.answer(notice, ACCEPTED)
    delivery = alone.delivery(notice, DELIVERED, 1, "thanks")
    assert alone.store.take() == [Batch(deliveries=(delivery,))]
    assert alone.recorder.take() == [NoticeSettled(notice, delivery)]
    assert alone.supervisor.take() == [DeliverySettled("ops", notice.key), ChannelRecovered("ops")]


def test_a_step_after_the_delivery_is_caught_up_with(carrying):
    alone, notice = carrying
    alone.record(RESOLVED)
    assert alone.ops == []
    alone.answer(notice, ACCEPTED)
    ((next_, attempt),) = alone.delivered()
    assert (next_.change, next_.reason, attempt) == (TransitionKind.RESOLVED, NoticeReason.CATCH_UP, 1)


def test_a_notice_that_retrying_cannot_help_is_dead_and_its_channel_has_not_recovered(carrying):
    alone, notice = carrying
    alone.answer(notice, msgspec.structs.replace(REFUSED, retryable=False))
    delivery = alone.delivery(notice, DEAD, 1, "busy")
    assert alone.store.take() == [Batch(deliveries=(delivery,))]
    assert alone.recorder.take() == [NoticeSettled(notice, delivery)]
    assert alone.supervisor.take() == [DeliverySettled("ops", notice.key)]


@pytest.mark.parametrize(("detail", "said"), [("busy", "busy"), ("", "it refused a notice")])
def test_a_refused_notice_waits_for_the_supervisor_and_is_committed_with_the_next_records(
    carrying, detail, said
):
    alone, notice = carrying
    answer = msgspec.structs.replace(REFUSED, detail=detail, retry_after_ns=9 * S)
    alone.answer(notice, answer)
    assert alone.store.take() == []
    assert alone.recorder.take() == [HealthReported("channel ops", said)]
    assert alone.supervisor.take() == [RetryAsked("ops", notice.key, 1, 9 * S)]
    alone.answer(notice, answer)
    assert (alone.recorder, alone.supervisor) == ([], [])
    refused = alone.delivery(notice, PENDING, 1, detail)
    alone.clock.advance(S)
    alone.tell(RetryDelivery(notice.key))
    last = f"; the last answer: {detail}" if detail else ""
    again = alone.delivery(notice, PENDING, 2, f"attempting{last}")
    assert alone.store.take() == [Batch(deliveries=(refused, again))]
    assert alone.delivered() == [(notice, 2)]


@pytest.mark.parametrize("answer", [ACCEPTED, REFUSED, msgspec.structs.replace(REFUSED, retryable=False)])
def test_an_answer_to_another_attempt_changes_nothing(carrying, answer):
    alone, notice = carrying
    alone.answer(notice, answer, attempt=2)
    assert (alone.store.take(), alone.recorder, alone.supervisor) == ([], [], [])


def test_a_notice_that_does_not_wait_is_not_sent_again(carrying):
    alone, notice = carrying
    alone.tell(RetryDelivery(notice.key), RetryDelivery("unheard of"), GiveUpDelivery(notice.key))
    assert (alone.store.calls, alone.ops, alone.recorder) == ([], [], [])


def test_a_notice_that_is_given_up_is_dead_with_its_last_refusal(carrying):
    alone, notice = carrying
    alone.answer(notice, REFUSED)
    alone.forget()
    alone.tell(GiveUpDelivery(notice.key))
    (batch,) = alone.store.take()
    (dead,) = batch.deliveries[-1:]
    assert (dead.state, dead.detail) == (
        DEAD,
        "given up: the retry policy is exhausted; the last answer: busy",
    )
    assert alone.supervisor.take() == [DeliverySettled("ops", notice.key)]


def test_notices_of_a_courier_that_came_back_are_sent_to_it_again(carrying):
    alone, notice = carrying
    alone.tell(CourierStarted("calm"))
    assert alone.store.calls == []
    alone.tell(CourierStarted("ops"))
    assert alone.delivered() == [(notice, 2)]


def test_notices_that_wait_are_sent_at_once_for_a_new_supervisor(carrying):
    alone, notice = carrying
    alone.tell(ResumeRetries())
    assert (alone.store.calls, alone.supervisor.take()) == ([], [LastHeardResumed(())])
    alone.answer(notice, REFUSED)
    alone.forget()
    alone.tell(ResumeRetries())
    assert alone.delivered() == [(notice, 2)]
    assert alone.supervisor.take() == [LastHeardResumed(()), DeliveryBegan("ops", notice.key, 2, 7 * S)]


def test_a_new_supervisor_is_told_of_a_silence_and_of_a_store_that_failed(sink):
    until_ns = sink.wall_ns + 60 * S
    sink.tell(Mute(Silence(id="s", until_ns=until_ns)))
    sink.store.failing = {"commit"}
    sink.record(OPENED)
    sink.forget()
    sink.tell(ResumeRetries())
    assert sink.supervisor.take() == [
        LastHeardResumed(()),
        NoticeCheckRequested(until_ns),
        StoreFailed("the record could not be written; the store is reopened soon"),
    ]


# Dead letters.


def test_a_commit_tells_the_ends_of_tries_and_what_each_channel_has_not_taken(carrying):
    alone, notice = carrying
    calm = ChannelBacklog("calm")
    assert alone.recorder.commits == []
    alone.answer(notice, REFUSED)
    alone.tell(Commit())
    (committed,) = alone.recorder.commits
    assert committed.tries == (("ops", TryResult.FAILED),)
    assert committed.backlogs == (ChannelBacklog("ops", 1, notice.created_at_ns), calm)
    alone.tell(GiveUpDelivery(notice.key))
    alone.tell(Commit())
    assert alone.recorder.commits[1].backlogs == (ChannelBacklog("ops", 0, None, 1), calm)


def test_a_dead_letter_of_the_record_is_counted_until_it_is_sent_again():
    notice = notice_of(OPENED)
    alone = SinkAlone(Restored(given_up=(("ops", 2), ("gone", 1))))
    alone.store.dead = {notice.key: Restored(incidents=(OPENED.incident,), outbox=(outgoing(notice, DEAD),))}
    assert alone.ask(Redrive(notice.key)) is True
    alone.dispatcher.run_until_idle()
    assert alone.recorder.commits[-1].backlogs[0] == ChannelBacklog("ops", 1, notice.created_at_ns, 1)


def test_a_dead_letter_is_sent_again_when_it_is_asked_for(sink):
    notice = notice_of(OPENED)
    letter = Restored(incidents=(OPENED.incident,), outbox=(outgoing(notice, DEAD, 3),))
    sink.store.dead = {notice.key: letter, "empty": Restored()}
    assert [sink.ask(Redrive(key)) for key in ("unheard of", "empty")] == [False, False]
    assert sink.store.batches == []
    assert sink.ask(Redrive(notice.key)) is True
    sink.dispatcher.run_until_idle()
    redriven, attempt = sink.store.take()[0].deliveries
    assert (redriven.state, redriven.attempts) == (PENDING, 3)
    assert redriven.detail.startswith("re-driven")
    assert attempt.attempts == 4
    assert sink.delivered() == [(notice, 4)]
    assert sink.ask(Redrive(notice.key)) is False


def test_a_dead_letter_is_not_sent_after_a_later_notice(sink):
    notice = notice_of(OPENED)
    told = [
        notice_of(OPENED, "calm").as_delivered()[0],
        notice_of(then(OPENED, TransitionKind.ACKNOWLEDGED)).as_delivered()[0],
    ]
    sink.store.dead = {
        notice.key: Restored(incidents=(OPENED.incident,), outbox=(outgoing(notice, DEAD),), told=tuple(told))
    }
    assert sink.ask(Redrive(notice.key)) is False
    sink.store.dead = {
        notice.key: Restored(
            incidents=(OPENED.incident,), outbox=(outgoing(notice, DEAD),), told=tuple(told[:1])
        )
    }
    assert sink.ask(Redrive(notice.key)) is True


def test_a_due_notice_that_was_given_up_before_is_not_sent_by_itself(sink):
    notice = notice_of(OPENED)
    sink.store.dead = {notice.key: Restored(incidents=(OPENED.incident,), outbox=(outgoing(notice, DEAD),))}
    sink.tell(Mute(Silence(id="s", until_ns=sink.wall_ns + S)))
    sink.record(OPENED)
    sink.clock.advance(S)
    sink.tell(ReviewNotices())
    assert sink.ops == []
    assert sink.ask(Redrive(notice.key)) is True


def letters(*notices):
    return {
        notice.key: Restored(incidents=(notice.incident,), outbox=(outgoing(notice, DEAD),))
        for notice in notices
    }


@pytest.mark.parametrize("call", ["commit", "recall"])
def test_a_dead_letter_stays_one_while_the_record_cannot_say_that_it_was_given_up(sink, call):
    both = then(OPENED, TransitionKind.CHANGED, notify=("ops", "calm"))
    ours, theirs = notice_of(both), notice_of(both, "calm")
    sink.store.dead = letters(ours, theirs)
    assert sink.ask(Redrive(ours.key)) is True
    sink.dispatcher.run_until_idle()
    sink.store.failing = {call}
    sink.record(opened("inc_2", target="mail", notify=("calm",)))
    sink.answer(ours, ACCEPTED, attempt=2)
    sink.store.failing = set()
    sink.tell(ReopenStore())
    assert {notice.incident.id for notice, _ in sink.delivered("calm")} == {"inc_2"}
    assert sink.ask(Redrive(theirs.key)) is True


@pytest.mark.parametrize("call", ["commit", "recall"])
def test_a_step_that_is_due_while_the_record_cannot_be_read_is_told_once_it_can(carrying, call):
    alone, notice = carrying
    alone.store.failing = {call}
    alone.record(RESOLVED)
    alone.answer(notice, ACCEPTED)
    assert (alone.ops, alone.supervisor.of(StoreFailed)) == ([], [StoreFailed(f"{call} failed")])
    alone.store.failing = set()
    alone.tell(ReopenStore())
    assert [(told.change, told.reason) for told, _ in alone.delivered()] == [
        (TransitionKind.RESOLVED, NoticeReason.CATCH_UP)
    ]


def test_a_failure_to_read_the_record_that_was_just_reopened_is_reported_after_its_recovery(carrying):
    alone, notice = carrying
    alone.store.failing = {"commit"}
    alone.record(RESOLVED)
    alone.answer(notice, ACCEPTED)
    alone.store.failing = {"recall"}
    alone.forget()
    alone.tell(ReopenStore())
    kinds = [type(said) for said in alone.supervisor.take()]
    assert [kind for kind in kinds if kind in {StoreRecovered, StoreFailed}] == [StoreRecovered, StoreFailed]


# The end.


def test_a_drain_waits_for_the_couriers_and_sends_nothing_more(carrying):
    alone, notice = carrying
    alone.record(samples=(sample_at(1),))
    alone.tell(DrainSink())
    assert alone.store.take() == [Batch(samples=(sample_at(1),))]
    alone.record(opened("inc_2", target="mail"))
    assert (alone.ops, alone.ends) == ([], [])
    alone.answer(notice, ACCEPTED)
    assert len(alone.ends) == 1
    assert [abandoned.what for abandoned in alone.recorder.of(Abandoned)] == [IN_THE_OUTBOX]
    assert alone.store.calls[-1] == "close"
    assert [step.id for batch in alone.store.take() for step in batch.transitions] == ["inc_2"]


def test_a_drain_without_work_is_over_at_once(sink):
    sink.tell(DrainSink())
    assert len(sink.ends) == 1
    assert (sink.store.calls, sink.recorder) == (["commit", "close"], [])
    assert (sink.store.take(), sink.store.marks) == ([], [HeardMark(RUNTIME, sink.wall_ns)])


def test_an_end_commits_and_names_the_notices_that_couriers_hold(carrying):
    alone, notice = carrying
    alone.sink.tell(alone.recorded(opened("inc_2", target="mail")))
    alone.tell(EndSink())
    assert len(alone.ends) == 1
    (batch,) = alone.store.take()
    assert ([step.id for step in batch.transitions], batch.deliveries) == (["inc_2"], ())
    (left,) = alone.recorder.of(Abandoned)
    assert left == Abandoned(IN_THE_OUTBOX, (notice.key, batch.notices[0].key))
    assert alone.ops == []


@pytest.mark.parametrize("works_again", [True, False])
def test_an_end_tries_a_failed_commit_once_more(sink, works_again):
    sink.store.failing = {"commit"}
    sink.record(OPENED)
    sink.record(samples=(sample_at(1),))
    sink.forget()
    if works_again:
        sink.store.failing = set()
    sink.tell(EndSink())
    assert len(sink.ends) == 1
    unwritten = [left.names for left in sink.recorder.of(Abandoned) if left.what == UNWRITTEN]
    if works_again:
        assert (unwritten, len(sink.store.take())) == ([], 2)
    else:
        # The step, its notice and its attempt; and the sample.
        assert (unwritten, sink.store.take()) == ([("4 records", "opened shop/down")], [])
