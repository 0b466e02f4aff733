"""The messages of a courier to its supervisor, and their moments."""

import pytest
from msgspec import UNSET
from records import notice_of, opened
from watchkeeper.actors.courier import LEASE_OVER, NO_ANSWER, Courier
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import address_for, spawn
from watchkeeper.domain.incidents.notice import Answer
from watchkeeper.domain.limits import CHANNEL_MEMORY_CHARACTERS_MAX
from watchkeeper.domain.time.moment import NS_PER_S, Deadline
from watchkeeper.protocol.courier import AbandonDelivery, Deliver
from watchkeeper.protocol.sink import CourierStarted, DeliveryAnswered
from watchkeeper.testing.clock import ManualClock


class Told(list):
    """A listener that records its messages."""

    tell = list.append


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def dispatcher():
    return SimulatedDispatcher(ManualClock())


@pytest.fixture
def courier(dispatcher, told):
    """Starts a courier under one address, again after each end."""
    address = address_for(Courier, "courier/ops")

    def start():
        spawn(
            Courier,
            ManualClock(),
            "ops",
            None,
            told,
            dispatcher=dispatcher,
            address=address,
            on_exit=lambda *_: None,
        )
        dispatcher.run_until_idle()
        return address

    return start


def test_the_first_courier_claims_to_have_lost_nothing(courier, told):
    courier()
    assert told == []


def test_a_courier_that_comes_back_says_so(courier, dispatcher, told):
    courier().stop()
    dispatcher.run_until_idle()
    courier()
    assert told == [CourierStarted("ops")]


def test_a_notice_that_cannot_be_sent_is_answered_at_once(courier, dispatcher, told):
    notice = notice_of(opened())
    courier().tell(Deliver(notice, 1, 1_000_000_000))
    dispatcher.run_until_idle()
    (answered,) = told
    assert isinstance(answered, DeliveryAnswered)
    assert (answered.key, answered.answer.accepted, answered.answer.retryable) == (notice.key, False, False)


class Wire:
    """A messenger whose answers come on request of the test."""

    def __init__(self):
        self.sent, self.done, self.cancelled, self.failing = [], {}, [], set()
        self.memories = []

    def send(self, notice, attempt, deadline, done, memory=""):
        if notice.key in self.failing:
            raise LookupError("no template")
        self.sent.append((notice.key, attempt, deadline))
        self.memories.append(memory)
        self.done[notice.key] = done
        return Sending(self, notice.key)


class Sending:
    def __init__(self, wire, key):
        self.wire, self.key = wire, key

    def cancel(self):
        self.wire.cancelled.append(self.key)


class CourierAlone:
    """One courier between a messenger and the sink, with room for two notices."""

    def __init__(self):
        self.wire, self.told, self.clock = Wire(), Told(), ManualClock()
        self.dispatcher = SimulatedDispatcher(self.clock)
        self.address = spawn(
            Courier,
            self.clock,
            "ops",
            self.wire,
            self.told,
            room=2,
            dispatcher=self.dispatcher,
            on_exit=lambda *_: None,
        )

    def tell(self, *messages):
        for message in messages:
            self.address.tell(message)
        self.dispatcher.run_until_idle()

    def keys(self):
        return [key for key, *_ in self.wire.sent]


ONE, TWO, THREE, FOUR = (notice_of(opened(f"inc_{number}")) for number in range(1, 5))
YES = Answer(accepted=True)


@pytest.fixture
def alone():
    return CourierAlone()


def deliver(notice, attempt=1):
    return Deliver(notice, attempt, NS_PER_S)


def test_notices_are_sent_while_there_is_room_each_with_its_deadline(alone):
    alone.tell(*map(deliver, (ONE, TWO, THREE, FOUR)))
    deadline = Deadline.after(alone.clock.read(), NS_PER_S)
    assert alone.wire.sent == [(ONE.key, 1, deadline), (TWO.key, 1, deadline)]
    alone.wire.done[TWO.key](YES)
    assert alone.told == [DeliveryAnswered(TWO.key, 1, YES)]
    assert alone.keys() == [ONE.key, TWO.key, THREE.key]
    alone.wire.done[TWO.key](YES)
    assert (len(alone.told), len(alone.wire.sent)) == (1, 3)


def test_a_notice_that_cannot_be_sent_leaves_its_room_to_the_next(alone):
    alone.wire.failing = {ONE.key, TWO.key}
    alone.tell(*map(deliver, (ONE, TWO, THREE, FOUR)))
    assert alone.keys() == [THREE.key, FOUR.key]
    assert [(said.key, said.attempt, said.answer.detail) for said in alone.told] == [
        (notice.key, 1, "LookupError('no template')") for notice in (ONE, TWO)
    ]


