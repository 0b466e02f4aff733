"""Callables that do not come back in time: what each costs, and what cancelling and closing leave of it."""

import asyncio
import threading

from watchkeeper.domain import limits
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.moment import NS_PER_MS

from tests.adapters.calling import SOON_NS, begin, one_turn, prober
from tests.support.left_behind import threads_since


def threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("watchkeeper-call-")}


def test_a_callable_that_never_returns_costs_one_thread(run):
    release, calls, before = threading.Event(), [], threads()

    def hang():
        calls.append(1)
        release.wait(20)

    async def main():
        checks = prober({"check": hang, "other": lambda: None}, threads_max=1)
        seen = []
        while not checks.abandoned():  # on a busy machine the thread may begin too late to be abandoned
            seen = [await begin(checks, timeout_ns=SOON_NS)[1]]
        seen += [await begin(checks, timeout_ns=SOON_NS)[1] for _ in range(3)]
        assert [each.outcome for each in seen] == [Outcome.TIMED_OUT] * 4
        assert seen[0].detail != seen[1].detail == "its earlier call has not come back"
        other = await begin(checks, name="other")[1]
        assert other.outcome is Outcome.UP, "the thread was not replaced"
        assert len(threads() - before) == 2
        assert checks.abandoned() == ("watchkeeper-call-1: check",)
        # A call that waits for the stuck one begins once that has come back.
        _, answered = begin(checks)
        release.set()
        assert (await answered).outcome is Outcome.UP
        return checks

    async def whole():
        checks = await main()
        assert checks.abandoned() == ()
        checks.close()
        assert checks.abandoned() == ()

    run(whole)
    assert len(calls) == 2


def test_beyond_the_cap_of_stuck_threads_calls_are_unknown(run):
    release, before = threading.Event(), threads()
    names = [f"check {number}" for number in range(limits.ABANDONED_CALLS_MAX + 1)]

    async def main():
        checks = prober(
            {**{name: lambda: release.wait(20) for name in names}, "good": lambda: None}, threads_max=1
        )
        for number, name in enumerate(names):
            # On a busy machine a thread may begin too late to be abandoned: then once more.
            while len(checks.abandoned()) == number:
                await begin(checks, name=name, timeout_ns=30 * NS_PER_MS)[1]
        seen = await begin(checks, name="good")[1]
        assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED)
        assert len(threads() - before) == limits.ABANDONED_CALLS_MAX + 1
        release.set()
        while checks.abandoned():
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


def test_a_full_queue_refuses_at_once_as_an_internal_fault(run):
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
        assert checks.abandoned() == ("task: check",)
        again = await begin(checks, timeout_ns=SOON_NS)[1]
        assert again.detail == "its earlier call has not come back"
        release.set()
        assert (await begin(checks)[1]).outcome is Outcome.UP
        assert checks.abandoned() == ()
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


def test_a_task_that_is_cancelled_before_its_first_step_ends_its_call(run):
    async def check():
        return None

    def cancel_all():
        for task in asyncio.all_tasks():
            if task.get_name() == "check":
                task.cancel()

    async def main():
        checks = prober(check)
        _, answered = begin(checks, timeout_ns=SOON_NS)
        asyncio.get_running_loop().call_soon(cancel_all)
        seen = await answered
        assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED)
        assert seen.detail == "its task was cancelled before it began"
        assert checks.abandoned() == ()
        assert (await begin(checks)[1]).outcome is Outcome.UP
        checks.close()

    run(main)


def test_a_call_that_is_cancelled_while_the_hosts_loop_makes_its_task_ends_cancelled(run):
    making, cancelled = threading.Event(), threading.Event()
    host_loop = asyncio.new_event_loop()

    def make(loop, coroutine, **settings):
        making.set()
        assert cancelled.wait(20)
        return asyncio.Task(coroutine, loop=loop, **settings)

    async def check():
        return None

    async def main():
        checks = prober(check, host_loop=host_loop)
        attempt, answered = begin(checks, timeout_ns=SOON_NS)
        assert making.wait(20)
        assert attempt.cancel() is CancelOutcome.UNKNOWN
        cancelled.set()
        assert (await answered).outcome is Outcome.CANCELLED
        assert (await begin(checks)[1]).outcome is Outcome.UP
        checks.close()

    host_loop.set_task_factory(make)
    host = threading.Thread(target=host_loop.run_forever)
    host.start()
    try:
        run(main)
    finally:
        host_loop.call_soon_threadsafe(host_loop.stop)
        host.join(20)
        host_loop.close()


def test_a_blocked_loop_of_the_host_is_an_internal_fault(run):
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
        while "running=1" not in repr(checks):
            await one_turn()
        checks.close()
        assert [(await answer).outcome for answer in answers] == [Outcome.CANCELLED] * 3
        after = await begin(checks)[1]
        assert after.outcome is Outcome.UNKNOWN
        return checks.abandoned()

    before = set(threading.enumerate())
    abandoned = run(main)
    release.set()
    for thread in threading.enumerate():
        if thread.name == "watchkeeper-call-1":
            thread.join(10)

    assert abandoned in {("watchkeeper-call-1: check",), ()}
    assert threads_since(before) == set(), "a thread was left behind"


def test_closing_leaves_no_thread_behind(run):
    async def main():
        checks = prober({str(number): lambda: None for number in range(20)})
        await asyncio.gather(*(begin(checks, name=str(number))[1] for number in range(20)))
        checks.close()

    before = set(threading.enumerate())
    run(main)
    assert threads_since(before) == set()


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
