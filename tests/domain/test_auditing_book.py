"""The second book itself: what it keeps of commits, what it forgets, and what it says of notices that are sent."""

import pytest
from audited import (
    CHANGED,
    DEAD,
    DELIVERED,
    NOTICE,
    OPENED,
    PENDING,
    RESOLVED,
    UNTOLD,
    Book,
    outgoing,
    silence,
)
from msgspec.structs import replace
from records import delivery_of, notice_of, opened, then
from watchkeeper.domain.auditing.receipts import Receipts
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Batch, Checkpoint, Outgoing, Restored
from watchkeeper.domain.incidents.trials.drill import Drill
from watchkeeper.domain.limits import AUDITED_CLAIMS_MAX


@pytest.fixture
def book():
    return Book()


# The record itself.


def test_a_book_that_begins_again_knows_what_was_restored_and_the_silences_that_were_over(book):
    book.tell(opened("inc_0", rule="slow"))
    over, muted = silence("over"), silence()
    book.commit(silences=(over,), checkpoints=(Checkpoint("bank", b"y", 1),))
    third = replace(CHANGED, sequence=3)
    told = replace(NOTICE.as_delivered()[0], sequence=1)
    mark = Checkpoint("shop", b"x", 1)
    dead = opened("inc_2", rule="flaps")
    book.durable.remember(
        Restored(
            epoch=5,
            incidents=(third.incident,),
            outbox=(outgoing(third),),
            dead=(outgoing(dead, state=DEAD),),
            told=(told,),
            checkpoints=(mark,),
            silences=(muted,),
        )
    )
    durable = book.durable
    assert durable.epoch == 4
    assert durable.lives == {"inc_1": [third.incident] * 3, "inc_2": [dead.incident]}
    assert durable.open_incidents() == [third.incident, dead.incident]
    assert durable.notices == {notice.key: notice for notice in (notice_of(third), notice_of(dead))}
    assert [each.state for each in durable.deliveries.values()] == [PENDING, DEAD]
    assert list(durable.pending) == [notice_of(third).key]
    assert durable.told == {("inc_1", "ops"): 1}
    assert durable.silences == {"over": over, "quiet": muted}
    assert durable.checkpoints == {"shop": mark}


def test_an_old_notice_of_an_incident_that_is_over_does_not_open_it_again(book):
    book.durable.remember(Restored(epoch=2, incidents=(RESOLVED.incident,), outbox=(outgoing(OPENED),)))
    assert book.durable.open_incidents() == []
    assert book.durable.lives["inc_1"][-1] == RESOLVED.incident


def test_a_recalled_dead_letter_changes_nothing_that_is_known(book):
    book.tell(OPENED)
    known = dict(book.durable.deliveries)
    late = Outgoing(replace(NOTICE, created_at_ns=1), delivery_of(NOTICE, DEAD))
    told = replace(NOTICE.as_delivered()[0], sequence=9)
    book.durable.recall(Restored(incidents=(OPENED.incident,), dead=(late,), told=(told,)))
    assert (book.durable.notices, book.durable.deliveries) == ({NOTICE.key: NOTICE}, known)
    assert book.durable.told == {("inc_1", "ops"): 1}
    assert book.durable.lives == {"inc_1": [OPENED.incident]}


def test_a_delivery_that_is_recorded_stays(book):
    book.tell(OPENED)
    again = Batch(deliveries=(delivery_of(NOTICE, PENDING, 2),))
    assert book.durable.apply(again).deliveries == []
    assert book.durable.deliveries[NOTICE.key].state is DELIVERED
    assert book.durable.pending == {}


def test_a_dead_letter_is_no_longer_pending_until_it_is_driven_again(book):
    book.commit(OPENED, notices=(NOTICE,))
    assert list(book.durable.pending) == [NOTICE.key]
    for state, pending in ((DEAD, []), (PENDING, [NOTICE.key]), (DEAD, [])):
        delivery = delivery_of(NOTICE, state)
        assert book.durable.apply(Batch(deliveries=(delivery,))).deliveries == [delivery]
        assert list(book.durable.pending) == pending
    assert book.durable.told == {}


def test_an_earlier_delivery_that_is_recorded_later_takes_nothing_back(book):
    book.tell(OPENED)
    late = notice_of(CHANGED)
    book.commit(CHANGED, notices=(late,))
    book.tell(then(CHANGED, TransitionKind.CHANGED))
    book.receivers["ops"].apply(late)
    assert book.commit(deliveries=(delivery_of(late, DELIVERED),)) == []
    assert book.durable.told == {("inc_1", "ops"): 3}


def test_the_book_forgets_what_is_over_and_told(book):
    book.tell(OPENED)
    book.tell(RESOLVED)
    assert book.durable.notices
    book.durable.forget_what_is_over()
    durable = book.durable
    assert (durable.lives, durable.told, durable.notices, durable.deliveries) == ({}, {}, {}, {})


@pytest.mark.parametrize("kept", ["open", "untold", "pending"])
def test_the_book_keeps_what_is_open_or_not_yet_told(book, kept):
    book.tell(OPENED)
    if kept == "untold":
        book.commit(RESOLVED)
    elif kept == "pending":
        book.tell(CHANGED)
        end = then(CHANGED, TransitionKind.RESOLVED)
        book.tell(end)
        book.commit(
            deliveries=(delivery_of(notice_of(end, "boss"), PENDING),), notices=(notice_of(end, "boss"),)
        )
    before = dict(book.durable.lives), dict(book.durable.told), dict(book.durable.notices)
    book.durable.forget_what_is_over()
    assert (book.durable.lives, book.durable.told, book.durable.notices) == before
    assert NOTICE.key in book.durable.deliveries


