"""The alarms of a loop: never early, in order, and silent once they are cancelled."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
from execution_models import errand
from watchkeeper.actors.dispatch.run.alarm import Alarm, AlarmClock, MillisecondTimer
from watchkeeper.actors.dispatch.run.loop import LoopDispatcher
from watchkeeper.adapters.kernel_timer import KernelTimer, has_kernel_timer
from watchkeeper.domain.time.moment import NS_PER_MS

SOON_S = 20.0
TIMERS = [MillisecondTimer, KernelTimer] if has_kernel_timer() else [MillisecondTimer]


def on_loop(dispatcher, function):
    """Calls the function on the loop's thread and returns its result."""
    results, done = [], threading.Event()
    dispatcher.schedule(errand(lambda: (results.append(function()), done.set())))
    assert done.wait(SOON_S)
    return results[0]


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("make_timer", TIMERS)
@pytest.mark.parametrize("clocked", [False, True])
def test_alarms_ring_after_their_moment_and_never_early(clocked, make_timer):
    dispatcher = LoopDispatcher(monotonic_ns=time.monotonic_ns if clocked else None, make_timer=make_timer)
    dispatcher.start()
    clock, rang, done = time.monotonic_ns, [], threading.Event()
    begin_ns = on_loop(dispatcher, clock)

    def arm_all():
        for delay_ms in (7, 0, 3, -1):
            due_ns = begin_ns + delay_ms * NS_PER_MS + 100
            dispatcher.call_at(due_ns, lambda due_ns=due_ns, d=delay_ms: rang.append((d, clock() - due_ns)))
        dispatcher.call_at(begin_ns + 20 * NS_PER_MS, done.set)

    on_loop(dispatcher, arm_all)
    assert done.wait(SOON_S)
    assert sorted(delay for delay, _ in rang) == [-1, 0, 3, 7]
    assert all(late_ns >= 0 for _, late_ns in rang)
    assert dispatcher.stop(SOON_S) == ()


@pytest.mark.parametrize("make_timer", TIMERS)
def test_a_loop_faster_than_the_clock_does_not_ring_early(make_timer):
    now_ns = [0]

    def slow_clock():
        now_ns[0] += NS_PER_MS // 10
        return now_ns[0]

    dispatcher = LoopDispatcher(monotonic_ns=slow_clock, make_timer=make_timer)
    rang, done = [], threading.Event()
    dispatcher.start()
    on_loop(
        dispatcher,
        lambda: dispatcher.call_at(3 * NS_PER_MS, lambda: (rang.append(now_ns[0]), done.set())),
    )
    assert done.wait(SOON_S)
    assert rang[0] >= 3 * NS_PER_MS
    assert dispatcher.stop(SOON_S) == ()


@pytest.mark.parametrize("make_timer", TIMERS)
def test_an_alarm_that_fails_is_logged_and_costs_the_others_nothing(make_timer, caplog):
    dispatcher, done = LoopDispatcher(make_timer=make_timer), threading.Event()
    dispatcher.start()
    now_ns = on_loop(dispatcher, time.monotonic_ns)

    def arm_both():
        dispatcher.call_at(now_ns + NS_PER_MS, lambda: 1 / 0)
        dispatcher.call_at(now_ns + NS_PER_MS + 1, done.set)

    on_loop(dispatcher, arm_both)
    assert done.wait(SOON_S)
    assert "The callback of an alarm failed" in caplog.text
    assert dispatcher.stop(SOON_S) == ()


def test_a_cancelled_alarm_stays_silent(loop_dispatcher):
    rang, done = [], threading.Event()
    now_ns = on_loop(loop_dispatcher, time.monotonic_ns)

    def arm_both():
        alarm = loop_dispatcher.call_at(now_ns + NS_PER_MS, lambda: rang.append(1))
        alarm.cancel()
        loop_dispatcher.call_at(now_ns + 10 * NS_PER_MS, done.set)
        return alarm

    alarm = on_loop(loop_dispatcher, arm_both)
    assert done.wait(SOON_S)
    assert (rang, alarm.armed) == ([], False)


@pytest.mark.parametrize("make_timer", TIMERS)
def test_alarms_ring_in_the_order_of_their_times_however_they_were_armed(make_timer):
    """A cancelled alarm delays no other, and an alarm that rings may arm the next."""
    before = descriptors()
    dispatcher = LoopDispatcher(monotonic_ns=time.monotonic_ns, make_timer=make_timer)
    dispatcher.start()
    rang, done = [], threading.Event()
    begin_ns = on_loop(dispatcher, time.monotonic_ns)

    def ring_again():
        rang.append("third")
        dispatcher.call_at(time.monotonic_ns() + NS_PER_MS, done.set)

    def arm_all():
        dispatcher.call_at(begin_ns + 30 * NS_PER_MS, ring_again)
        dispatcher.call_at(begin_ns + 20 * NS_PER_MS, lambda: rang.append("second"))
        dispatcher.call_at(begin_ns + 5 * NS_PER_MS, lambda: rang.append("never")).cancel()
        dispatcher.call_at(begin_ns + 10 * NS_PER_MS, lambda: rang.append("first"))

    on_loop(dispatcher, arm_all)
    assert done.wait(SOON_S)
    assert rang == ["first", "second", "third"]
    assert dispatcher.stop(SOON_S) == ()
    assert descriptors() <= before


