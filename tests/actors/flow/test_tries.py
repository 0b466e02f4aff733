"""The record of each try of a sink that is alone with listeners: with its attempt, and again with its answer."""

import pytest
from records import opened
from watchkeeper.domain.incidents.delivery_try import DeliveryTry, TryResult
from watchkeeper.domain.incidents.notice import Answer, DeliveryState
from watchkeeper.domain.limits import DETAIL_CHARACTERS_MAX
from watchkeeper.protocol.recorder import NoticeSettled
from watchkeeper.protocol.sink import (
    UNWRITTEN,
    Commit,
    CourierStarted,
    DeliveryAnswered,
    GetTest,
    ReopenStore,
    RetryDelivery,
    SendTest,
)
from watchkeeper.protocol.supervisor import RetryAsked

from tests.actors.flow.sink_alone import ACCEPTED, REFUSED

S = 1_000_000_000


def tried(alone, notice, attempt, at_ns, **answered):
    return DeliveryTry(key=notice.key, attempt=attempt, channel="ops", at_ns=at_ns, **answered)


def test_a_try_is_recorded_with_its_attempt_and_again_with_its_answer(carrying):
    alone, notice = carrying
    began_ns = alone.wall_ns
    (begun,) = alone.store.tries
    assert begun == tried(alone, notice, 1, began_ns)
    alone.clock.advance(2 * S)
    alone.answer(notice, ACCEPTED)
    accepted = {"took_ns": 2 * S, "result": TryResult.ACCEPTED, "detail": "thanks"}
    assert alone.store.tries[1:] == [tried(alone, notice, 1, began_ns, **accepted)]


def test_a_failed_try_is_written_with_the_next_commit_and_the_next_has_its_own_row(carrying):
    alone, notice = carrying
    began_ns = alone.wall_ns
    alone.clock.advance(S)
    alone.answer(notice, REFUSED)
    assert len(alone.store.tries) == 1, "no commit of its own"
    alone.tell(RetryDelivery(notice.key))
    failed = {"took_ns": S, "result": TryResult.FAILED, "detail": "busy"}
    assert alone.store.tries[1:] == [
        tried(alone, notice, 1, began_ns, **failed),
        tried(alone, notice, 2, alone.wall_ns),
    ]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (Answer(accepted=False, retryable=False, detail="x" * 999), TryResult.REFUSED),
        (Answer(accepted=False, detail="x" * 999), TryResult.FAILED),
    ],
)
def test_the_detail_of_a_try_is_cut(carrying, answer, result):
    alone, notice = carrying
    alone.answer(notice, answer)
    alone.tell(Commit())
    last = alone.store.tries[-1]
    assert (last.result, last.detail) == (result, "x" * DETAIL_CHARACTERS_MAX)


def test_a_try_whose_courier_is_lost_has_no_answer_and_a_second_answer_changes_none(carrying):
    alone, notice = carrying
    alone.tell(CourierStarted("ops"))
    alone.answer(notice, REFUSED, attempt=1)
    alone.answer(notice, ACCEPTED, attempt=2)
    alone.answer(notice, REFUSED, attempt=2)
    alone.tell(Commit())
    results = [(each.attempt, each.result.value) for each in alone.store.tries]
    assert results == [(1, "unknown"), (2, "unknown"), (2, "accepted")]


def test_the_time_of_a_try_begins_when_it_is_durable(sink):
    sink.store.failing.add("commit")
    sink.record(opened())
    assert sink.store.tries == []
    sink.clock.advance(30 * S)
    sink.store.failing.clear()
    sink.tell(ReopenStore())
    ((notice, _),) = sink.delivered()
    sink.clock.advance(S)
    sink.answer(notice, ACCEPTED)
    begun, answered = sink.store.tries
    assert (begun.at_ns, answered.at_ns) == (sink.wall_ns - 31 * S,) * 2
    assert answered.took_ns == S


# Tests of channels.


def test_a_test_is_sent_once_its_try_is_durable_and_ends_with_its_answer(sink):
    key = sink.ask(SendTest("ops", "ann"))
    ((notice, attempt),) = sink.delivered()
    assert (notice.key, notice.is_test, attempt) == (key, True, 1)
    assert sink.store.tries == [tried(sink, notice, 1, sink.wall_ns)]
    assert sink.ask(GetTest(key)) is None
    sink.clock.advance(S)
    sink.answer(notice, REFUSED)
    failed = tried(sink, notice, 1, sink.wall_ns - S, took_ns=S, result=TryResult.FAILED, detail="busy")
    assert sink.ask(GetTest(key)) == failed
    assert sink.store.tries[1:] == [failed]
    (settled,) = sink.recorder.of(NoticeSettled)
    assert (settled.notice, settled.delivery.state) == (notice, DeliveryState.DEAD)
    assert sink.supervisor.of(RetryAsked) == []


def test_a_test_is_told_once_its_answer_is_in_the_record(sink):
    """The question stands between the answer of a quick receiver and the commit: who asks reads the record next."""
    key = sink.ask(SendTest("ops", "ann"))
    sink.sink.tell(DeliveryAnswered(key, 1, REFUSED))
    assert sink.ask(GetTest(key)) is None
    assert sink.ask(GetTest(key)) == sink.store.tries[-1]
    assert sink.store.tries[-1].result is TryResult.FAILED


def test_a_test_waits_for_no_other_and_for_no_store(sink):
    first = sink.ask(SendTest("ops", ""))
    assert sink.ask(SendTest("ops", "")) == sink.ask(SendTest("unheard of", "")) == ""
    assert sink.ask(SendTest("calm", "")) not in {"", first}
    sink.answer(sink.delivered()[0][0], ACCEPTED)
    sink.store.failing.add("commit")
    sink.record(opened())
    assert sink.ask(SendTest("ops", "")) == sink.ask(GetTest("test_1")) == UNWRITTEN
    assert sink.ask(GetTest(first)).result is TryResult.ACCEPTED, "what has ended is known"


def test_a_test_ends_with_the_courier_that_held_it(sink):
    key = sink.ask(SendTest("ops", ""))
    sink.tell(CourierStarted("ops"))
    lost = sink.ask(GetTest(key))
    assert (lost.result, lost.detail) == (
        TryResult.FAILED,
        "its courier was restarted: the outcome is unknown",
    )
    assert sink.ask(SendTest("ops", "")) not in {"", key}
