"""Virtual time, and the choice of the next turn."""

import random
import threading

import pytest
from execution_models import SimulatedActor
from pykka import Timeout
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.mailbox.address import Address
from watchkeeper.actors.dispatch.run.future import DispatchedFuture
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.run.would_deadlock import WouldDeadlock
from watchkeeper.actors.dispatch.spawning import spawn
from watchkeeper.domain import limits
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.testing.clock import ManualClock

from tests.support.left_behind import threads_since

HOUR_S = 3_600


class Caller(DispatchedActor):
    def on_receive(self, message):
        return message()


class Writer(DispatchedActor):
    def __init__(self, name, trace):
        super().__init__()
        self.name = name
        self.trace = trace

    def on_receive(self, message):
        self.trace.append((self.name, message))


def trace_of(choose, turn_messages=1):
    dispatcher = SimulatedDispatcher(ManualClock(), choose, turn_messages=turn_messages)
    trace = []
    for name in "abc":
        address = spawn(Writer, name, trace, dispatcher=dispatcher)
        for number in range(3):
            address.tell(number)
    dispatcher.run_until_idle()
    return trace


def test_without_a_choice_actors_run_in_order():
    assert trace_of(None) == [(name, number) for number in range(3) for name in "abc"]
    assert trace_of(None, turn_messages=32) == [(name, number) for name in "abc" for number in range(3)]


def test_the_choice_decides_which_actor_runs_next():
    assert trace_of(lambda count: count - 1) == [(name, number) for name in "cba" for number in range(3)]


def test_the_same_seed_gives_the_same_trace():
    traces = {seed: tuple(trace_of(random.Random(seed).randrange)) for seed in range(20)}
    assert traces == {seed: tuple(trace_of(random.Random(seed).randrange)) for seed in range(20)}
    assert len(set(traces.values())) > 10


@pytest.mark.parametrize("seed", range(20))
def test_messages_to_one_actor_stay_in_order_whatever_is_chosen(seed):
    trace = trace_of(random.Random(seed).randrange)
    for name in "abc":
        assert [number for who, number in trace if who == name] == [0, 1, 2]


