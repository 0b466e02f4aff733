"""Lanes, bounds and overflow policies, and where every message is in the end."""

import threading
from collections import Counter, deque
from contextlib import suppress
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pykka import ActorDeadError
from watchkeeper.actors.dispatch import (
    Address,
    Delivery,
    DispatchedActor,
    Lane,
    MailboxFull,
    SimulatedDispatcher,
    spawn,
)
from watchkeeper.actors.dispatch.coalesced import Coalesced
from watchkeeper.domain.limits import MAILBOX_LIGHT_MESSAGES_MAX
from watchkeeper.domain.policy import OverflowPolicy
from watchkeeper.testing.clock import ManualClock

ENDLESS_S = 60.0


class Note(NamedTuple):
    number: int


class Order(NamedTuple):
    number: int


class Change(NamedTuple):
    number: int


class Sighting(NamedTuple):
    number: int


class Reading(NamedTuple):
    number: int
    key: int = 0


def sort(message):
    match message:
        case Order():
            return Delivery(lane=Lane.CONTROL)
        case Change():
            return Delivery(overflow=OverflowPolicy.NEVER_DROP)
        case Sighting():
            return Delivery(overflow=OverflowPolicy.DROP_OLDEST)
        case Reading(key=key):
            return Delivery(overflow=OverflowPolicy.COALESCE_LATEST, key=key)
        case _:
            return Delivery()


class Keeper(DispatchedActor):
    """Keeps what it hears."""

    def __init__(self, heard):
        super().__init__()
        self.heard = heard

    def on_receive(self, message):
        self.heard.append(message)
        return len(self.heard)


def world():
    return SimulatedDispatcher(ManualClock())


def kept(address, dispatcher):
    heard = []
    spawn(Keeper, heard, dispatcher=dispatcher, address=address)
    dispatcher.run_until_idle()
    return heard


def dropped(address):
    return {(entry.message, entry.overflow): entry.count for entry in address.statistics().dropped}


def test_messages_of_a_lane_come_out_as_they_went_in():
    address = Address("keeper")
    for number in range(100):
        address.tell(number)
    assert kept(address, world()) == list(range(100))


def test_control_comes_before_all_waiting_work():
    address = Address("keeper", policy=sort)
    for message in (Note(1), Order(2), Note(3), Order(4)):
        address.tell(message)
    assert kept(address, world()) == [Order(2), Order(4), Note(1), Note(3)]


@pytest.mark.parametrize("capacity", [1, 3, MAILBOX_LIGHT_MESSAGES_MAX, MAILBOX_LIGHT_MESSAGES_MAX + 1])
@pytest.mark.parametrize("policy", [None, sort])
def test_what_has_no_room_is_rejected_and_counted(capacity, policy):
    address = Address("keeper", capacity=capacity, policy=policy)
    for number in range(capacity + 2):
        address.tell(Note(number))
    assert dropped(address) == {("Note", OverflowPolicy.REJECT): 2}
    assert kept(address, world()) == [Note(number) for number in range(capacity)]


def test_drop_oldest_makes_room_for_the_newest():
    address = Address("keeper", capacity=2, policy=sort)
    for number in range(5):
        address.tell(Sighting(number))
    assert dropped(address) == {("Sighting", OverflowPolicy.DROP_OLDEST): 3}
    assert kept(address, world()) == [Sighting(3), Sighting(4)]


def test_drop_oldest_spares_what_must_not_be_dropped():
    address = Address("keeper", capacity=2, policy=sort)
    for message in (Change(1), Sighting(2), Note(3), Sighting(4), Change(5), Sighting(6)):
        address.tell(message)
    # Note(3) found no room; each sighting drove out the one before, and the last of them had to go itself.
    assert kept(address, world()) == [Change(1), Change(5)]
    assert sum(dropped(address).values()) == 4


def test_changes_are_taken_in_beyond_the_bound():
    address = Address("keeper", capacity=1, policy=sort)
    for number in range(10):
        address.tell(Change(number))
    assert dropped(address) == {}
    assert kept(address, world()) == [Change(number) for number in range(10)]


def test_only_the_latest_reading_of_a_key_waits():
    address = Address("keeper", policy=sort)
    for message in (Reading(1, 1), Reading(2, 2), Note(3), Reading(4, 1), Reading(5, 1)):
        address.tell(message)
    assert len(address) == 3
    assert kept(address, world()) == [Reading(5, 1), Reading(2, 2), Note(3)]
    assert dropped(address) == {("Reading", OverflowPolicy.COALESCE_LATEST): 2}


def test_a_reading_of_a_new_key_needs_room():
    address = Address("keeper", capacity=1, policy=sort)
    for message in (Reading(1, 1), Reading(2, 2), Reading(3, 1)):
        address.tell(message)
    assert dropped(address) == {("Reading", OverflowPolicy.COALESCE_LATEST): 2}
    assert kept(address, world()) == [Reading(3, 1)]


def test_a_question_without_room_is_answered_at_once():
    address = Address("keeper", capacity=1)
    address.tell(1)
    with pytest.raises(MailboxFull, match="1 messages wait"):
        address.ask(2, ENDLESS_S)


def test_a_question_that_is_driven_out_is_answered():
    class Asked(NamedTuple):
        number: int

    address = Address("keeper", capacity=1, policy=lambda _: Delivery(overflow=OverflowPolicy.DROP_OLDEST))
    future = address._question(Asked(1))
    address.tell(Asked(2))
    with pytest.raises(MailboxFull):
        future.get(timeout=0)


