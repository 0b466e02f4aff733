"""Many actors on one event loop, and what is left when it stops."""

import asyncio
import threading
from pathlib import Path

import pytest
from execution_models import LoopActor, errand
from interleaving import Interleaving
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.run.loop import LoopDispatcher
from watchkeeper.actors.dispatch.run.would_deadlock import WouldDeadlock
from watchkeeper.actors.dispatch.spawning import spawn
from watchkeeper.domain.errors import UsageError
from watchkeeper.domain.limits import BATCH_NS_MAX, BATCH_TURNS_MAX, TURN_MESSAGES_MAX, TURN_NS_MAX
from watchkeeper.domain.time.moment import NS_PER_MS

from tests.support.left_behind import threads_since

SOON_S = 20.0


class Echo(DispatchedActor):
    def on_receive(self, message):
        return message() if callable(message) else message


def on_loop(dispatcher, function):
    """Calls the function on the loop's thread and returns its result."""
    results, done = [], threading.Event()
    dispatcher.schedule(errand(lambda: (results.append(function()), done.set())))
    assert done.wait(SOON_S)
    return results[0]


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_actors_share_the_one_thread_of_the_loop(loop_dispatcher):
    addresses = [spawn(Echo, dispatcher=loop_dispatcher) for _ in range(10)]
    threads = {address.ask(threading.get_ident, SOON_S) for address in addresses}
    assert threads == {on_loop(loop_dispatcher, threading.get_ident)}
    assert "10 actors" in repr(loop_dispatcher)


def test_a_stopped_loop_leaves_no_thread_and_no_descriptor():
    threads, before = set(threading.enumerate()), descriptors()
    dispatcher = LoopDispatcher(name="gone")
    dispatcher.start()
    cancelled = threading.Event()

    async def linger():
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    kept = on_loop(dispatcher, lambda: dispatcher.loop.create_task(linger()))
    on_loop(dispatcher, lambda: None)
    assert dispatcher.stop(SOON_S) == ()
    assert cancelled.is_set()
    assert kept.cancelled()
    assert threads_since(threads) == set()
    assert descriptors() <= before
    assert dispatcher.stop(SOON_S) == ()


def test_a_loop_that_was_never_started_closes_too():
    before = descriptors()
    assert LoopDispatcher().stop(0) == ()
    assert descriptors() <= before


def test_a_loop_starts_once():
    dispatcher = LoopDispatcher()
    dispatcher.start()
    with pytest.raises(UsageError, match="started before"):
        dispatcher.start()
    dispatcher.stop(SOON_S)
    with pytest.raises(UsageError, match="started before"):
        dispatcher.start()


def test_a_loop_that_does_not_end_in_time_is_named():
    dispatcher, begun, gate = LoopDispatcher(name="stuck"), threading.Event(), threading.Event()
    dispatcher.start()
    dispatcher.schedule(errand(lambda: (begun.set(), gate.wait(SOON_S))))
    assert begun.wait(SOON_S)
    assert dispatcher.stop(0.01) == ("stuck",)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "stuck")
    gate.set()
    thread.join(SOON_S)


def test_telling_after_the_loop_has_stopped_raises_nothing():
    dispatcher = LoopDispatcher()
    dispatcher.start()
    address = spawn(Echo, dispatcher=dispatcher)
    address.ask("warm", SOON_S)
    dispatcher.stop(SOON_S)
    address.tell("late")
    assert len(address) == 1


def test_waiting_on_the_thread_of_the_loop_is_refused(loop_dispatcher):
    address = spawn(Echo, dispatcher=loop_dispatcher)
    other = spawn(Echo, dispatcher=loop_dispatcher)
    with pytest.raises(WouldDeadlock, match="tell instead"):
        address.ask(lambda: other.ask("hello", SOON_S), SOON_S)


def test_an_answer_that_is_there_may_be_read_anywhere(loop_dispatcher):
    address = spawn(Echo, dispatcher=loop_dispatcher)
    future = address.question("hello")
    assert future.get(timeout=SOON_S) == "hello"
    assert spawn(Echo, dispatcher=loop_dispatcher).ask(future.get, SOON_S) == "hello"