def test_a_notice_that_waits_is_answered_for_its_newest_attempt(alone):
    alone.tell(*map(deliver, (ONE, TWO, THREE)), deliver(THREE, 2))
    alone.tell(AbandonDelivery(THREE.key), AbandonDelivery(THREE.key))
    assert alone.told == [DeliveryAnswered(THREE.key, 2, NO_ANSWER)]
    assert (alone.wire.cancelled, alone.keys()) == ([], [ONE.key, TWO.key])


def test_an_abandoned_notice_makes_room_and_a_late_answer_to_it_is_ignored(alone):
    alone.tell(*map(deliver, (ONE, TWO, THREE)))
    late = alone.wire.done[ONE.key]
    alone.tell(AbandonDelivery(ONE.key))
    assert (alone.wire.cancelled, alone.keys()) == ([ONE.key], [ONE.key, TWO.key, THREE.key])
    assert alone.told.pop() == DeliveryAnswered(ONE.key, 1, NO_ANSWER)
    late(YES)
    alone.wire.done[TWO.key](YES)
    alone.tell(deliver(ONE, 2))
    late(YES)
    assert [said.key for said in alone.told] == [TWO.key]
    alone.wire.done[ONE.key](YES)
    assert alone.told[1:] == [DeliveryAnswered(ONE.key, 2, YES)]


def test_a_messenger_is_given_what_the_channel_kept_and_may_keep_more(alone):
    alone.tell(deliver(ONE), Deliver(TWO, 1, NS_PER_S, memory="ts 1.5"))
    alone.wire.done[TWO.key](Answer(accepted=True, memory="ts 2.5"))
    assert alone.wire.memories == ["", "ts 1.5"]
    assert alone.told[0].answer.memory == "ts 2.5"


def test_a_memory_beyond_its_bound_is_not_kept_at_all(alone):
    alone.tell(deliver(ONE), deliver(TWO))
    for notice, length in ((ONE, CHANNEL_MEMORY_CHARACTERS_MAX), (TWO, CHANNEL_MEMORY_CHARACTERS_MAX + 1)):
        alone.wire.done[notice.key](Answer(accepted=True, memory="x" * length))
    assert [said.answer.memory for said in alone.told] == ["x" * CHANNEL_MEMORY_CHARACTERS_MAX, UNSET]


@pytest.mark.parametrize("crashes", [False, True])
def test_a_courier_that_ends_cancels_all_that_it_carries_and_sends_nothing_more(alone, crashes):
    alone.tell(*map(deliver, (ONE, TWO, THREE)))
    if crashes:
        alone.tell(object())
    else:
        alone.address.stop()
        alone.dispatcher.run_until_idle()
    alone.wire.done[ONE.key](YES)
    assert (alone.wire.cancelled, alone.keys(), alone.told) == ([ONE.key, TWO.key], [ONE.key, TWO.key], [])


# The lease of the sender.


def leased(notice, ends_ns, attempt=1):
    return Deliver(notice, attempt, NS_PER_S, ends_ns)


def test_a_notice_is_sent_until_the_lease_of_its_sender_ends(alone):
    now_ns = alone.clock.read().monotonic_ns
    alone.tell(leased(ONE, now_ns + 1))
    assert (alone.keys(), alone.told) == ([ONE.key], [])


def test_a_notice_whose_lease_has_ended_is_not_sent_and_may_be_tried_again(alone):
    alone.tell(leased(ONE, alone.clock.read().monotonic_ns, attempt=3))
    assert alone.keys() == []
    assert alone.told == [DeliveryAnswered(ONE.key, 3, LEASE_OVER)]
    assert LEASE_OVER.retryable


def test_a_notice_that_waited_for_room_beyond_its_lease_is_not_sent(alone):
    now_ns = alone.clock.read().monotonic_ns
    alone.tell(deliver(ONE), deliver(TWO), leased(THREE, now_ns + NS_PER_S), deliver(FOUR))
    alone.clock.advance(NS_PER_S)
    alone.wire.done[ONE.key](YES)
    alone.dispatcher.run_until_idle()
    assert alone.keys() == [ONE.key, TWO.key, FOUR.key]
    assert alone.told == [DeliveryAnswered(ONE.key, 1, YES), DeliveryAnswered(THREE.key, 1, LEASE_OVER)]
