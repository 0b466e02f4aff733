"""The record of each try of a sink that is alone with listeners: with its attempt, and again with its answer."""

import pytest
from records import opened
from watchkeeper.domain.incidents.delivery_try import DeliveryTry, TryResult
from watchkeeper.domain.incidents.notice import Answer
from watchkeeper.domain.limits import DETAIL_CHARACTERS_MAX
from watchkeeper.protocol.sink import Commit, CourierStarted, ReopenStore, RetryDelivery

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
