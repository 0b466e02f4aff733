"""Invariants at run time: valid traffic passes, and a violation is refused with the id of its invariant."""

import pytest
from records import NOON, delivery_of, notice_of, opened, then
from watchkeeper.actors.checked import Checks, InvariantBroken
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import Answer, DeliveryState
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.time.moment import NS_PER_S, Deadline

OPENED = opened()
RESOLVED = then(OPENED, TransitionKind.RESOLVED)
NOTICE = notice_of(OPENED)
ATTEMPTED = Batch(
    transitions=(OPENED,), notices=(NOTICE,), deliveries=(delivery_of(NOTICE, DeliveryState.PENDING, 1),)
)
DEADLINE = Deadline.after(NOON, NS_PER_S)


class Outside:
    """A messenger that answers on request of the test."""

    def send(self, notice, attempt, deadline, done):
        self.done = done


@pytest.fixture
def checks():
    return Checks([Channel(id="ops", log=Log())])


@pytest.fixture
def store(checks):
    checked = checks.store(MemoryStore())
    checked.open(NOON)
    return checked


@pytest.fixture
def outside():
    return Outside()


@pytest.fixture
def messenger(checks, outside):
    return checks.messengers({"ops": outside})["ops"]


def test_a_committed_notice_may_leave(store, messenger, outside):
    store.commit(ATTEMPTED)
    messenger.send(NOTICE, 1, DEADLINE, lambda _: None)
    outside.done(Answer(accepted=True))
    store.commit(Batch(deliveries=(delivery_of(NOTICE, DeliveryState.DELIVERED, 1),)))


def test_nothing_leaves_before_it_is_committed(store, messenger):
    with pytest.raises(InvariantBroken, match=r"^S5: "):
        messenger.send(NOTICE, 1, DEADLINE, lambda _: None)


def test_no_channel_gets_an_end_alone(store, messenger):
    store.commit(Batch(transitions=(OPENED, RESOLVED), notices=(notice_of(RESOLVED),)))
    with pytest.raises(InvariantBroken, match=r"^S9: "):
        messenger.send(notice_of(RESOLVED), 1, DEADLINE, lambda _: None)


def test_a_notice_that_was_not_accepted_is_not_delivered(store):
    store.commit(ATTEMPTED)
    with pytest.raises(InvariantBroken, match=r"^S8: "):
        store.commit(Batch(deliveries=(delivery_of(NOTICE, DeliveryState.DELIVERED, 1),)))


def test_a_failed_store_is_opened_before_it_is_written(store):
    with pytest.raises(StoreError):
        store.commit(Batch(transitions=(RESOLVED,)))
    with pytest.raises(InvariantBroken, match=r"^S33: "):
        store.commit(ATTEMPTED)
    store.close()
    store.open(NOON)
    store.commit(ATTEMPTED)


def test_a_store_that_forgets_is_caught_at_its_opening(checks):
    store = checks.store(MemoryStore())
    store.open(NOON)
    store.commit(ATTEMPTED)
    checks.durable.pending.clear()
    store.close()
    with pytest.raises(InvariantBroken, match=r"^S11: "):
        store.open(NOON)


def test_the_book_lets_go_of_what_is_over(checks, store):
    store.commit(Batch(transitions=(OPENED, RESOLVED)))
    checks.durable.forget_what_is_over()
    assert checks.durable.lives == {}
