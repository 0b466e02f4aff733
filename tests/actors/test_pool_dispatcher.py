"""Blocking actors on a bounded number of threads."""

import threading

import pytest
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.run.pool import PoolDispatcher
from watchkeeper.actors.dispatch.run.would_deadlock import WouldDeadlock
from watchkeeper.actors.dispatch.spawning import spawn
from watchkeeper.domain.errors import UsageError

SOON_S = 20.0


class Caller(DispatchedActor):
    def on_receive(self, message):
        return message()


def test_actors_block_side_by_side_up_to_the_bound(pool_dispatcher):
    together = threading.Barrier(3, timeout=SOON_S)
    addresses = [spawn(Caller, dispatcher=pool_dispatcher) for _ in range(3)]
    questions = [address.question(together.wait) for address in addresses]
    assert sorted(question.get(timeout=SOON_S) for question in questions) == [0, 1, 2]


def test_threads_are_made_as_actors_come_and_no_more_than_allowed(pool_dispatcher):
    counts = []
    for _ in range(5):
        spawn(Caller, dispatcher=pool_dispatcher)
        counts.append(sum(thread.name.startswith("pool-") for thread in threading.enumerate()))
    assert counts == [1, 2, 3, 3, 3]


def test_one_actor_is_run_by_one_thread_at_a_time(pool_dispatcher, tiny_switches):
    class Counter(DispatchedActor):
        mailbox_capacity = 100_000
        count = 0
        inside = 0
        overlaps = 0

        def on_receive(self, message):
            self.inside += 1
            if self.inside > 1:
                self.overlaps += 1
            self.count += 1
            self.inside -= 1
            return self.count, self.overlaps

    spawn(Caller, dispatcher=pool_dispatcher)
    spawn(Caller, dispatcher=pool_dispatcher)
    address = spawn(Counter, dispatcher=pool_dispatcher)

    def send():
        for number in range(3_000):
            address.tell(number)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    while len(address):
        address.ask("drain", SOON_S)
    count, overlaps = address.ask("last", SOON_S)
    assert pool_dispatcher.stop(SOON_S) == ()
    assert overlaps == 0
    assert count >= 12_001


def test_an_actor_that_comes_after_another_has_ended_takes_its_thread(pool_dispatcher):
    for _ in range(3):
        ended = threading.Event()
        spawn(Caller, dispatcher=pool_dispatcher, on_exit=lambda *_, ended=ended: ended.set()).stop()
        assert ended.wait(SOON_S)
    assert "0 actors, 1 threads" in repr(pool_dispatcher)


def test_a_turn_is_handed_on_only_after_the_context_was_left():
    """Another thread may run the next turn at once, and must find the actor's context free."""

    class Eager(PoolDispatcher):
        entered = 0

        def schedule(self, runnable):
            context = getattr(runnable, "_context", None)
            try:
                if context is not None:
                    context.run(int)
            except RuntimeError:
                self.entered += 1
            super().schedule(runnable)

    dispatcher = Eager(2)
    dispatcher.turn_messages = 1
    address = spawn(Caller, dispatcher=dispatcher)
    for _ in range(10):
        address.tell(int)
    address.ask(int, SOON_S)
    assert dispatcher.stop(SOON_S) == ()
    assert dispatcher.entered == 0


def test_waiting_on_a_thread_of_the_pool_is_refused(pool_dispatcher):
    address, other = (spawn(Caller, dispatcher=pool_dispatcher) for _ in range(2))
    with pytest.raises(WouldDeadlock):
        address.ask(lambda: other.ask(dict, SOON_S), SOON_S)


def test_a_turn_that_does_not_end_is_named_at_the_stop():
    dispatcher, gate, begun = PoolDispatcher(2, "crew"), threading.Event(), threading.Event()
    spawn(Caller, dispatcher=dispatcher).tell(lambda: (begun.set(), gate.wait(SOON_S)))
    spawn(Caller, dispatcher=dispatcher)
    assert begun.wait(SOON_S)
    (left,) = dispatcher.stop(0.05)
    assert left.startswith("crew-")
    assert "Address Caller" in left
    gate.set()
    assert dispatcher.stop(SOON_S) == ()
    assert not any(thread.name.startswith("crew-") for thread in threading.enumerate())


def test_a_stopped_pool_takes_no_actor():
    dispatcher = PoolDispatcher(1)
    assert dispatcher.stop(0) == ()
    with pytest.raises(UsageError, match="has been stopped"):
        spawn(Caller, dispatcher=dispatcher)
