"""Deliveries in flight when their courier releases them, crashes or ends: each is cancelled or answered."""

import pytest
from records import notice_of, opened
from watchkeeper.actors.courier import NO_ANSWER, Courier
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import address_for, spawn
from watchkeeper.domain.incidents.notice import Answer
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.protocol.courier import AbandonDelivery, Deliver
from watchkeeper.protocol.sink import DeliveryAnswered
from watchkeeper.testing.clock import ManualClock

NOTICE = notice_of(opened())


class Listener(list):
    tell = list.append


class Wire:
    """A messenger that sends and never gets an answer; it records the deliveries in flight."""

    def __init__(self):
        self.open = []
        self.done = {}

    def send(self, notice, attempt, deadline, done, memory=""):
        self.open.append(notice.key)
        self.done[notice.key] = done
        return self

    def cancel(self):
        self.open.pop()
        return CancelOutcome.UNKNOWN


@pytest.fixture
def carrying():
    """A courier with one notice in flight: its address, the messenger, the messages to the sink, and the clock."""
    dispatcher, wire, told = SimulatedDispatcher(ManualClock()), Wire(), Listener()
    address = address_for(Courier, "courier/ops")
    spawn(
        Courier,
        ManualClock(),
        "ops",
        wire,
        told,
        dispatcher=dispatcher,
        address=address,
        on_exit=lambda *_: None,
    )
    address.tell(Deliver(NOTICE, 1, 1_000_000_000))
    dispatcher.run_until_idle()
    assert wire.open == [NOTICE.key]
    return address, wire, told, dispatcher.run_until_idle


def test_an_abandoned_notice_is_taken_off_the_wire_and_answered_for(carrying):
    address, wire, told, run = carrying
    address.tell(AbandonDelivery(NOTICE.key))
    run()
    assert wire.open == []
    assert told == [DeliveryAnswered(NOTICE.key, 1, NO_ANSWER)]


def test_a_crash_takes_off_the_wire_what_the_next_courier_is_given(carrying):
    address, wire, told, run = carrying
    address.tell(object())
    run()
    assert not address.alive
    assert wire.open == []
    assert told == []


def test_an_end_takes_everything_off_the_wire(carrying):
    address, wire, told, run = carrying
    address.stop()
    run()
    assert wire.open == []
    assert told == []


def test_a_channel_carries_no_more_than_it_has_room_for(carrying):
    address, wire, told, run = carrying
    others = [notice_of(opened(f"inc_{number}")) for number in (2, 3)]
    for notice in others:
        address.tell(Deliver(notice, 1, 1_000_000_000))
    run()
    assert wire.open == [NOTICE.key]
    address.tell(AbandonDelivery(others[1].key))
    address.tell(AbandonDelivery(NOTICE.key))
    run()
    assert wire.open == [others[0].key]
    assert [answered.key for answered in told] == [others[1].key, NOTICE.key]


def test_a_notice_that_waits_for_room_follows_an_answer(carrying):
    address, wire, told, run = carrying
    other = notice_of(opened("inc_2"))
    address.tell(Deliver(other, 1, 1_000_000_000))
    run()
    wire.done[NOTICE.key](Answer(accepted=True))
    run()
    assert wire.open == [NOTICE.key, other.key]
    assert told == [DeliveryAnswered(NOTICE.key, 1, Answer(accepted=True))]
