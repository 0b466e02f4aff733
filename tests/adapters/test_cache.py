"""The cache on one thread: the entries, their age, and the callers that share one load."""

import pytest
from watchkeeper.adapters.cache import Failed, Loaded, SingleFlightCache
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.time.moment import NS_PER_S

from tests.adapters.readings import FRESH_NS, THREADS, policy


class Underway:
    """A load that ends on request of the test."""

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


@pytest.fixture
def source():
    return Source()


def cache_of(**settings):
    return SingleFlightCache(policy(**settings))


def asked(cache, source, clock, key="a", **settings):
    """Ask, and return the waiter and the list that the answer will be put in."""
    answers = []
    return cache.get(key, source.load, answers.append, clock.read(), **settings), answers


def test_many_readers_of_a_cold_entry_cause_one_load(clock, source):
    cache = cache_of()

    answers = [asked(cache, source, clock)[1] for _ in range(THREADS)]
    assert len(source.loads) == 1
    source.loads[0].land(Loaded("x"))

    assert answers == [[Loaded("x")]] * THREADS
    assert len(source.loads) == 1


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

    assert cache.peek("a", clock.read(), 5) == "x"
    assert cache.peek("a", clock.read(), 4) is None
    assert cache.peek("a", clock.read(), 5) == "x", "a strict question threw a fresh value away"


def test_a_step_of_the_wall_clock_makes_nothing_older(clock, source):
    cache = cache_of()
    asked(cache, source, clock)
    source.loads[0].land(Loaded("x"))

    clock.step_wall(10**6 * NS_PER_S)

    assert cache.peek("a", clock.read()) == "x"


def test_a_failed_load_answers_all_and_is_not_kept(clock, source):
    cache = cache_of()
    answers = [asked(cache, source, clock)[1] for _ in range(3)]
    failure = Failed(OSError("down"))

    source.loads[0].land(failure)

    assert answers == [[failure]] * 3
    assert asked(cache, source, clock)[1] == []
    assert len(source.loads) == 2


def test_a_loader_that_cannot_start_has_failed(clock):
    cache, answers = cache_of(), []

    def load(landed):
        raise ValueError("no way")

    cache.get("a", load, answers.append, clock.read())

    assert isinstance(answers[0].error, ValueError)
    assert "loading=0)" in repr(cache)


def test_a_value_for_its_askers_only_is_not_kept(clock, source):
    cache = cache_of()
    _, answers = asked(cache, source, clock)

    source.loads[0].land(Loaded("x", keep=False))

    assert answers[0].value == "x"
    assert cache.peek("a", clock.read()) is None


def test_an_entry_cleared_during_its_load_is_not_stored(clock, source):
    cache = cache_of()
    _, early = asked(cache, source, clock)
    cache.clear()
    _, later = asked(cache, source, clock)
    source.loads[0].land(Loaded("old"))

    assert (early, later) == ([Loaded("old")], []), "a question after that was given the old value"
    assert cache.peek("a", clock.read()) is None
    source.loads[1].land(Loaded("new"))
    assert later == [Loaded("new")]
    assert cache.peek("a", clock.read()) == "new"


def test_clearing_forgets_what_is_kept_and_what_is_loading(clock, source):
    cache = cache_of()
    asked(cache, source, clock, "a")
    asked(cache, source, clock, "b")
    source.loads[0].land(Loaded("x"))

    cache.clear()
    source.loads[1].land(Loaded("y"))

    assert "entries=0," in repr(cache)


def test_a_cancelled_leader_leaves_the_load_to_the_others(clock, source):
    cache = cache_of()
    leader, leaders_answers = asked(cache, source, clock)
    _, answers = asked(cache, source, clock)

    assert leader.cancel() is leader.cancel() is CancelOutcome.WITHOUT_EFFECT
    source.loads[0].land(Loaded("x"))

    assert (leaders_answers, answers) == ([], [Loaded("x")])
    assert source.loads[0].cancelled == 0


def test_the_last_waiter_cancels_the_load(clock, source):
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
    assert "entries=0," in repr(cache)


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
    assert "entries=3," in repr(cache)


def test_a_reader_cannot_change_what_the_next_one_reads(clock, source):
    cache = cache_of()
    _, answers = asked(cache, source, clock)
    source.loads[0].land(Loaded(Observation(status=200)))

    with pytest.raises(AttributeError):
        answers[0].value.status = 500

    assert cache.peek("a", clock.read()).status == 200


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
    assert cache.peek("a", clock.read()) == "x"


@pytest.mark.parametrize("settings", [{"entries_max": 0}, {"fresh_for_ns": -1}])
def test_a_policy_that_makes_no_sense_is_refused(settings):
    with pytest.raises(ValueError, match="readings"):
        policy(**settings)
