"""The blocking cache, with real threads: every wait is for an event, with an end."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from watchkeeper.adapters.cache import Loaded
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.threaded_cache import ThreadedSingleFlight, WaitedTooLong
from watchkeeper.domain.errors import UsageError
from watchkeeper.domain.moment import NS_PER_MS, NS_PER_S, Deadline

from tests.adapters.readings import FRESH_NS, THREADS, Reading, policy


def soon(within_ns=10 * NS_PER_S):
    return Deadline.after(SystemClock().read(), within_ns)


@pytest.fixture
def threads():
    with ThreadPoolExecutor(THREADS) as pool:
        yield pool


@pytest.fixture
def watched():
    return WatchedClock()


def blocking(clock=None, **settings):
    return ThreadedSingleFlight(policy(**settings), clock or SystemClock())


class Gate:
    """A loader that says when it has begun, and ends when it is let."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.begun = threading.Event()
        self.release = threading.Event()
        self.loads = 0

    def __call__(self):
        self.loads += 1
        self.begun.set()
        assert self.release.wait(10)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


class WatchedClock:
    """A clock that tells how often it was read: once by who leads a load, twice by who joins one."""

    def __init__(self, clock=None):
        self.clock = clock or SystemClock()
        self.reads = 0
        self.told = threading.Condition()

    def read(self):
        with self.told:
            self.reads += 1
            self.told.notify_all()
        return self.clock.read()

    def wait_for(self, leaders, joiners):
        with self.told:
            assert self.told.wait_for(lambda: self.reads >= leaders + 2 * joiners, 10)


def test_eight_threads_at_a_cold_entry_cause_one_load(threads, watched):
    cache, barrier, gate = blocking(watched), threading.Barrier(THREADS), Gate(Reading((1,)))

    def ask():
        barrier.wait(10)
        return cache.get("a", gate, soon())

    asked = [threads.submit(ask) for _ in range(THREADS)]
    watched.wait_for(leaders=1, joiners=THREADS - 1)
    gate.release.set()

    assert [each.result(10) for each in asked] == [Loaded(Reading((1,)))] * THREADS
    assert gate.loads == 1


def test_eight_threads_at_an_expired_entry_cause_one_load(threads, clock):
    watched = WatchedClock(clock)
    cache, barrier, gate = blocking(watched), threading.Barrier(THREADS), Gate("new")
    late = Deadline(clock.read().monotonic_ns + 2 * FRESH_NS)
    assert cache.get("a", lambda: "old", late) == Loaded("old")
    clock.advance(FRESH_NS + 1)

    def ask():
        barrier.wait(10)
        return cache.get("a", gate, late)

    asked = [threads.submit(ask) for _ in range(THREADS)]
    watched.wait_for(leaders=2, joiners=THREADS - 1)
    gate.release.set()

    assert [each.result(10) for each in asked] == [Loaded("new")] * THREADS
    assert gate.loads == 1


def test_what_threads_invalidate_while_loading_is_not_stored(threads):
    cache, gate = blocking(), Gate("old")
    asked = threads.submit(cache.get, "a", gate, soon())
    assert gate.begun.wait(10)

    cache.invalidate("a")
    later = cache.get("a", lambda: "new", soon())
    gate.release.set()

    assert asked.result(10) == Loaded("old")
    assert later == Loaded("new")
    assert cache.get("a", lambda: "newer", soon()) == Loaded("new")


def test_a_failing_loader_fails_every_thread_once(threads, watched):
    cache, gate = blocking(watched), Gate(OSError("down"))
    asked = [threads.submit(cache.get, "a", gate, soon()) for _ in range(THREADS)]
    watched.wait_for(leaders=1, joiners=THREADS - 1)
    gate.release.set()

    assert {type(each.result(10).error) for each in asked} == {OSError}
    assert gate.loads == 1
    assert cache.get("a", lambda: "up", soon()) == Loaded("up"), "the failure was kept"


def test_a_leader_that_is_torn_away_is_replaced(threads, watched):
    cache, gate = blocking(watched), Gate(KeyboardInterrupt())
    leader = threads.submit(cache.get, "a", gate, soon())
    assert gate.begun.wait(10)
    loads = []
    others = [threads.submit(cache.get, "a", lambda: loads.append(1) or "x", soon()) for _ in range(3)]
    watched.wait_for(leaders=1, joiners=3)
    gate.release.set()

    assert isinstance(leader.exception(10), KeyboardInterrupt)
    assert [each.result(10) for each in others] == [Loaded("x")] * 3
    assert loads == [1]


def test_nobody_waits_longer_than_the_deadline(threads):
    cache, gate = blocking(), Gate("x")
    leader = threads.submit(cache.get, "a", gate, soon())
    assert gate.begun.wait(10)

    assert cache.get("a", gate, soon(30 * NS_PER_MS)) == WaitedTooLong()

    gate.release.set()
    assert leader.result(10) == Loaded("x")
    assert gate.loads == 1


def test_no_load_begins_with_no_time_left():
    cache, loads = blocking(), []

    assert cache.get("a", lambda: loads.append(1), soon(0)) == WaitedTooLong()

    assert loads == []
    assert cache.statistics().loading == 0


def test_a_loader_that_asks_for_its_own_key_does_not_hang():
    cache = blocking()

    answer = cache.get("a", lambda: cache.get("a", lambda: "inner", soon(20 * NS_PER_MS)), soon())

    assert answer == Loaded(WaitedTooLong())


def test_threads_share_no_mutable_value():
    cache = blocking()

    assert isinstance(cache.get("a", lambda: [1], soon()).error, UsageError)
    cache.clear()
    assert cache.statistics().entries == 0