def test_a_policy_that_fails_does_not_reach_the_sender(caplog):
    def broken(message):
        raise LookupError(message)

    address = Address("keeper", policy=broken)
    address.tell(Note(1))
    assert kept(address, world()) == [Note(1)]
    assert "The mailbox policy failed for a Note" in caplog.text


messages = st.lists(
    st.one_of(
        st.builds(Note, st.integers(0, 9)),
        st.builds(Order, st.integers(0, 9)),
        st.builds(Change, st.integers(0, 9)),
        st.builds(Sighting, st.integers(0, 9)),
        st.builds(Reading, st.integers(0, 9), st.integers(0, 2)),
        st.sampled_from(["run", "step", "crash", "restart", "close"]),
    ),
    max_size=60,
)


class Fragile(Keeper):
    def on_receive(self, message):
        if message == Note(13):
            raise ValueError(message)
        return super().on_receive(message)


def play(script, capacity):
    """Run a script of messages and events. Returns the address, what was sent and what was heard."""
    dispatcher = SimulatedDispatcher(ManualClock(), turn_messages=1)
    address, heard, sent = Address("keeper", capacity=capacity, policy=sort), [], []
    for entry in script:
        match entry:
            case "run":
                dispatcher.run_until_idle()
            case "step":
                dispatcher.step()
            case "restart":
                if not address.alive and not address.closed:
                    spawn(Fragile, heard, dispatcher=dispatcher, address=address, on_exit=lambda *_: None)
            case "close":
                address.close()
            case "crash":
                address.tell(Note(13))
                sent.append(Note(13))
            case message:
                address.tell(message)
                sent.append(message)
    return dispatcher, address, sent, heard


@given(messages, st.integers(1, 6))
def test_every_accepted_message_is_somewhere(script, capacity):
    dispatcher, address, sent, heard = play(script, capacity)
    crashes = address.statistics().handled - len(heard)
    for _ in range(2):
        figures = address.statistics()
        assert len(sent) == figures.handled + figures.queued + figures.dropped_total + figures.dead
        dispatcher.run_until_idle()
    assert crashes >= 0
    assert not Counter(heard) - Counter(sent)


@given(messages, st.integers(1, 6))
def test_control_and_changes_are_never_dropped(script, capacity):
    _, address, *_ = play(script, capacity)
    assert not {"Order", "Change"} & {entry.message for entry in address.statistics().dropped}


@given(messages, st.integers(1, 6))
def test_the_bound_holds_for_what_may_be_dropped(script, capacity):
    _, address, sent, _ = play(script, capacity)
    kept_anyway = sum(isinstance(message, Order | Change) for message in sent)
    assert address.statistics().queued <= capacity + kept_anyway


def test_threads_that_race_lose_nothing(tiny_switches):
    address = Address("keeper", capacity=50, policy=sort)
    heard, dispatcher = [], world()
    spawn(Keeper, heard, dispatcher=dispatcher, address=address)
    makers = (Note, Order, Change, Sighting, Reading)

    def send(make):
        for number in range(2_000):
            address.tell(make(number))

    threads = [threading.Thread(target=send, args=(make,)) for make in makers for _ in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        dispatcher.run_until_idle()
    dispatcher.run_until_idle()
    figures = address.statistics()
    assert len(threads) * 2_000 == figures.handled + figures.dropped_total
    assert (figures.queued, figures.handled) == (0, len(heard))
    assert heard[-1] is not None
    assert [number for kind, number in ((type(m), m.number) for m in heard) if kind is Change].count(
        1_999
    ) == 2


class LateMail(deque):
    """Mail into which a sender puts something right after the reader found it empty for the nth time."""

    def __init__(self, checks, send):
        super().__init__()
        self.checks = checks
        self.send = send

    def __bool__(self):
        filled = len(self) > 0
        if not filled:
            self.checks -= 1
            if self.checks == 0:
                self.send()
        return filled


@pytest.mark.parametrize("checks", range(1, 8))
def test_mail_that_comes_as_the_actor_goes_idle_is_handled(checks):
    address, heard, dispatcher = Address("keeper"), [], world()
    address._work = LateMail(checks, lambda: address.tell("late"))
    spawn(Keeper, heard, dispatcher=dispatcher, address=address)
    address.tell("early")
    dispatcher.run_until_idle()
    assert heard in (["early", "late"], ["late", "early"], ["early"])
    assert (heard == ["early"]) == (address._work.checks > 0)


@pytest.mark.parametrize("step", ["_armed", "_latest"])
def test_a_reading_stored_while_one_is_taken_is_not_lost(step):
    coalesced, markers = Coalesced(), []

    class Racing(dict):
        raced = False

        def pop(self, *arguments):
            if not self.raced:
                self.raced = True
                markers.append(coalesced.store("key", "newer"))
            return super().pop(*arguments)

    setattr(coalesced, step, Racing())
    first = coalesced.store("key", "older")
    taken = [first.open()]
    for marker in filter(None, markers):
        with suppress(KeyError):
            taken.append(marker.open())
    assert taken[-1] == "newer"


def test_a_question_to_a_closed_mailbox_is_answered():
    address = Address("keeper")
    address.close()
    with pytest.raises(ActorDeadError):
        address.ask(1, ENDLESS_S)
