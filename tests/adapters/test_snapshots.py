"""Snapshots of the status, with real threads: every wait is for an event, with an end."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S
from watchkeeper.host.status_cache import StatusCache

THREADS = 8
AGE_NS = 30 * NS_PER_S


@pytest.fixture
def threads():
    with ThreadPoolExecutor(THREADS) as pool:
        yield pool


class Gate:
    """A question that signals when it is asked, and waits for the test's release; each answer is used once."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.begun = threading.Event()
        self.release = threading.Event()
        self.loads = 0

    def __call__(self):
        self.loads += 1
        outcome = self.outcomes.pop(0)
        self.begun.set()
        assert self.release.wait(10)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


class WatchedClock:
    """A clock that counts its readings: two for each question."""

    def __init__(self):
        self.reads = 0
        self.told = threading.Condition()

    def read(self):
        with self.told:
            self.reads += 1
            self.told.notify_all()
        return SystemClock().read()

    def wait_for(self, questions):
        with self.told:
            assert self.told.wait_for(lambda: self.reads >= 2 * questions, 10)


def watched(gate, within_ns=10 * NS_PER_S):
    clock = WatchedClock()
    return StatusCache(gate, within_ns, clock), clock


def asked_by(threads, snapshots, clock, count=THREADS):
    asked = [threads.submit(snapshots.status, AGE_NS) for _ in range(count)]
    clock.wait_for(count)
    return asked


def test_eight_threads_that_know_nothing_cause_one_load(threads):
    gate = Gate("up")
    asked = asked_by(threads, *watched(gate))
    gate.release.set()

    assert [each.result(10) for each in asked] == ["up"] * THREADS
    assert gate.loads == 1


def test_an_entry_older_than_asked_for_is_loaded_again():
    gate = Gate("old", "new")
    gate.release.set()
    snapshots = StatusCache(gate, NS_PER_S)

    assert [snapshots.status(AGE_NS), snapshots.status(AGE_NS), snapshots.status(1)] == ["old", "old", "new"]


def test_an_answer_outdated_during_its_load_is_not_kept(threads):
    gate = Gate("old", "new")
    snapshots, _ = watched(gate)
    asked = threads.submit(snapshots.status, AGE_NS)
    assert gate.begun.wait(10)

    snapshots.forget()
    gate.release.set()

    assert asked.result(10) == "old"
    assert snapshots.status(AGE_NS) == "new"
    assert gate.loads == 2


def test_a_load_that_fails_fails_every_thread_once_and_is_not_kept(threads):
    gate = Gate(OSError("down"), "up")
    snapshots, clock = watched(gate)
    asked = asked_by(threads, snapshots, clock)
    gate.release.set()

    assert {type(each.exception(10)) for each in asked} == {OSError}
    assert gate.loads == 1
    assert snapshots.status(AGE_NS) == "up"


def test_a_thread_that_is_torn_away_while_it_loads_is_replaced(threads):
    gate = Gate(KeyboardInterrupt(), "up")
    snapshots, clock = watched(gate)
    leader = threads.submit(snapshots.status, AGE_NS)
    assert gate.begun.wait(10)
    others = [threads.submit(snapshots.status, AGE_NS) for _ in range(3)]
    clock.wait_for(4)
    gate.release.set()

    assert isinstance(leader.exception(10), KeyboardInterrupt)
    assert [each.result(10) for each in others] == ["up"] * 3
    assert gate.loads == 2


def test_no_thread_waits_longer_than_the_deadline(threads):
    gate = Gate("up")
    snapshots, _ = watched(gate, 30 * NS_PER_MS)
    leader = threads.submit(snapshots.status, AGE_NS)
    assert gate.begun.wait(10)

    with pytest.raises(TimeoutError, match="did not say in time"):
        snapshots.status(AGE_NS)

    gate.release.set()
    assert leader.result(10) == "up"
    assert gate.loads == 1


def test_a_load_that_runs_out_of_time_says_so_in_its_own_words(threads):
    gate = Gate(TimeoutError("the actor did not answer"))
    asked = asked_by(threads, *watched(gate), 2)
    gate.release.set()

    assert {str(each.exception(10)) for each in asked} == {"the actor did not answer"}


def test_a_forked_child_waits_for_no_load_of_its_parent():
    began, release, calls = threading.Event(), threading.Event(), []

    def load():
        calls.append(None)
        if len(calls) == 1:
            began.set()
            release.wait(20)
        return "status"

    cache = StatusCache(load, 60 * NS_PER_S)
    loading = threading.Thread(target=cache.status, args=(NS_PER_S,))
    loading.start()
    assert began.wait(20)
    child = os.fork()
    if child == 0:
        cache.after_fork()
        os._exit(0 if cache.status(NS_PER_S) == "status" else 1)
    release.set()
    loading.join(20)
    assert os.waitpid(child, 0)[1] == 0
