import asyncio
import contextvars
import functools
import math
import threading

import pytest
import uvloop
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.probes.call import CallProber
from watchkeeper.domain import limits
from watchkeeper.domain.attempt import AttemptId, CancelOutcome, ProbeRequest
from watchkeeper.domain.moment import NS_PER_MS, NS_PER_S, Deadline
from watchkeeper.domain.observation import Measurement, Observation
from watchkeeper.domain.outcome import Outcome, Reason
from watchkeeper.domain.probe import Call

CLOCK = SystemClock()
SOON_NS = 150 * NS_PER_MS
LONG_NS = 10 * NS_PER_S


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    def run(main):
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(main(), 20))

    return run


def request(name="check", timeout_ns=LONG_NS):
    now = CLOCK.read()
    return ProbeRequest(
        attempt=AttemptId("t", 1, 1),
        probe=Call(name=name),
        deadline=Deadline.after(now, timeout_ns),
        started=now,
    )


def prober(callables=None, **settings):
    if callable(callables):
        callables = {"check": callables}
    return CallProber(asyncio.get_running_loop(), CLOCK, callables or {}, **settings)


async def one_turn():
    """Let the loop come round once."""
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned


def begin(prober, **settings):
    answered = asyncio.get_running_loop().create_future()
    attempt = prober.start(request(**settings), answered.set_result)
    assert not answered.done(), "done was called from within start"
    return attempt, answered


async def seen_of(function, **settings):
    checks = prober(function)
    _, answered = begin(checks, **settings)
    seen = await answered
    checks.close()
    return seen


def as_sync(behaviour):
    return behaviour


def as_async(behaviour):
    async def check():
        await one_turn()
        return behaviour()

    return check


def fails(error):
    def behaviour():
        raise error

    return behaviour


class HostileError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


ENDS = [
    (lambda: None, Outcome.UP, Reason.OK, ""),
    (lambda: True, Outcome.UP, Reason.OK, ""),
    (lambda: False, Outcome.DOWN, Reason.REPORTED, "it returned False"),
    (lambda: "fine", Outcome.UP, Reason.OK, "fine"),
    (
        lambda: math.nan,
        Outcome.UNKNOWN,
        Reason.INVALID_MEASUREMENT,
        "measurement 'value' is nan: figures are finite",
    ),
    (fails(ValueError("bad\nsecond line")), Outcome.DOWN, Reason.EXCEPTION, "ValueError: bad"),
    (fails(KeyError()), Outcome.DOWN, Reason.EXCEPTION, "KeyError"),
    (fails(TimeoutError("its own")), Outcome.DOWN, Reason.EXCEPTION, "TimeoutError: its own"),
    (fails(asyncio.CancelledError("its own")), Outcome.DOWN, Reason.EXCEPTION, "CancelledError: its own"),
    (fails(SystemExit(3)), Outcome.DOWN, Reason.EXCEPTION, "SystemExit: 3"),
    (fails(KeyboardInterrupt()), Outcome.DOWN, Reason.EXCEPTION, "KeyboardInterrupt"),
    (fails(HostileError()), Outcome.DOWN, Reason.EXCEPTION, "HostileError: its message cannot be shown"),
    (fails(ValueError("\x1b[2J" + "x" * 999)), Outcome.DOWN, Reason.EXCEPTION, None),
]


@pytest.mark.parametrize("colour", [as_sync, as_async])
@pytest.mark.parametrize(("behaviour", "outcome", "reason", "detail"), ENDS)
def test_every_end_of_a_callable_is_one_observation(run, colour, behaviour, outcome, reason, detail):
    seen = run(lambda: seen_of(colour(behaviour)))

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert detail is None or seen.detail == detail
    assert seen.detail.isprintable()
    assert len(seen.detail) <= limits.DETAIL_CHARACTERS_MAX


@pytest.mark.parametrize("colour", [as_sync, as_async])
def test_figures_and_the_time_taken_are_measured(run, colour):
    seen = run(lambda: seen_of(colour(lambda: {"depth": 3})))

    assert seen.measurements == (Measurement("depth", 3.0),)
    assert 0 < seen.response_time_ns < LONG_NS


def test_an_observation_keeps_the_time_that_it_names(run):
    seen = run(lambda: seen_of(lambda: Observation(status=503, response_time_ns=5)))

    assert (seen.status, seen.response_time_ns) == (503, 5)


