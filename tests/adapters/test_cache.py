import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from watchkeeper.adapters.cache import Failed, Loaded, SingleFlightCache
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.threaded_cache import ThreadedSingleFlight, WaitedTooLong
from watchkeeper.domain.attempt import CancelOutcome
from watchkeeper.domain.errors import UsageError
from watchkeeper.domain.moment import NS_PER_MS, NS_PER_S, Deadline
from watchkeeper.domain.policy import CachePolicy
from watchkeeper.testing.clock import ManualClock

THREADS = 8
FRESH_NS = 10 * NS_PER_S


class Reading(msgspec.Struct, frozen=True):
    figures: tuple[int, ...]


class Underway:
    """A load that ends when the test says so."""

    def __init__(self, landed, outcome=CancelOutcome.WITHOUT_EFFECT):
        self.land = landed
        self.outcome = outcome
        self.cancelled = 0

    def cancel(self):
        self.cancelled += 1
        return self.outcome


class Source:
    """Counts its loads and leaves them under way."""

    def __init__(self):
        self.loads = []
        self.outcome = CancelOutcome.WITHOUT_EFFECT

    def load(self, landed):
        self.loads.append(Underway(landed, self.outcome))
        return self.loads[-1]


def policy(**settings):
    chosen = {"fresh_for_ns": FRESH_NS, "entries_max": 3, **settings}
    return CachePolicy(name="readings", key="a letter", owner="the test", **chosen)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def source():
    return Source()


def cache_of(**settings):
    return SingleFlightCache(policy(**settings))


def asked(cache, source, clock, key="a", **settings):
    """Ask, and return the waiter and the list that the answer will be put in."""
    answers = []
    return cache.get(key, source.load, answers.append, clock.read(), **settings), answers


def test_many_who_ask_a_cold_entry_cause_one_load(clock, source):
    cache = cache_of()

    answers = [asked(cache, source, clock)[1] for _ in range(THREADS)]
    assert len(source.loads) == 1
    source.loads[0].land(Loaded("x"))

    assert answers == [[Loaded("x")]] * THREADS
    assert (cache.statistics().misses, cache.statistics().joined) == (1, THREADS - 1)


def test_a_kept_value_answers_at_once_until_it_is_too_old(clock, source):
    cache = cache_of()
    asked(cache, source, clock)
    source.loads[0].land(Loaded("x"))

    clock.advance(FRESH_NS)
    waiter, answers = asked(cache, source, clock)
    assert (waiter, answers) == (None, [Loaded("x")])
    clock.advance(1)
    _, answers = asked(cache, source, clock)

    assert answers == []
    assert len(source.loads) == 2


def test_age_counts_from_the_moment_the_load_began(clock, source):
    cache = cache_of()
    asked(cache, source, clock)
    clock.advance(FRESH_NS - 1)
    source.loads[0].land(Loaded("x"))

    clock.advance(2)

    assert cache.peek("a", clock.read()) is None


def test_a_question_may_be_stricter_than_the_policy(clock, source):
    cache = cache_of()
    asked(cache, source, clock)
    source.loads[0].land(Loaded("x"))
    clock.advance(5)

    assert cache.peek("a", clock.read(), 5) == Loaded("x")
    assert cache.peek("a", clock.read(), 4) is None
    assert cache.peek("a", clock.read(), 5) == Loaded("x"), "a strict question threw a fresh value away"


def test_a_step_of_the_wall_clock_makes_nothing_older(clock, source):
    cache = cache_of()
    asked(cache, source, clock)
    source.loads[0].land(Loaded("x"))

    clock.step_wall(10**6 * NS_PER_S)

    assert cache.peek("a", clock.read()) == Loaded("x")


def test_a_failed_load_answers_all_and_is_not_kept(clock, source):
    cache = cache_of()
    answers = [asked(cache, source, clock)[1] for _ in range(3)]
    failure = Failed(OSError("down"))

    source.loads[0].land(failure)

    assert answers == [[failure]] * 3
    assert asked(cache, source, clock)[1] == []
    assert len(source.loads) == 2


def test_a_policy_that_keeps_errors_keeps_them_as_long(clock, source):
    cache = cache_of(keeps_errors=True)
    asked(cache, source, clock)
    source.loads[0].land(Failed(OSError("down")))

    assert isinstance(cache.peek("a", clock.read()), Failed)
    clock.advance(FRESH_NS + 1)
    assert cache.peek("a", clock.read()) is None


def test_a_loader_that_cannot_start_has_failed(clock):
    cache, answers = cache_of(), []

    def load(landed):
        raise ValueError("no way")

    cache.get("a", load, answers.append, clock.read())

    assert isinstance(answers[0].error, ValueError)
    assert cache.statistics().loading == 0


def test_a_value_for_its_askers_only_is_not_kept(clock, source):
    cache = cache_of()
    _, answers = asked(cache, source, clock)

    source.loads[0].land(Loaded("x", keep=False))

    assert answers[0].value == "x"
    assert cache.peek("a", clock.read()) is None


