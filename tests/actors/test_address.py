"""Addresses outlive their actors, and every incarnation ends exactly once."""

import asyncio
import contextvars
import gc
import tracemalloc
import weakref

import pytest
from pykka import ActorDeadError, ActorRegistry
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.mailbox.address import Address
from watchkeeper.actors.dispatch.mailbox.dead_letters import DeadLetters
from watchkeeper.actors.dispatch.mailbox.mailbox import ExitReason
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import address_for, spawn
from watchkeeper.domain.errors import UsageError
from watchkeeper.domain.policy import OverflowPolicy
from watchkeeper.testing.clock import ManualClock

SOON_S = 20.0
FATAL = [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(), ValueError("bug")]


class Fragile(DispatchedActor):
    """Raises the given error in the given method."""

    def __init__(self, heard, *, on_start=None, on_stop=None):
        super().__init__()
        self.heard = heard
        self.start_error = on_start
        self.stop_error = on_stop

    def on_start(self):
        self.heard.append(f"start {self.address.epoch}")
        if self.start_error is not None:
            raise self.start_error

    def on_stop(self):
        self.heard.append("stop")
        if self.stop_error is not None:
            raise self.stop_error

    def on_receive(self, message):
        if isinstance(message, BaseException):
            raise message
        self.heard.append(message)
        return message


class Exits(list):
    """The exits that the callback has received."""

    def __call__(self, address, epoch, reason, error):
        self.append((address.name, epoch, reason, error))


@pytest.fixture
def dispatcher():
    return SimulatedDispatcher(ManualClock())


def test_mail_waits_for_the_first_incarnation(dispatcher):
    address, heard = Address("a"), []
    address.tell("early")
    spawn(Fragile, heard, dispatcher=dispatcher, address=address)
    address.tell("late")
    dispatcher.run_until_idle()
    assert heard == ["start 1", "early", "late"]


@pytest.mark.parametrize("error", FATAL, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("asked", [False, True])
def test_a_crash_costs_its_own_actor_and_nothing_else(dispatcher, error, asked):
    exits, heard, others = Exits(), [], []
    address = spawn(Fragile, heard, dispatcher=dispatcher, on_exit=exits)
    other = spawn(Fragile, others, dispatcher=dispatcher)
    question = address.question(error) if asked else address.tell(error)
    other.tell("after")
    dispatcher.run_until_idle()
    assert exits == [("Fragile", 1, ExitReason.CRASHED, error)]
    assert (address.alive, other.alive, others) == (False, True, ["start 1", "after"])
    if asked:
        with pytest.raises(type(error) if isinstance(error, Exception) else ActorDeadError):
            question.get(timeout=0)


def test_messages_queued_at_a_crash_go_to_the_next_incarnation_in_order(dispatcher):
    exits, heard = Exits(), []
    address = spawn(Fragile, heard, dispatcher=dispatcher, on_exit=exits)
    for message in (1, ValueError("bug"), 2, 3):
        address.tell(message)
    dispatcher.run_until_idle()
    address.tell(4)
    question = address.question(5)
    spawn(Fragile, heard, dispatcher=dispatcher, address=address, on_exit=exits)
    dispatcher.run_until_idle()
    assert heard == ["start 1", 1, "start 2", 2, 3, 4, 5]
    assert question.get(timeout=0) == 5
    assert (address.epoch, len(address)) == (2, 0)


def test_an_actor_may_be_restarted_in_its_exit_callback(dispatcher):
    heard = []

    def restart(address, epoch, reason, error):
        if epoch < 3:
            spawn(Fragile, heard, dispatcher=dispatcher, address=address, on_exit=restart)

    address = spawn(Fragile, heard, dispatcher=dispatcher, on_exit=restart)
    for message in (ValueError(1), "a", ValueError(2), "b"):
        address.tell(message)
    dispatcher.run_until_idle()
    assert heard == ["start 1", "start 2", "a", "start 3", "b"]


@pytest.mark.parametrize("error", FATAL, ids=lambda error: type(error).__name__)
def test_a_failed_start_is_an_exit_and_keeps_the_mail(dispatcher, error):
    exits, heard = Exits(), []
    address = spawn(Fragile, heard, dispatcher=dispatcher, on_exit=exits, on_start=error)
    address.tell("kept")
    dispatcher.run_until_idle()
    assert exits == [("Fragile", 1, ExitReason.START_FAILED, error)]
    assert (heard, len(address)) == (["start 1"], 1)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, ExitReason.NORMAL),
        (ValueError("bug"), ExitReason.STOP_FAILED),
        (SystemExit(1), ExitReason.CRASHED),
    ],
)
def test_a_stopped_actor_says_how_it_stopped(dispatcher, error, reason):
    exits = Exits()
    address = spawn(Fragile, [], dispatcher=dispatcher, on_exit=exits, on_stop=error)
    address.stop()
    address.stop()
    dispatcher.run_until_idle()
    assert exits == [("Fragile", 1, reason, error)]


