"""Bounds and overflow policies, and where every message is in the end."""

import threading
import tracemalloc
from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from interleaving import interleaved
from pykka import ActorDeadError
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.mailbox.address import Address
from watchkeeper.actors.dispatch.mailbox.dead_letters import DeadLetters
from watchkeeper.actors.dispatch.mailbox.message_queue import MailboxFull
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import spawn
from watchkeeper.domain.limits import MAILBOX_LIGHT_MESSAGES_MAX, MAILBOX_SEARCHED_MAX
from watchkeeper.domain.policy import OverflowPolicy
from watchkeeper.testing.clock import ManualClock

ENDLESS_S = 60.0


class Note(NamedTuple):
    number: int


class Change(NamedTuple):
    number: int


class Sighting(NamedTuple):
    number: int


def sort(message):
    match message:
        case Change():
            return OverflowPolicy.NEVER_DROP
        case Sighting():
            return OverflowPolicy.DROP_OLDEST
        case _:
            return OverflowPolicy.REJECT


class Keeper(DispatchedActor):
    """Records its messages."""

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


def test_messages_come_out_as_they_went_in():
    address = Address("keeper")
    for number in range(100):
        address.tell(number)
    assert kept(address, world()) == list(range(100))


@pytest.mark.parametrize("capacity", [1, 3, MAILBOX_LIGHT_MESSAGES_MAX, MAILBOX_LIGHT_MESSAGES_MAX + 1])
@pytest.mark.parametrize("policy", [None, sort])
def test_a_message_without_room_is_rejected_and_counted(capacity, policy):
    address = Address("keeper", capacity=capacity, policy=policy)
    for number in range(capacity + 2):
        address.tell(Note(number))
    assert address.dropped == 2
    assert kept(address, world()) == [Note(number) for number in range(capacity)]


def test_drop_oldest_makes_room_for_the_newest():
    address = Address("keeper", capacity=2, policy=sort)
    for number in range(5):
        address.tell(Sighting(number))
    assert address.dropped == 3
    assert kept(address, world()) == [Sighting(3), Sighting(4)]


def test_drop_oldest_spares_what_must_not_be_dropped():
    address = Address("keeper", capacity=2, policy=sort)
    for message in (Change(1), Sighting(2), Note(3), Sighting(4), Change(5), Sighting(6)):
        address.tell(message)
    # Note(3) found no room; each sighting drove out the one before, and the last of them had to go itself.
    assert kept(address, world()) == [Change(1), Change(5)]
    assert address.dropped == 4


def test_changes_are_taken_in_beyond_the_bound():
    address = Address("keeper", capacity=1, policy=sort)
    for number in range(10):
        address.tell(Change(number))
    assert address.dropped == 0
    assert kept(address, world()) == [Change(number) for number in range(10)]


def test_a_question_without_room_is_answered_at_once():
    address = Address("keeper", capacity=1)
    address.tell(1)
    with pytest.raises(MailboxFull, match="1 messages are queued"):
        address.ask(2, ENDLESS_S)


def test_a_question_that_is_dropped_is_answered():
    class Asked(NamedTuple):
        number: int

    address = Address("keeper", capacity=1, policy=lambda _: OverflowPolicy.DROP_OLDEST)
    future = address.question(Asked(1))
    address.tell(Asked(2))
    with pytest.raises(MailboxFull):
        future.get(timeout=0)


def test_a_policy_that_fails_does_not_reach_the_sender(caplog):
    def broken(message):
        raise LookupError(message)

    address = Address("keeper", capacity=1, policy=broken)
    address.tell(Note(1))
    address.tell(Note(2))
    assert kept(address, world()) == [Note(1)]
    assert "The mailbox policy failed for a Note" in caplog.text


@pytest.mark.parametrize(
    ("before", "after", "dropped"),
    [
        (MAILBOX_SEARCHED_MAX - 1, 100, 2),
        (MAILBOX_SEARCHED_MAX, 100, 1),
        (100, MAILBOX_SEARCHED_MAX - 1, 2),
        (100, MAILBOX_SEARCHED_MAX, 1),
    ],
)
def test_a_message_to_drop_is_searched_for_near_both_ends(before, after, dropped):
    """The queue is over its bound by more than one; the newest is found in any case."""
    address = Address("keeper", capacity=before + 1, policy=sort)
    stays = [Change(number) for number in range(before + after)]
    for message in (*stays[:before], Sighting(1), *stays[before:], Sighting(2)):
        address.tell(message)
    assert address.dropped == dropped
    heard = kept(address, world())
    assert [message for message in heard if not isinstance(message, Sighting)] == stays


def test_a_sender_that_is_interrupted_while_it_makes_room_waits_for_no_lock():
    """A signal handler may send to the very mailbox that the interrupted thread is trimming."""
    interrupted = []

    def policy(message):
        if message == Sighting(1) and len(address) == 3 and not interrupted:
            interrupted.append(True)
            address.tell(Sighting(4))
        return OverflowPolicy.DROP_OLDEST

    address = Address("keeper", capacity=2, policy=policy)
    for number in (1, 2, 3):
        address.tell(Sighting(number))
    assert interrupted
    assert kept(address, world()) == [Sighting(3), Sighting(4)]
    assert address.dropped == 2


