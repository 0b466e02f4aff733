"""The store of recent answers: what is kept, for how long, and what goes first."""

from watchkeeper.adapters.cache import Recent
from watchkeeper.domain.time.moment import NS_PER_S

from tests.adapters.readings import FRESH_NS, policy


def kept(clock, keys="a"):
    recent = Recent(policy())
    for key in keys:
        recent.keep(key, key.upper(), clock.read().monotonic_ns)
    return recent


def test_a_kept_value_is_fresh_until_it_is_too_old(clock):
    recent = kept(clock)

    clock.advance(FRESH_NS)
    assert recent.fresh("a", clock.read()) == "A"
    clock.advance(1)

    assert recent.fresh("a", clock.read()) is None
    assert len(recent) == 0


def test_a_question_may_be_stricter_than_the_policy(clock):
    recent = kept(clock)
    clock.advance(5)

    assert recent.fresh("a", clock.read(), 5) == "A"
    assert recent.fresh("a", clock.read(), 4) is None
    assert recent.fresh("a", clock.read(), 5) == "A", "a strict question threw a fresh value away"


def test_a_step_of_the_wall_clock_makes_nothing_older(clock):
    recent = kept(clock)

    clock.step_wall(10**6 * NS_PER_S)

    assert recent.fresh("a", clock.read()) == "A"


def test_only_as_many_are_kept_as_the_policy_says(clock):
    recent = kept(clock, "abc")
    recent.fresh("a", clock.read())

    recent.keep("d", "D", clock.read().monotonic_ns)

    left = [key for key in "abcd" if recent.fresh(key, clock.read())]
    assert left == ["a", "c", "d"], "the one asked for longest ago goes first"
    assert len(recent) == 3


def test_clearing_forgets_what_is_kept(clock):
    recent = kept(clock, "ab")

    recent.clear()

    assert len(recent) == 0