def test_a_stop_waits_for_the_work_before_it(dispatcher):
    heard = []
    address = spawn(Fragile, heard, dispatcher=dispatcher)
    address.tell(1)
    address.stop()
    address.tell(2)
    dispatcher.run_until_idle()
    assert heard == ["start 1", 1, "stop"]


def test_a_dismissed_actor_stops_before_the_work_that_waits(dispatcher):
    heard, exits, letters = [], Exits(), DeadLetters(lambda: 0)
    address = address_for(Fragile, "a", dead_letters=letters)
    spawn(Fragile, heard, dispatcher=dispatcher, address=address, on_exit=exits)
    address.tell(1)
    question = address.question(2)
    address.dismiss()
    address.tell(3)
    dispatcher.run_until_idle()
    assert (heard, exits) == (["start 1", "stop"], [])
    assert (address.closed, letters.total) == (True, 3)
    with pytest.raises(ActorDeadError):
        question.get(timeout=0)


def test_an_idle_actor_is_dismissed_at_once(dispatcher):
    heard = []
    address = spawn(Fragile, heard, dispatcher=dispatcher, on_exit=Exits())
    dispatcher.run_until_idle()
    address.dismiss()
    dispatcher.run_until_idle()
    assert (heard, address.closed) == (["start 1", "stop"], True)


@pytest.mark.parametrize("lived", [False, True])
def test_an_address_without_an_actor_closes_as_it_is_dismissed(dispatcher, lived):
    address = Address("a", dead_letters=DeadLetters(lambda: 0))
    if lived:
        spawn(Fragile, [], dispatcher=dispatcher, address=address, on_exit=Exits()).tell(ValueError("bug"))
        dispatcher.run_until_idle()
    address.dismiss()
    assert address.closed


def test_the_last_hook_runs_however_an_actor_ends(dispatcher):
    class Owner(Fragile):
        def on_end(self):
            ended.append(self.address.epoch)

    for errors, told in (({"on_start": ValueError("bug")}, 1), ({}, ValueError("bug")), ({}, None)):
        ended, exits = [], Exits()
        address = spawn(Owner, [], dispatcher=dispatcher, on_exit=exits, **errors)
        if told is None:
            address.stop()
        else:
            address.tell(told)
        dispatcher.run_until_idle()
        assert (ended, len(exits)) == ([1], 1)


def test_an_exit_callback_may_fail_harmlessly(dispatcher, caplog):
    def fail(*_):
        raise LookupError("no supervisor")

    address = spawn(Fragile, [], dispatcher=dispatcher, on_exit=fail)
    address.stop()
    dispatcher.run_until_idle()
    assert "The exit callback failed after Fragile ended (normal)" in caplog.text


def test_without_anybody_to_restart_it_the_address_closes(dispatcher):
    address = spawn(Fragile, [], dispatcher=dispatcher)
    question = address.question(1)
    address.tell(ValueError("bug"))
    behind = address.question(2)
    dispatcher.run_until_idle()
    assert address.closed
    assert question.get(timeout=0) == 1
    with pytest.raises(ActorDeadError):
        behind.get(timeout=0)


def test_a_message_to_a_closed_address_is_a_dead_letter(dispatcher):
    letters = DeadLetters(lambda: 0)
    address = address_for(Fragile, "a", dead_letters=letters)
    address.tell(1)
    address.close()
    address.tell("two")
    address.tell("three")
    assert (letters.total, len(address)) == (3, 0)
    with pytest.raises(UsageError, match="closed"):
        spawn(Fragile, [], dispatcher=dispatcher, address=address)


def test_a_closed_address_lets_its_actor_finish(dispatcher):
    heard, letters = [], DeadLetters(lambda: 0)
    address = address_for(Fragile, "a", dead_letters=letters)
    spawn(Fragile, heard, dispatcher=dispatcher, address=address)
    address.tell(1)
    address.close()
    address.tell(2)
    dispatcher.run_until_idle()
    assert (heard, letters.total) == (["start 1", 1], 1)