def test_time_moves_only_when_no_actor_can_run():
    clock = ManualClock()
    dispatcher, seen = SimulatedDispatcher(clock), []
    begin_ns = clock.read().monotonic_ns
    address = spawn(Caller, dispatcher=dispatcher)

    def note():
        seen.append((clock.read().monotonic_ns - begin_ns) // NS_PER_S)

    dispatcher.call_at(begin_ns + 5 * NS_PER_S, lambda: address.tell(note))
    dispatcher.call_at(begin_ns + 2 * NS_PER_S, lambda: address.tell(note))
    address.tell(note)
    assert dispatcher.run_until_idle() == 1
    assert seen == [0]
    assert dispatcher.next_alarm_ns() == begin_ns + 2 * NS_PER_S
    assert dispatcher.run_until(begin_ns + HOUR_S * NS_PER_S) == 4
    assert seen == [0, 2, 5]
    assert clock.read().monotonic_ns == begin_ns + HOUR_S * NS_PER_S


def test_a_clock_that_others_move_rings_what_became_due():
    clock, rang = ManualClock(), []
    dispatcher = SimulatedDispatcher(clock)
    dispatcher.call_at(clock.read().monotonic_ns + NS_PER_S, lambda: rang.append(1))
    dispatcher.run_until_idle()
    clock.advance(NS_PER_S)
    dispatcher.run_until_idle()
    assert rang == [1]


def test_alarms_of_one_instant_are_ordered_by_the_choice():
    orders = set()
    for seed in range(20):
        clock, rang = ManualClock(), []
        dispatcher = SimulatedDispatcher(clock, random.Random(seed).randrange)
        due_ns = clock.read().monotonic_ns + NS_PER_S
        for name in "abc":
            dispatcher.call_at(due_ns, lambda name=name, rang=rang: rang.append(name))
        dispatcher.run_until(due_ns)
        orders.add("".join(rang))
    assert len(orders) == 6


def test_a_cancelled_alarm_does_not_move_time():
    clock = ManualClock()
    dispatcher = SimulatedDispatcher(clock)
    dispatcher.call_at(clock.read().monotonic_ns + 1, lambda: None).cancel()
    assert dispatcher.next_alarm_ns() is None
    assert not dispatcher.step()


def test_a_thread_that_asks_runs_the_actors_while_it_waits():
    dispatcher = SimulatedDispatcher(ManualClock())
    assert spawn(Caller, dispatcher=dispatcher).ask(lambda: "here", 1) == "here"


def test_a_question_waits_in_virtual_time():
    clock = ManualClock()
    dispatcher = SimulatedDispatcher(clock)
    begin_ns = clock.read().monotonic_ns
    gate = []

    class Patient(DispatchedActor):
        def on_receive(self, message):
            gate.append(message)

    address = spawn(Patient, dispatcher=dispatcher)
    dispatcher.call_at(begin_ns + HOUR_S * NS_PER_S, lambda: None)
    held = address.question("x")
    assert held.get(timeout=1) is None
    stuck = spawn(Caller, dispatcher=SimulatedDispatcher(clock))
    stuck.stop()
    never = type(held)()
    never.driver = dispatcher
    with pytest.raises(Timeout):
        never.get(timeout=10)
    assert clock.read().monotonic_ns == begin_ns
    with pytest.raises(WouldDeadlock, match="nothing is left to run"):
        never.get()
    assert clock.read().monotonic_ns == begin_ns + HOUR_S * NS_PER_S


def test_waiting_within_a_turn_is_refused():
    dispatcher = SimulatedDispatcher(ManualClock())
    one, two = (spawn(Caller, dispatcher=dispatcher) for _ in range(2))
    with pytest.raises(WouldDeadlock, match="within its own turn"):
        one.ask(lambda: two.ask(dict, 1), 1)


@pytest.mark.parametrize("turns", [10, 11])
def test_actors_that_do_not_become_idle_end_the_simulation(monkeypatch, turns):
    monkeypatch.setattr(limits, "SIMULATED_STEPS_MAX", 10)
    dispatcher = SimulatedDispatcher(ManualClock())
    address, left = spawn(Caller, dispatcher=dispatcher), [turns]

    def again():
        left[0] -= 1
        if left[0]:
            address.tell(again)

    address.tell(again)
    dispatcher.turn_messages = 1
    if turns == 11:
        with pytest.raises(RuntimeError, match="10 turns at one instant"):
            dispatcher.run_until_idle()
    else:
        assert dispatcher.run_until_idle() == turns


@pytest.mark.parametrize(("timeout_s", "answered"), [(2, True), (1.999, False)])
def test_a_question_waits_for_an_alarm_within_its_time(timeout_s, answered):
    clock = ManualClock()
    dispatcher, address = SimulatedDispatcher(clock), Address("late")
    begin_ns = clock.read().monotonic_ns
    spawn(Caller, dispatcher=dispatcher, address=address)
    gate = DispatchedFuture()
    gate.driver = dispatcher
    dispatcher.call_at(begin_ns + 2 * NS_PER_S, lambda: address.tell(lambda: gate.set("here")))
    if answered:
        assert gate.get(timeout=timeout_s) == "here"
        assert clock.read().monotonic_ns == begin_ns + 2 * NS_PER_S
    else:
        with pytest.raises(Timeout):
            gate.get(timeout=timeout_s)
        assert clock.read().monotonic_ns == begin_ns


def test_a_run_counts_its_turns_and_ends_at_its_moment():
    clock = ManualClock()
    dispatcher = SimulatedDispatcher(clock)
    begin_ns = clock.read().monotonic_ns
    for at_ns in (5, 10, 11):
        dispatcher.call_at(begin_ns + at_ns, lambda: None)
    assert dispatcher.run_until(begin_ns + 10) == 2
    assert (dispatcher.steps, clock.read().monotonic_ns) == (2, begin_ns + 10)
    assert dispatcher.run_until(begin_ns + 10) == 0
    assert dispatcher.next_alarm_ns() == begin_ns + 11
    assert (dispatcher.step(), dispatcher.living) == (False, ())
    assert repr(dispatcher) == "<SimulatedDispatcher: 0 actors, 0 ready, 1 alarms>"


def test_living_actors_are_listed_in_the_order_of_their_start():
    dispatcher = SimulatedDispatcher(ManualClock())
    first, second = (spawn(Caller, dispatcher=dispatcher) for _ in range(2))
    assert dispatcher.living == (first, second)
    first.stop()
    dispatcher.run_until_idle()
    assert dispatcher.living == (second,)


def test_a_turn_that_raises_leaves_the_dispatcher_free():
    dispatcher = SimulatedDispatcher(ManualClock())

    class Broken:
        def run_turn(self):
            raise LookupError("broken")

    dispatcher.schedule(Broken())
    with pytest.raises(LookupError, match="broken"):
        dispatcher.step()
    assert spawn(Caller, dispatcher=dispatcher).ask(lambda: "here", 1) == "here"


def test_the_simulation_makes_no_thread():
    before = set(threading.enumerate())
    trace_of(None)
    assert threads_since(before) == set()


def test_the_stock_simulated_actor_runs_by_itself():
    class Echo(SimulatedActor):
        def on_receive(self, message):
            return message

    reference = Echo.start()
    assert reference.ask("hello", timeout=20) == "hello"
    assert reference.stop(timeout=20)
    assert not reference.is_alive()
