"""Timers against a sorted list: after any arming and cancelling, the same timers fire in the same order."""

import weakref
from collections import UserString

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from watchkeeper.domain.time.timers import SLOT_BITS, Timers

KEYS = st.integers(0, 12)
TIMES = st.builds(lambda slot, rest: (slot << SLOT_BITS) + rest, st.integers(0, 4), st.integers(0, 5))


class TimersAgainstSortedList(RuleBasedStateMachine):
    """The model keeps (time, order of arming, key) and sorts whenever it is asked."""

    def __init__(self):
        super().__init__()
        self.timers = Timers()
        self.model = {}
        self.order = 0

    @rule(key=KEYS, at_ns=TIMES)
    def arm(self, key, at_ns):
        self.order += 1
        self.timers.arm(key, at_ns)
        self.model[key] = (at_ns, self.order)

    @rule(key=KEYS)
    def cancel(self, key):
        assert self.timers.cancel(key) is (self.model.pop(key, None) is not None)

    @rule(now_ns=TIMES)
    def fire(self, now_ns):
        due = sorted((place, key) for key, place in self.model.items() if place[0] <= now_ns)
        assert list(self.timers.due(now_ns)) == [(key, place[0]) for place, key in due]
        for _, key in due:
            del self.model[key]

    @rule(key=KEYS, times=st.integers(70, 90))
    def churn(self, key, times):
        """Enough cancelled entries that they are cleared away."""
        for _ in range(times):
            self.arm(key, 5)
            self.cancel(key)

    @invariant()
    def the_earliest_and_the_number_agree(self):
        assert self.timers.next_ns() == min((at_ns for at_ns, _ in self.model.values()), default=None)
        assert len(self.timers) == len(self.model)
        assert all((key in self.timers) is (key in self.model) for key in range(13))


TestTimersAgainstSortedList = TimersAgainstSortedList.TestCase
TestTimersAgainstSortedList.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_timers_of_one_moment_fire_in_the_order_of_their_arming():
    timers = Timers()
    for key in ("first", "second", "third", "first"):
        timers.arm(key, 5)
    assert [key for key, _ in timers.due(5)] == ["second", "third", "first"]


def test_a_due_timer_that_is_armed_while_others_fire_fires_too():
    timers = Timers()
    timers.arm("first", 1)
    fired = []
    for key, at_ns in timers.due(10):
        fired.append((key, at_ns))
        if key == "first":
            timers.arm("second", 7)
            timers.arm("later", 11)
    assert fired == [("first", 1), ("second", 7)]
    assert timers.next_ns() == 11


def test_a_timer_cancelled_while_timers_fire_does_not_fire():
    timers = Timers()
    timers.arm("first", 1)
    timers.arm("second", 2)
    fired = []
    for key, _ in timers.due(10):
        fired.append(key)
        timers.cancel("second")
    assert fired == ["first"]


def test_debris_may_be_cleared_away_while_timers_fire():
    timers = Timers()
    for number in range(300):
        timers.arm(number, number << (SLOT_BITS - 5))
    fired = []
    for key, _ in timers.due(1_000 << SLOT_BITS):
        fired.append(key)
        if key == 0:
            for number in range(1, 290):
                timers.cancel(number)
    assert fired == [0, *range(290, 300)]


@given(st.integers(1, 200))
def test_cancelled_timers_take_no_room_for_ever(rounds):
    timers, keys = Timers(), []
    for number in range(10 * rounds):
        timers.arm(watched(Key(str(number)), keys), 10**9 + number)
        timers.cancel(Key(str(number)))
    assert alive(keys) <= 130


@given(st.integers(1, 200), st.sampled_from([0, SLOT_BITS]))
def test_timers_armed_again_take_no_room_for_ever(rounds, shift):
    timers, keys = Timers(), []
    timers.arm("last", 10**6 << SLOT_BITS)
    for number in range(10 * rounds):
        timers.next_ns()
        timers.arm(watched(Key("again"), keys), number + 1 << shift)
        assert list(timers.due(0)) == []
    assert alive(keys) <= 130


@pytest.mark.parametrize("armed", [1, 10])
@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize(("more", "left"), [(64, "all"), (65, "armed")])
def test_cancelled_timers_are_cleared_beyond_sixty_four_and_two_for_each_that_is_armed(
    armed, slots, more, left
):
    timers = Timers()
    for start in range(0, 3_000, 1_000):  # each time anew: what was cleared or has fired is counted no more
        timers.arm("fired", start << SLOT_BITS)
        assert list(timers.due(start << SLOT_BITS)) == [("fired", start << SLOT_BITS)]
        keys, count = [], 3 * armed + more - 1  # beside the one that has fired, which still takes its place
        for number in range(count):
            timers.arm(watched(Key(str(number)), keys), start + number % slots + 1 << SLOT_BITS)
        for number in range(armed, count):
            timers.cancel(Key(str(number)))
        assert alive(keys) == (count if left == "all" else armed)
        assert len(list(timers.due(start + 10 << SLOT_BITS))) == armed


class Key(UserString):
    """A key of which can be seen whether anything holds it still, unlike a `str`."""


def watched(key, keys):
    keys.append(weakref.ref(key))
    return key


def alive(keys):
    return sum(key() is not None for key in keys)


def test_a_timer_armed_again_within_its_slot_keeps_no_old_time():
    timers = Timers()
    timers.arm("shop", 5)
    timers.arm("mail", 8)
    assert list(timers.due(0)) == []
    timers.arm("shop", 9)
    assert list(timers.due(7)) == []
    assert list(timers.due(9)) == [("mail", 8), ("shop", 9)]