def test_a_stop_finds_room_in_a_full_mailbox():
    address = Address("keeper", capacity=1)
    heard, dispatcher = [], world()
    spawn(Keeper, heard, dispatcher=dispatcher, address=address)
    address.tell(Note(1))
    address.stop()
    dispatcher.run_until_idle()
    assert (heard, address.alive) == ([Note(1)], False)


messages = st.lists(
    st.one_of(
        st.builds(Note, st.integers(0, 9)),
        st.builds(Change, st.integers(0, 9)),
        st.builds(Sighting, st.integers(0, 9)),
        st.sampled_from(["run", "step", "crash", "restart", "close"]),
    ),
    max_size=60,
)


class Fragile(Keeper):
    def on_receive(self, message):
        super().on_receive(message)
        if message == Note(13):
            raise ValueError(message)


def play(script, capacity):
    """Runs a script of messages and events. Returns the dispatcher, the address, its dead letters, the sent and the handled."""
    dispatcher, letters = SimulatedDispatcher(ManualClock(), turn_messages=1), DeadLetters(lambda: 0)
    address, heard, sent = Address("keeper", capacity=capacity, policy=sort, dead_letters=letters), [], []
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
    return dispatcher, address, letters, sent, heard


@given(messages, st.integers(1, 6))
def test_every_accepted_message_is_somewhere(script, capacity):
    dispatcher, address, letters, sent, heard = play(script, capacity)
    for _ in range(2):
        assert len(sent) == len(heard) + len(address) + address.dropped + letters.total
        dispatcher.run_until_idle()
    assert not Counter(heard) - Counter(sent)


@given(messages, st.integers(1, 6))
def test_changes_are_never_dropped(script, capacity):
    dispatcher, address, letters, sent, heard = play(
        [entry for entry in script if entry != "close"], capacity
    )
    dispatcher.run_until_idle()
    if not address.alive:
        spawn(Keeper, heard, dispatcher=dispatcher, address=address)
    dispatcher.run_until_idle()
    assert Counter(message for message in sent if isinstance(message, Change)) == Counter(
        message for message in heard if isinstance(message, Change)
    )
    assert letters.total == 0


@given(messages, st.integers(1, 6))
def test_the_bound_holds_for_what_may_be_dropped(script, capacity):
    _, address, _, sent, _ = play(script, capacity)
    assert len(address) <= capacity + sum(isinstance(message, Change) for message in sent)


def test_threads_that_race_lose_nothing(tiny_switches):
    address = Address("keeper", capacity=50, policy=sort)
    heard, dispatcher = [], world()
    spawn(Keeper, heard, dispatcher=dispatcher, address=address)
    makers = (Note, Change, Sighting)

    def send(make):
        for number in range(2_000):
            address.tell(make(number))

    threads = [threading.Thread(target=send, args=(make,)) for make in makers for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        dispatcher.run_until_idle()
    dispatcher.run_until_idle()
    assert len(threads) * 2_000 == len(heard) + address.dropped
    assert len(address) == 0
    changes = Counter(message for message in heard if isinstance(message, Change))
    assert changes == Counter({Change(number): 3 for number in range(2_000)})


MAILBOX = ("mailbox/mailbox.py", "mailbox/address.py", "mailbox/message_queue.py")


def late_message(line, *, policy, turn_messages):
    """Sends a message before the nth line that a turn of the mailbox executes. Returns what the actor got, and whether."""
    address, heard = Address("keeper", policy=policy), []
    dispatcher = SimulatedDispatcher(ManualClock(), turn_messages=turn_messages)
    spawn(Keeper, heard, dispatcher=dispatcher, address=address)
    address.tell("early")
    with interleaved(MAILBOX, line, lambda: address.tell("late")) as sender:
        dispatcher.run_until_idle()
    return heard, sender.happened


@pytest.mark.parametrize("policy", [None, sort])
@pytest.mark.parametrize("turn_messages", [1, 100])
def test_a_message_that_arrives_before_any_line_of_a_turn_is_handled(policy, turn_messages):
    line = 0
    while True:
        heard, arrived = late_message(line, policy=policy, turn_messages=turn_messages)
        if not arrived:
            break
        assert sorted(heard) == ["early", "late"], f"the message before line {line} of the turn"
        line += 1
    assert heard == ["early"]
    assert line >= 20, "a turn executes at least so many lines"


def bytes_of_one(capacity, policy):
    tracemalloc.start()
    kept = [Address("keeper", capacity=capacity, policy=policy) for _ in range(100)]
    size = tracemalloc.get_traced_memory()[0] // len(kept)
    tracemalloc.stop()
    return size


def test_a_small_mailbox_costs_little_memory_and_least_without_a_policy():
    """A runtime has 100,000 pollers, each with a mailbox that is nearly always empty."""
    light, deep = MAILBOX_LIGHT_MESSAGES_MAX, MAILBOX_LIGHT_MESSAGES_MAX + 1
    assert bytes_of_one(light, None) + 500 < bytes_of_one(deep, None)
    assert bytes_of_one(light, None) + 30 < bytes_of_one(light, sort)


def test_a_question_to_a_closed_mailbox_is_answered():
    address = Address("keeper")
    address.close()
    with pytest.raises(ActorDeadError):
        address.ask(1, ENDLESS_S)