def test_a_name_without_a_callable_is_unknown(run):
    seen = run(lambda: seen_of(None))

    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert "'check'" in seen.detail


def test_partials_and_objects_with_async_calls_are_async(run):
    class Check:
        async def __call__(self):
            return asyncio.get_running_loop() is not None

    async def add(one, other):
        return one + other

    async def main():
        assert (await seen_of(Check())).outcome is Outcome.UP
        return await seen_of(functools.partial(add, 1, 2))

    assert run(main).measurements == (Measurement("value", 3.0),)


def test_sync_runs_off_the_loops_thread_and_async_on_it(run):
    threads = {}

    def blocking():
        threads["sync"] = threading.current_thread()

    async def native():
        threads["async"] = threading.current_thread()

    async def main():
        await seen_of(blocking)
        await seen_of(native)

    run(main)
    assert threads["async"] is threading.current_thread()
    assert threads["sync"].name == "watchkeeper-call-1"
    assert threads["sync"].daemon


@pytest.mark.parametrize("colour", [as_sync, as_async])
def test_each_call_has_a_fresh_copy_of_the_context(run, colour):
    seat = contextvars.ContextVar("seat", default=0)
    met = []

    def behaviour():
        met.append(seat.get())
        seat.set(seat.get() + 1)

    async def main():
        seat.set(7)
        checks = prober(colour(behaviour))
        seat.set(8)
        for _ in range(3):
            await begin(checks)[1]
        checks.close()

    run(main)
    assert met == [7, 7, 7]


def test_a_callable_that_never_returns_costs_one_thread(run):
    release, calls = threading.Event(), []

    def hang():
        calls.append(1)
        release.wait(20)

    async def main():
        checks = prober({"check": hang, "other": lambda: None}, threads_max=1)
        seen = [await begin(checks, timeout_ns=SOON_NS)[1] for _ in range(4)]
        assert [each.outcome for each in seen] == [Outcome.TIMED_OUT] * 4
        assert seen[0].detail != seen[1].detail == "its earlier call has not come back"
        other = await begin(checks, name="other")[1]
        assert other.outcome is Outcome.UP, "the thread was not replaced"
        statistics = checks.statistics()
        assert statistics.blocking.abandoned == statistics.threads.abandoned == 1
        assert statistics.threads.threads == 2
        assert checks.abandoned() == ("watchkeeper-call-1: check",)
        # A call that waits for the stuck one begins once that has come back.
        _, answered = begin(checks)
        release.set()
        assert (await answered).outcome is Outcome.UP
        return checks

    async def whole():
        checks = await main()
        statistics = checks.statistics()
        assert (statistics.blocking.abandoned, statistics.blocking.late) == (0, 1)
        assert statistics.threads.threads <= 1
        checks.close()
        assert checks.abandoned() == ()

    run(whole)
    assert len(calls) == 2


def test_beyond_the_cap_of_stuck_threads_calls_are_unknown(run):
    release = threading.Event()
    names = [f"check {number}" for number in range(limits.ABANDONED_CALLS_MAX + 1)]

    async def main():
        checks = prober(
            {**{name: lambda: release.wait(20) for name in names}, "good": lambda: None}, threads_max=1
        )
        for number, name in enumerate(names):
            # On a busy machine a thread may begin too late to be abandoned: then once more.
            while checks.statistics().blocking.abandoned == number:
                await begin(checks, name=name, timeout_ns=30 * NS_PER_MS)[1]
        seen = await begin(checks, name="good")[1]
        assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED)
        assert checks.statistics().threads.threads == limits.ABANDONED_CALLS_MAX + 1
        release.set()
        while checks.statistics().blocking.abandoned:
            await one_turn()
        assert (await begin(checks, name="good")[1]).outcome is Outcome.UP
        checks.close()

    run(main)


def test_no_free_thread_before_the_deadline_is_unknown(run):
    release = threading.Event()

    async def main():
        checks = prober({"check": lambda: release.wait(20), "other": lambda: None}, threads_max=1)
        _, first = begin(checks)
        seen = await begin(checks, name="other", timeout_ns=SOON_NS)[1]
        assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED)
        _, waiting = begin(checks, name="other")
        release.set()
        assert (await first).outcome is Outcome.UP
        assert (await waiting).outcome is Outcome.UP
        checks.close()

    run(main)