def test_a_sender_overtaken_by_the_close_gets_the_true_error():
    """The address closes between the sender's look at it and its putting of the question."""
    letters = DeadLetters(lambda: 0)

    def close_and_keep(_):
        address.close()
        return OverflowPolicy.NEVER_DROP

    address = Address("a", capacity=1, dead_letters=letters, policy=close_and_keep)
    address.tell("early")
    question = address.question("late")
    with pytest.raises(ActorDeadError):
        question.get(timeout=0)
    assert (letters.total, address.dropped, len(address)) == (2, 0, 0)


def test_two_living_actors_cannot_share_an_address(dispatcher):
    address = spawn(Fragile, [], dispatcher=dispatcher)
    with pytest.raises(UsageError, match="taken by a living actor"):
        spawn(Fragile, [], dispatcher=dispatcher, address=address)


def test_a_constructor_that_raises_leaves_the_address_free(dispatcher):
    address, heard = Address("a"), []
    with pytest.raises(TypeError):
        spawn(Fragile, dispatcher=dispatcher, address=address)
    spawn(Fragile, heard, dispatcher=dispatcher, address=address)
    dispatcher.run_until_idle()
    assert heard == ["start 1"]


def test_spawned_actors_stay_out_of_the_global_registry(dispatcher):
    class Seen(Fragile):
        def on_receive(self, message):
            self.heard.append((self.actor_ref, self.actor_urn))

    heard = []
    address = spawn(Seen, heard, dispatcher=dispatcher)
    address.tell("who are you")
    dispatcher.run_until_idle()
    reference, urn = heard[-1]
    assert (reference.actor_urn, urn) == ("urn:watchkeeper:Seen:1", "urn:watchkeeper:Seen:1")
    assert ActorRegistry.get_all() == []
    address.stop()
    dispatcher.run_until_idle()
    assert reference.actor_stopped.wait(0)


def test_a_reference_reaches_a_spawned_actor_too(dispatcher):
    references = []

    class Own(Fragile):
        def on_start(self):
            references.append(self.actor_ref)

    address = spawn(Own, [], dispatcher=dispatcher)
    dispatcher.run_until_idle()
    future = references[0].ask("hello", block=False)
    assert future.get(timeout=1) == "hello"
    assert references[0].stop(timeout=1)
    assert not address.alive


def test_each_actor_has_a_context_of_its_own(dispatcher):
    colour = contextvars.ContextVar("colour", default="none")

    class Painter(DispatchedActor):
        def on_receive(self, message):
            before = colour.get()
            colour.set(message)
            return before

    colour.set("outer")
    one, two = (spawn(Painter, dispatcher=dispatcher) for _ in range(2))
    assert [one.ask("red", 1), two.ask("blue", 1), one.ask("green", 1)] == ["outer", "outer", "red"]
    assert colour.get() == "outer"


def test_an_actor_lives_without_anybody_holding_it(dispatcher):
    heard = []
    spawn(Fragile, heard, dispatcher=dispatcher).tell("kept")
    gc.collect()
    dispatcher.run_until_idle()
    assert heard == ["start 1", "kept"]


def test_an_ended_actor_is_let_go(dispatcher):
    seen = []

    class Seen(Fragile):
        def on_start(self):
            seen.append(weakref.ref(self))

    spawn(Seen, [], dispatcher=dispatcher).stop()
    dispatcher.run_until_idle()
    gc.collect()
    assert seen[0]() is None
    assert "0 actors" in repr(dispatcher)


def test_the_first_error_is_the_one_that_is_reported(dispatcher):
    class Clumsy(Fragile):
        def on_failure(self, *_):
            raise LookupError("second")

    exits = Exits()
    spawn(Clumsy, [], dispatcher=dispatcher, on_exit=exits).tell(ValueError("first"))
    dispatcher.run_until_idle()
    assert [(reason, repr(error)) for _, _, reason, error in exits] == [
        (ExitReason.CRASHED, "ValueError('first')")
    ]


def test_an_idle_actor_costs_less_than_a_kilobyte(dispatcher):
    class Idle(DispatchedActor):
        mailbox_capacity = 16

        def on_receive(self, message):
            return message

    count = 2_000
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(count):
        spawn(Idle, dispatcher=dispatcher, address=address_for(Idle, str(number))).tell(number)
    dispatcher.run_until_idle()
    per_actor = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    assert per_actor < 1_024


def test_a_stock_actor_has_no_address():
    with pytest.raises(UsageError, match="without an address"):
        _ = Fragile([]).address
    with pytest.raises(UsageError, match="names no execution model"):
        Fragile.start([])
    ActorRegistry.stop_all(block=False)
    for reference in ActorRegistry.get_all():
        ActorRegistry.unregister(reference)