class Sets:
    """A timer that records its settings, and fires on request of the test."""

    def __init__(self, loop, on_time):
        self.loop, self.on_time, self.set_to, self.closed = loop, on_time, [], False

    def set(self, after_ns):
        self.set_to.append(after_ns)

    def close(self):
        self.closed = True


@pytest.fixture
def now_ns():
    """The time of the alarm clock, in a list."""
    return [0]


@pytest.fixture
def timer_driver(now_ns):
    """An alarm clock at time 0 with the timer behind it."""
    made = []

    def make_timer(loop, on_time):
        made.append(Sets(loop, on_time))
        return made[-1]

    loop = asyncio.new_event_loop()
    yield AlarmClock(loop, lambda: now_ns[0], make_timer), made
    loop.close()


def test_a_cancelled_alarm_is_forgotten_and_wakes_nobody(timer_driver):
    """A deadline is cancelled by nearly every answer; kept until its time, each would wake the loop once more."""
    clock, timers = timer_driver
    clock.call_at(NS_PER_MS, lambda: None).cancel()
    clock.call_at(5 * NS_PER_MS, lambda: None)
    timers[0].on_time()
    assert timers[0].set_to == [NS_PER_MS, 5 * NS_PER_MS]


def test_an_alarm_that_is_due_already_rings_in_the_next_round_without_its_timer(timer_driver):
    clock, timers = timer_driver
    rang = []
    clock.call_at(-1, lambda: rang.append("first"))
    clock.call_at(0, lambda: rang.append("second"))
    assert rang == []
    timers[0].loop.run_until_complete(asyncio.sleep(0))
    assert rang == ["first", "second"]
    assert [after_ns for after_ns in timers[0].set_to if after_ns] == []


def test_an_alarm_of_this_very_moment_rings_in_the_next_round(timer_driver):
    clock, timers = timer_driver
    rang = []
    clock.call_at(0, lambda: rang.append("now"))
    assert (rang, timers[0].set_to) == ([], [])
    timers[0].loop.run_until_complete(asyncio.sleep(0))
    assert rang == ["now"]


def test_the_timer_is_set_for_the_earliest_alarm_alone(timer_driver, now_ns):
    clock, timers = timer_driver
    rang = []
    for at_ns in (50, 30, 40, 30):
        clock.call_at(at_ns, lambda at_ns=at_ns: rang.append(at_ns))
    assert timers[0].set_to == [50, 30]
    now_ns[0] = 29
    timers[0].on_time()
    assert (rang, timers[0].set_to) == ([], [50, 30, 1])
    now_ns[0] = 40
    timers[0].on_time()
    assert (rang, timers[0].set_to) == ([30, 30, 40], [50, 30, 1, 10])
    now_ns[0] = 50
    timers[0].on_time()
    assert (rang[3:], timers[0].set_to[4:]) == ([50], [0])
    clock.call_at(70, lambda: None)
    assert (len(timers), timers[0].set_to[5:]) == (1, [20])


def test_an_alarm_that_rings_may_cancel_another_and_set_the_next(timer_driver, now_ns):
    clock, timers = timer_driver
    rang = []

    def ring():
        rang.append("first")
        second.cancel()
        clock.call_at(15, lambda: rang.append("third"))

    clock.call_at(10, ring)
    second = clock.call_at(10, lambda: rang.append("second"))
    now_ns[0] = 10
    timers[0].on_time()
    assert (rang, timers[0].set_to) == (["first"], [10, 0, 5])
    now_ns[0] = 15
    timers[0].on_time()
    assert rang == ["first", "third"]


def test_a_closed_alarm_clock_rings_nothing_and_makes_no_timer(timer_driver, now_ns):
    clock, timers = timer_driver
    rang = []
    clock.call_at(10, lambda: rang.append("never"))
    clock.close()
    assert timers[0].closed
    now_ns[0] = 10
    timers[0].on_time()
    clock.call_at(5, lambda: rang.append("never"))
    clock.close()
    assert (rang, len(timers), timers[0].set_to) == ([], 1, [10])


def test_an_alarm_is_forgotten_once_and_only_where_it_was_cancelled():
    forgotten, rang = [], []
    cancelled, rung, plain = (
        Alarm(lambda: rang.append(1), forgotten.append),
        Alarm(lambda: rang.append(2), forgotten.append),
        Alarm(lambda: rang.append(3)),
    )
    assert [alarm.armed for alarm in (cancelled, rung, plain)] == [True] * 3
    rung.run_turn()
    for alarm in (cancelled, cancelled, rung, plain):
        alarm.cancel()
        alarm.run_turn()
    assert (forgotten, rang) == ([cancelled], [2])
    assert [alarm.armed for alarm in (cancelled, rung, plain)] == [False] * 3


class Later:
    """A loop that notes what it is to call, and a handle of that."""

    def __init__(self):
        self.calls, self.cancelled = [], []

    def call_later(self, delay_s, callback):
        self.calls.append((delay_s, callback))
        return self

    def cancel(self):
        self.cancelled.append(len(self.calls))


def test_a_timer_of_milliseconds_is_rounded_up_and_holds_one_setting_at_a_time():
    loop, ring = Later(), lambda: None
    timer = MillisecondTimer(loop, ring)
    for after_ns in (1, NS_PER_MS, NS_PER_MS + 1, 0, 2_500 * NS_PER_MS):
        timer.set(after_ns)
    assert loop.calls == [(0.001, ring), (0.001, ring), (0.002, ring), (2.5, ring)]
    assert loop.cancelled == [1, 2, 3]
    timer.close()
    timer.close()
    assert loop.cancelled == [1, 2, 3, 4]