def test_io_gets_its_turn_between_two_batches(loop_dispatcher):
    """Two actors that keep each other busy for ever must not starve the loop."""

    class Busy(DispatchedActor):
        def on_receive(self, message):
            heard.append(1)
            message[0].tell((message[1], message[0]))

    heard, rounds, done = [], [], threading.Event()
    one, two = spawn(Busy, dispatcher=loop_dispatcher), spawn(Busy, dispatcher=loop_dispatcher)
    one.tell((two, one))

    def turn_round():
        rounds.append(len(heard))
        if len(rounds) < 5:
            loop_dispatcher.loop.call_soon(turn_round)
        else:
            done.set()

    loop_dispatcher.loop.call_soon_threadsafe(turn_round)
    assert done.wait(SOON_S)
    assert rounds[-1] > rounds[0]
    one.close()
    two.close()


def test_a_turn_ends_after_its_messages_so_that_others_run(loop_dispatcher):
    order = []

    class Writer(DispatchedActor):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def on_receive(self, message):
            order.append(self.name)

    def fill():
        for name in "ab":
            address = spawn(Writer, name, dispatcher=loop_dispatcher)
            for _ in range(TURN_MESSAGES_MAX + 1):
                address.tell(None)

    on_loop(loop_dispatcher, fill)
    on_loop(loop_dispatcher, lambda: None)
    on_loop(loop_dispatcher, lambda: None)
    assert order == ["a"] * TURN_MESSAGES_MAX + ["b"] * TURN_MESSAGES_MAX + ["a", "b"]


def test_a_slow_turn_ends_after_its_time():
    now_ns = [0]
    dispatcher = LoopDispatcher(monotonic_ns=lambda: now_ns[0])
    order = []

    class Slow(DispatchedActor):
        def on_receive(self, message):
            now_ns[0] += 3 * NS_PER_MS
            order.append(message)

    for name in "ab":
        address = spawn(Slow, dispatcher=dispatcher)
        address.tell(f"{name}1")
        address.tell(f"{name}2")
    dispatcher.start()
    while len(order) < 4:
        on_loop(dispatcher, lambda: None)
    assert order == ["a1", "b1", "a2", "b2"]
    assert dispatcher.stop(SOON_S) == ()


def turns_of(first, *, step_ns, messages):
    """The order in which two actors handle their messages, each of which takes so long and may send the next."""
    now_ns, order = [0], []
    dispatcher = LoopDispatcher(monotonic_ns=lambda: now_ns[0])

    class Slow(DispatchedActor):
        def on_receive(self, message):
            now_ns[0] += step_ns
            order.append(message)
            name, number = message
            if first <= int(number) < messages:
                self.address.tell(f"{name}{int(number) + 1}")

    for name in "ab":
        address = spawn(Slow, dispatcher=dispatcher)
        for number in range(1, first + 1):
            address.tell(f"{name}{number}")
    dispatcher.start()
    while len(order) < 2 * messages:
        on_loop(dispatcher, lambda: None)
    assert dispatcher.stop(SOON_S) == ()
    return order


def test_a_turn_goes_on_until_its_time_is_over():
    assert turns_of(2, step_ns=TURN_NS_MAX, messages=2) == ["a1", "a2", "b1", "b2"]
    assert turns_of(2, step_ns=TURN_NS_MAX + 1, messages=2) == ["a1", "b1", "a2", "b2"]


def test_the_time_of_a_turn_that_began_with_one_message_counts_from_its_second():
    assert turns_of(1, step_ns=TURN_NS_MAX, messages=3) == ["a1", "a2", "a3", "b1", "b2", "b3"]
    assert turns_of(1, step_ns=TURN_NS_MAX + 1, messages=3) == ["a1", "a2", "b1", "b2", "a3", "b3"]


class Wakes(LoopDispatcher):
    """Counts how often a batch is asked for."""

    count = 0

    def _queue_batch(self):
        self.count += 1
        super()._queue_batch()


def test_one_wake_up_serves_many_senders():
    dispatcher, begun, gate = Wakes(), threading.Event(), threading.Event()
    dispatcher.start()
    addresses = [spawn(Echo, dispatcher=dispatcher) for _ in range(BATCH_TURNS_MAX)]
    addresses[0].tell(lambda: (begun.set(), gate.wait(SOON_S)))
    assert begun.wait(SOON_S)
    before = dispatcher.count
    for address in addresses:
        address.tell("meanwhile")
    gate.set()
    addresses[-1].ask("late", SOON_S)
    assert dispatcher.count - before <= 3
    assert dispatcher.stop(SOON_S) == ()


