"""The bridge between the loop and foreign code: for every end, the outcome and the number of effects together."""

import asyncio
import threading

import pytest
import uvloop
from watchkeeper.adapters.callables.calls import Calls
from watchkeeper.adapters.callables.results import Cancelled, Overloaded, Raised, Returned, TimedOut
from watchkeeper.adapters.callables.tasks import CallTasks
from watchkeeper.adapters.callables.threads import CallThreads
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline

from tests.adapters.timing import call_at_of

CLOCK = SystemClock()


class Bench:
    """A bridge with one place, an effect to count, and a gate on either side of the effect."""

    def __init__(self, colour):
        self.loop = asyncio.get_running_loop()
        self.colour = colour
        runner = CallThreads(self.loop, threads_max=1) if colour == "threads" else CallTasks(self.loop)
        self.calls = Calls(runner, call_at_of(self.loop, CLOCK), CLOCK)
        self.effects = 0
        self.before, self.after = self.gate(), self.gate()
        self.entered = asyncio.Event()
        self.did = asyncio.Event()
        self.error = None
        self.on_late_result = []

    def gate(self):
        return threading.Event() if self.colour == "threads" else asyncio.Event()

    def note(self, event):
        self.loop.call_soon_threadsafe(event.set)

    def sync_work(self):
        self.note(self.entered)
        self.before.wait(20)
        self.effects += 1
        self.note(self.did)
        self.after.wait(20)
        if self.error:
            raise self.error
        return "done"

    async def async_work(self):
        self.entered.set()
        await self.before.wait()
        self.effects += 1
        self.did.set()
        await self.after.wait()
        if self.error:
            raise self.error
        return "done"

    def submit(self, timeout_ns=10 * NS_PER_S, name="work"):
        answered = self.loop.create_future()
        work = self.sync_work if self.colour == "threads" else self.async_work
        deadline = Deadline.after(CLOCK.read(), timeout_ns)
        return self.calls.submit(
            name, work, deadline, answered.set_result, self.on_late_result.append
        ), answered

    def open_all(self):
        self.before.set()
        self.after.set()

    async def settle(self):
        """Come round until nothing runs, then close."""
        self.open_all()
        while repr(self.calls) != "Calls(running=0, waiting=0, abandoned=0)":
            turned = self.loop.create_future()
            self.loop.call_soon(turned.set_result, None)
            await turned
        self.calls.close()


@pytest.fixture(params=["threads", "tasks"])
def colour(request):
    return request.param


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def on_bench(request, colour):
    def run(main):
        async def whole():
            bench = Bench(colour)
            await main(bench)
            await bench.settle()
            return bench

        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(whole(), 20))

    return run


def test_success_is_returned_after_one_effect(on_bench):
    async def main(bench):
        bench.open_all()
        assert await bench.submit()[1] == Returned("done")

    assert on_bench(main).effects == 1


def test_an_error_after_the_effect_is_raised_not_retried(on_bench):
    async def main(bench):
        bench.error = ConnectionResetError(104, "peer went away")
        bench.open_all()
        ended = await bench.submit()[1]
        assert isinstance(ended, Raised)
        assert (ended.kind, ended.error_number) == ("ConnectionResetError", 104)

    assert on_bench(main).effects == 1


def test_its_own_timeout_error_is_not_our_deadline(on_bench):
    async def main(bench):
        bench.error = TimeoutError("its own")
        bench.open_all()
        assert isinstance(await bench.submit()[1], Raised)

    on_bench(main)


def test_a_deadline_during_a_thread_says_timed_out_not_undone(on_bench, colour):
    async def main(bench):
        # On a busy machine the thread may begin too late.
        while (ended := await bench.submit(timeout_ns=500 * NS_PER_MS)[1]) != TimedOut():
            assert isinstance(ended, Overloaded)

    bench = on_bench(main)
    # The thread goes on and its effect happens after the deadline; the coroutine is stopped before its effect.
    assert bench.effects == (1 if colour == "threads" else 0)
    assert [type(ended) for ended in bench.on_late_result] == [Returned if colour == "threads" else Raised]