def test_what_was_invalidated_while_loading_is_not_stored(clock, source):
    cache = cache_of()
    _, early = asked(cache, source, clock)
    cache.invalidate("a")
    _, later = asked(cache, source, clock)
    source.loads[0].land(Loaded("old"))

    assert (early, later) == ([Loaded("old")], []), "who asked after the invalidation was given the old value"
    assert cache.peek("a", clock.read()) is None
    source.loads[1].land(Loaded("new"))
    assert later == [Loaded("new")]
    assert cache.peek("a", clock.read()) == Loaded("new")


def test_clearing_forgets_what_is_kept_and_what_is_loading(clock, source):
    cache = cache_of()
    asked(cache, source, clock, "a")
    asked(cache, source, clock, "b")
    source.loads[0].land(Loaded("x"))

    cache.clear()
    source.loads[1].land(Loaded("y"))

    assert cache.statistics().entries == 0


def test_a_cancelled_leader_leaves_the_load_to_the_others(clock, source):
    cache = cache_of()
    leader, leaders_answers = asked(cache, source, clock)
    _, answers = asked(cache, source, clock)

    assert leader.cancel() is leader.cancel() is CancelOutcome.WITHOUT_EFFECT
    source.loads[0].land(Loaded("x"))

    assert (leaders_answers, answers) == ([], [Loaded("x")])
    assert source.loads[0].cancelled == 0


def test_the_last_who_waits_takes_the_load_along(clock, source):
    cache = cache_of()
    first, _ = asked(cache, source, clock)
    second, answers = asked(cache, source, clock)

    first.cancel()
    assert second.cancel() is CancelOutcome.WITHOUT_EFFECT
    assert source.loads[0].cancelled == 1
    asked(cache, source, clock)

    assert answers == []
    assert len(source.loads) == 2, "a question joined a load that was being stopped"


def test_a_load_that_may_go_on_still_answers_its_last_waiter(clock, source):
    cache = cache_of()
    source.outcome = CancelOutcome.UNKNOWN
    waiter, answers = asked(cache, source, clock)

    assert waiter.cancel() is CancelOutcome.UNKNOWN
    source.loads[0].land(Loaded("x"))

    assert answers == [Loaded("x")]
    assert waiter.cancel() is CancelOutcome.COMPLETED_ANYWAY
    assert cache.statistics().entries == 0


def test_only_as_many_are_kept_as_the_policy_says(clock, source):
    cache = cache_of()
    for number, key in enumerate("abc"):
        asked(cache, source, clock, key)
        source.loads[number].land(Loaded(key))
    cache.peek("a", clock.read())
    asked(cache, source, clock, "d")
    source.loads[3].land(Loaded("d"))

    kept = [key for key in "abcd" if cache.peek(key, clock.read())]

    assert kept == ["a", "c", "d"], "the one asked for longest ago goes first"
    assert (cache.statistics().entries, cache.statistics().evicted) == (3, 1)


@pytest.mark.parametrize("value", [[1], {"a": 1}, {1}, bytearray(b"1")], ids=repr)
def test_a_mutable_value_is_refused_not_shared(clock, source, value):
    cache = cache_of()
    _, answers = asked(cache, source, clock)

    source.loads[0].land(Loaded(value))

    assert isinstance(answers[0].error, UsageError)
    assert cache.statistics().entries == 0


def test_a_reader_cannot_change_what_the_next_one_reads(clock, source):
    cache = cache_of()
    _, answers = asked(cache, source, clock)
    source.loads[0].land(Loaded(Reading((1, 2))))

    with pytest.raises(AttributeError):
        answers[0].value.figures = ()

    assert cache.peek("a", clock.read()).value == Reading((1, 2))


def test_one_faulty_asker_does_not_silence_the_others(clock, source):
    cache, answers = cache_of(), []

    def faulty(result):
        raise ZeroDivisionError

    cache.get("a", source.load, faulty, clock.read())
    cache.get("a", source.load, answers.append, clock.read())
    with pytest.raises(ZeroDivisionError):
        source.loads[0].land(Loaded("x"))

    assert answers == [Loaded("x")]


def test_a_load_that_lands_twice_counts_once(clock, source):
    cache = cache_of()
    _, answers = asked(cache, source, clock)

    source.loads[0].land(Loaded("x"))
    source.loads[0].land(Loaded("y"))

    assert answers == [Loaded("x")]
    assert cache.peek("a", clock.read()) == Loaded("x")


@pytest.mark.parametrize("settings", [{"entries_max": 0}, {"fresh_for_ns": -1}])
def test_a_policy_that_makes_no_sense_is_refused(settings):
    with pytest.raises(ValueError, match="readings"):
        policy(**settings)


# The blocking sibling, with real threads: every wait is for an event, with an end.


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