# Sending.


@pytest.fixture
def sending(book):
    """Commits notices with their first attempt, and returns what is said when one is sent."""
    book.delivery.room = {"ops": 2}

    def send(notice, attempt=1):
        book.delivery.sending(notice.channel, notice, attempt)
        said = book.complaints()
        book.receivers[notice.channel].arrived(notice, attempt)
        return said

    for name in ("inc_1", "inc_2", "inc_3"):
        notice = notice_of(opened(name, rule=name))
        book.commit(opened(name, rule=name), notices=(notice,), deliveries=(delivery_of(notice, PENDING),))
    return send


def some_notice(name="inc_1"):
    return notice_of(opened(name, rule=name))


def test_a_recorded_attempt_may_be_sent_and_repeated_with_a_new_number(book, sending):
    notice = some_notice()
    assert sending(notice) == []
    book.delivery.sent("ops", notice.key)
    book.commit(deliveries=(delivery_of(notice, PENDING, 2),))
    assert sending(notice, 2) == []


def test_a_notice_that_is_not_committed_as_it_is_may_not_be_sent(book, sending):
    assert sending(some_notice("inc_9")) == ["S5", "S10"]
    assert sending(replace(some_notice(), created_at_ns=1)) == ["S5"]


def test_an_attempt_that_is_not_recorded_may_not_be_sent(book, sending):
    assert sending(some_notice(), 2) == ["S10"]


@pytest.mark.parametrize("state", [DELIVERED, DEAD])
def test_a_notice_that_has_ended_may_not_be_sent(book, sending, state):
    notice = some_notice()
    book.receivers["ops"].apply(notice)
    book.commit(deliveries=(delivery_of(notice, state),))
    assert sending(notice) == ["S16"]


def test_one_courier_carries_a_notice_at_a_time(book, sending):
    notice = some_notice()
    book.commit(deliveries=(delivery_of(notice, PENDING, 3),))
    assert sending(notice, 1) == []
    assert sending(notice, 2) == ["S16"]
    book.delivery.process_began()
    assert sending(notice, 3) == []


def test_a_channel_carries_as_many_notices_as_it_has_room_for(book, sending):
    assert sending(some_notice("inc_1")) == sending(some_notice("inc_2")) == []
    assert sending(some_notice("inc_3")) == ["S24"]
    book.delivery.sent("ops", some_notice("inc_3").key)
    book.delivery.sent("ops", some_notice("inc_1").key)
    book.delivery.sent("ops", "msg_unknown")
    other = notice_of(OPENED, "boss")
    book.commit(notices=(other,), deliveries=(delivery_of(other, PENDING),))
    book.commit(deliveries=(delivery_of(some_notice("inc_3"), PENDING, 2),))
    book.delivery.sending("boss", other, 1)
    assert "S24" not in book.complaints()
    assert sending(some_notice("inc_3"), 2) == []


def test_a_channel_of_unknown_room_carries_as_many_as_any_channel_may(book):
    for number in range(AUDITED_CLAIMS_MAX + 1):
        step = opened(f"inc_{number}", rule=f"r{number}", notify=("boss",))
        notice = notice_of(step, "boss")
        book.commit(step, notices=(notice,), deliveries=(delivery_of(notice, PENDING),))
        book.delivery.sending("boss", notice, 1)
        assert book.complaints() == (["S24"] if number == AUDITED_CLAIMS_MAX else [])


def test_a_repeat_has_the_same_content_and_a_new_number(book, sending):
    notice = some_notice()
    book.receivers["ops"].arrived(replace(notice, created_at_ns=1), 1)
    assert sending(notice) == ["S7", "S10"]


def test_receipts_apply_each_key_once_and_keep_every_request():
    receipts, other = Receipts(), some_notice("inc_2")
    assert receipts.apply(NOTICE)
    assert not receipts.apply(replace(NOTICE, created_at_ns=1))
    assert receipts.applied == {NOTICE.key: NOTICE}
    receipts.arrived(NOTICE, 1)
    receipts.arrived(NOTICE, 2)
    receipts.arrived(other, 1)
    assert receipts.posts == {NOTICE.key: {1: NOTICE, 2: NOTICE}, other.key: {1: other}}
    receipts.apply(other)
    receipts.keep_only({other.key: other})
    assert (receipts.posts, receipts.applied) == ({other.key: {1: other}}, {other.key: other})


def test_drills_that_run_at_once_are_no_rivals(book):
    drill = Drill(route="shop", until_ns=1)
    first, second = (opened(name, rule="drill", drill=drill, **UNTOLD) for name in ("inc_1", "inc_2"))
    assert book.commit(first) + book.commit(second) == []
    assert [incident.id for incident in book.durable.open_incidents()] == ["inc_1", "inc_2"]
    assert book.commit(then(first, TransitionKind.RESOLVED)) == []
    assert [incident.id for incident in book.durable.open_incidents()] == ["inc_2"]