def test_cancel_before_it_begins_has_no_effect(on_bench):
    async def main(bench):
        if bench.colour == "threads":
            bench.submit(name="in the way")
        call, answered = bench.submit()
        assert call.cancel() is call.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.open_all()
        assert await bench.submit(name="other")[1] == Returned("done")
        assert not answered.done(), "a cancelled call answered"

    bench = on_bench(main)
    assert bench.effects == (2 if bench.colour == "threads" else 1)


def test_cancel_before_the_effect_is_unknown_for_a_thread(on_bench, colour):
    async def main(bench):
        call, answered = bench.submit()
        await bench.entered.wait()
        assert call.cancel() is CancelOutcome.UNKNOWN
        bench.open_all()
        assert await answered == (Returned("done") if colour == "threads" else Cancelled())

    assert on_bench(main).effects == (1 if colour == "threads" else 0)


def test_cancel_during_the_effect_is_unknown_for_both(on_bench, colour):
    async def main(bench):
        bench.before.set()
        call, answered = bench.submit()
        await bench.did.wait()
        assert call.cancel() is CancelOutcome.UNKNOWN
        bench.open_all()
        assert await answered == (Returned("done") if colour == "threads" else Cancelled())

    assert on_bench(main).effects == 1


def test_cancel_after_the_effect_says_it_completed_anyway(on_bench):
    async def main(bench):
        bench.open_all()
        call, answered = bench.submit()
        await answered
        assert call.cancel() is CancelOutcome.COMPLETED_ANYWAY
        assert call.cancel() is CancelOutcome.COMPLETED_ANYWAY

    assert on_bench(main).effects == 1


def test_cancel_between_the_end_and_the_news_is_too_late(on_bench, colour):
    async def main(bench):
        if colour == "tasks":
            return
        bench.open_all()
        call, answered = bench.submit()
        end = CLOCK.read().shifted(10 * NS_PER_S)
        # The loop does not come round here, so the news that is posted to it cannot arrive.
        while not call.performed:
            assert CLOCK.read().since(end) < 0
        assert call.cancel() is CancelOutcome.COMPLETED_ANYWAY
        assert await answered == Returned("done")

    assert on_bench(main).effects == (1 if colour == "threads" else 0)


def test_a_full_executor_is_overloaded_without_effect(on_bench, colour):
    async def main(bench):
        _, first = bench.submit()
        await bench.entered.wait()
        _, second = bench.submit(timeout_ns=50 * NS_PER_MS, name="second")
        ended = await second
        # Tasks need no free place: theirs is simply still under way when its time is up.
        assert isinstance(ended, Overloaded if colour == "threads" else TimedOut)
        assert bench.effects == 0
        bench.open_all()
        await first

    assert on_bench(main).effects == 1


def test_a_deadline_that_has_passed_starts_nothing(on_bench):
    async def main(bench):
        call, answered = bench.submit(timeout_ns=0)
        assert "running=0," in repr(bench.calls)
        bench.open_all()
        ended = await answered
        assert isinstance(ended, Overloaded | TimedOut)
        assert call.cancel() is CancelOutcome.COMPLETED_ANYWAY

    assert on_bench(main).effects == 0


def test_a_failing_listener_harms_no_other_call(on_bench):
    async def main(bench):
        complaints = []
        bench.loop.set_exception_handler(lambda loop, context: complaints.append(context["exception"]))
        bench.open_all()
        work = bench.sync_work if bench.colour == "threads" else bench.async_work

        def faulty(ended):
            raise ZeroDivisionError

        bench.calls.submit("faulty", work, Deadline.after(CLOCK.read(), NS_PER_S), faulty)
        assert await bench.submit()[1] == Returned("done")
        assert [type(each) for each in complaints] == [ZeroDivisionError]

    assert on_bench(main).effects == 2
