"""The messages of a courier to its supervisor, and their moments."""

import pytest
from records import notice_of, opened
from watchkeeper.actors.courier import Courier
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import address_for, spawn
from watchkeeper.protocol.courier import Deliver
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