def test_a_full_queue_refuses_at_once_as_our_own_trouble(run):
    release = threading.Event()

    async def main():
        checks = prober({"check": lambda: release.wait(20)}, threads_max=1)
        answers = [begin(checks)[1] for _ in range(limits.CALL_QUEUE_MAX + 2)]
        seen = await answers[-1]
        assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED)
        checks.close()
        release.set()
        ends = [(await answer).outcome for answer in answers[:-1]]
        assert ends == [Outcome.CANCELLED] * (limits.CALL_QUEUE_MAX + 1)

    run(main)


def test_a_swallowed_cancel_is_accounted_until_it_ends(run):
    release = None

    async def stubborn():
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async def main():
        nonlocal release
        release = asyncio.Event()
        checks = prober(stubborn)
        seen = await begin(checks, timeout_ns=SOON_NS)[1]
        assert (seen.outcome, seen.reason) == (Outcome.TIMED_OUT, Reason.TIMED_OUT)
        assert checks.statistics().tasks.abandoned == 1
        assert checks.abandoned() == ("task: check",)
        again = await begin(checks, timeout_ns=SOON_NS)[1]
        assert again.detail == "its earlier call has not come back"
        release.set()
        assert (await begin(checks)[1]).outcome is Outcome.UP
        assert checks.statistics().tasks.abandoned == 0
        checks.close()

    run(main)


def test_an_obedient_coroutine_is_cancelled_at_the_deadline(run):
    cleaned = []

    async def obedient():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cleaned.append(True)

    async def main():
        checks = prober(obedient)
        assert (await begin(checks, timeout_ns=SOON_NS)[1]).outcome is Outcome.TIMED_OUT
        while checks.abandoned():
            await one_turn()
        checks.close()

    run(main)
    assert cleaned == [True]


def test_an_async_callable_runs_on_the_hosts_loop(run):
    homes = []

    async def check():
        homes.append(asyncio.get_running_loop())

    with asyncio.Runner() as host:
        host_loop = host.get_loop()
        thread = threading.Thread(target=host_loop.run_forever)
        thread.start()

        async def main():
            checks = prober(check, host_loop=host_loop)
            seen = [await begin(checks)[1] for _ in range(3)]
            checks.close()
            return seen

        try:
            seen = run(main)
        finally:
            host_loop.call_soon_threadsafe(host_loop.stop)
            thread.join()

    assert [each.outcome for each in seen] == [Outcome.UP] * 3
    assert homes == [host_loop] * 3


def test_a_hosts_loop_that_stands_still_is_our_own_trouble(run):
    host_loop = asyncio.new_event_loop()

    async def check():
        raise AssertionError("it ran on a loop that does not run")

    async def main():
        checks = prober(check, host_loop=host_loop)
        still = await begin(checks, timeout_ns=SOON_NS)[1]
        host_loop.close()
        closed = await begin(checks)[1]
        checks.close()
        return still, closed

    for seen in run(main):
        assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED)


def test_closing_cancels_what_waits_and_names_what_goes_on(run):
    release = threading.Event()

    async def main():
        checks = prober(lambda: release.wait(20), threads_max=1)
        answers = [begin(checks)[1] for _ in range(3)]
        while checks.statistics().threads.busy == 0:
            await one_turn()
        checks.close()
        assert [(await answer).outcome for answer in answers] == [Outcome.CANCELLED] * 3
        after = await begin(checks)[1]
        assert after.outcome is Outcome.UNKNOWN
        return checks.abandoned()

    before = threading.active_count()
    abandoned = run(main)
    release.set()
    for thread in threading.enumerate():
        if thread.name == "watchkeeper-call-1":
            thread.join(10)

    assert abandoned in {("watchkeeper-call-1: check",), ()}
    assert threading.active_count() == before, "a thread was left behind"


def test_closing_leaves_no_thread_behind(run):
    async def main():
        checks = prober({str(number): lambda: None for number in range(20)})
        await asyncio.gather(*(begin(checks, name=str(number))[1] for number in range(20)))
        checks.close()

    before = threading.active_count()
    run(main)
    assert threading.active_count() == before


def test_cancelling_twice_says_the_same_thing_twice(run):
    release = threading.Event()

    async def main():
        checks = prober(lambda: release.wait(20), threads_max=1)
        _, running = begin(checks)
        waiting, never = begin(checks)
        assert waiting.cancel() is waiting.cancel() is CancelOutcome.WITHOUT_EFFECT
        release.set()
        await running
        checks.close()
        assert not never.done()

    run(main)