def test_a_batch_ends_after_its_turns_where_time_stands_still():
    dispatcher, done = LoopDispatcher(monotonic_ns=lambda: 0), threading.Event()
    ran, seen = [0], []

    def run():
        if not ran[0]:
            dispatcher.loop.call_soon(lambda: seen.append(ran[0]))
        ran[0] += 1

    for _ in range(3 * BATCH_TURNS_MAX):
        dispatcher.schedule(errand(run))
    dispatcher.schedule(errand(done.set))
    dispatcher.start()
    assert done.wait(SOON_S)
    assert seen == [BATCH_TURNS_MAX]
    assert dispatcher.stop(SOON_S) == ()


@pytest.mark.parametrize(("turn_ns", "turns"), [(BATCH_NS_MAX, 2), (BATCH_NS_MAX + 1, 1)])
def test_a_batch_ends_after_its_time(turn_ns, turns):
    now_ns, ran, seen, done = [0], [0], [], threading.Event()
    dispatcher = LoopDispatcher(monotonic_ns=lambda: now_ns[0])

    def run():
        if not ran[0]:
            dispatcher.loop.call_soon(lambda: seen.append(ran[0]))
        ran[0] += 1
        now_ns[0] += turn_ns

    for _ in range(5):
        dispatcher.schedule(errand(run))
    dispatcher.schedule(errand(done.set))
    dispatcher.start()
    assert done.wait(SOON_S)
    assert seen == [turns]
    assert dispatcher.stop(SOON_S) == ()


def test_alarms_under_sustained_load_leave_each_round_of_the_loop_one_batch():
    """Else every alarm would add a chain of batches that lasts as long as the load, and I/O would starve."""
    now_ns = [0]
    # Time stands still within a round, so that every batch has all of its turns.
    dispatcher = LoopDispatcher(monotonic_ns=lambda: now_ns[0])
    rounds, turns, rang, done = [0], [0], [0], threading.Event()

    class Busy:
        def run_turn(self):
            turns[0] += 1
            if not done.is_set():
                dispatcher.schedule(self)

    def count_rounds():
        rounds[0] += 1
        now_ns[0] += NS_PER_MS
        if not done.is_set():
            dispatcher.loop.call_soon(count_rounds)

    def ring():
        rang[0] += 1
        if rang[0] == 30:
            done.set()
        dispatcher.call_at(now_ns[0] + NS_PER_MS, ring)

    dispatcher.start()
    on_loop(dispatcher, count_rounds)
    dispatcher.schedule(Busy())
    on_loop(dispatcher, ring)
    assert done.wait(SOON_S)
    assert dispatcher.stop(SOON_S) == ()
    assert turns[0] <= (rounds[0] + 2) * BATCH_TURNS_MAX


def interleaved_batch(dispatcher, line):
    """Schedules a turn before the nth line that the rest of a batch executes. Returns whether there was such a line.

    The watch ends with the batch, and nothing else is scheduled meanwhile: a later batch would hide a lost wake-up.
    """
    done = threading.Event()
    late = Interleaving(("run/loop.py",), line, lambda: dispatcher.schedule(errand(done.set)))
    dispatcher.schedule(errand(late.begin))
    assert late.over.wait(SOON_S)
    assert not late.happened or done.wait(SOON_S), f"the turn before line {line} never ran"
    return late.happened


def test_a_turn_that_is_scheduled_before_any_line_of_a_batch_runs():
    dispatcher, line = LoopDispatcher(), 0
    dispatcher.start()
    while interleaved_batch(dispatcher, line):
        line += 1
    assert line >= 8, "the end of a batch executes more lines than that"
    assert dispatcher.stop(SOON_S) == ()


def test_a_callback_that_fails_is_logged_and_forgotten(loop_dispatcher, caplog):
    loop_dispatcher.schedule(errand(lambda: 1 / 0))
    on_loop(loop_dispatcher, lambda: None)
    assert "The callback of an alarm failed" in caplog.text


def test_the_default_loop_is_made_once_and_only_when_needed():
    assert LoopActor.default_dispatcher() is LoopActor.default_dispatcher()
