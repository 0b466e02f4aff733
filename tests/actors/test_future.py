"""The future of an answer: set once, read by any thread or event loop, and never waited for in vain."""

import asyncio
import queue
import threading
import types

import pytest
from logged import messages, records
from pykka import Timeout
from watchkeeper.actors.dispatch.run.dispatcher import Dispatcher
from watchkeeper.actors.dispatch.run.future import DispatchedFuture, blocking, run_blocking
from watchkeeper.actors.dispatch.run.would_deadlock import WouldDeadlock

SOON_S = 20.0
INSTANT_S = 0.01


@pytest.fixture
def future():
    return DispatchedFuture()


def on_thread(function):
    """Calls the function on another thread, which has ended when its result is asked for."""
    results = []

    def call():
        try:
            results.append(function())
        except Exception as error:  # noqa: BLE001  # it is looked at
            results.append(error)

    thread = threading.Thread(target=call)
    thread.start()

    def result():
        thread.join(SOON_S)
        return results[0]

    return result


# Setting.


@pytest.mark.parametrize(
    "again",
    [
        lambda future: future.set("second"),
        lambda future: future.set_exception((ValueError, ValueError("second"), None)),
        lambda future: future.set_get_hook(lambda _: "second"),
    ],
    ids=["value", "exception", "hook"],
)
@pytest.mark.parametrize("hooked", [False, True])
def test_an_answer_is_set_once_and_the_first_one_stays(future, again, hooked):
    if hooked:
        future.set_get_hook(lambda _: "first")
    else:
        future.set("first")
    with pytest.raises(queue.Full):
        again(future)
    assert future.get() == "first"


@pytest.mark.parametrize(
    ("given", "raised"),
    [
        ((ValueError, ValueError("bug"), None), ValueError),
        ((ValueError, None, None), ValueError),
        ((None, None, None), RuntimeError),
    ],
)
def test_an_error_is_raised_by_each_read_of_the_answer(future, given, raised):
    future.set_exception(given)
    for _ in range(2):
        with pytest.raises(raised):
            future.get()


def test_the_error_that_is_being_handled_is_the_answer_where_none_is_given(future):
    try:
        {}["handled"]
    except KeyError:
        future.set_exception()
    with pytest.raises(KeyError, match="handled"):
        future.get()


# Callbacks.


def test_a_callback_runs_once_the_answer_is_set_and_never_before(future):
    seen = []
    future.add_done_callback(lambda: seen.append(future.get()))
    assert (seen, future.done()) == ([], False)
    future.set("answer")
    assert (seen, future.done()) == (["answer"], True)
    future.add_done_callback(lambda: seen.append("late"))
    assert seen == ["answer", "late"]


@pytest.mark.parametrize("error", [ValueError("bug"), IndexError("bug")])
def test_a_callback_that_fails_is_logged_and_keeps_no_other_from_running(future, caplog, error):
    seen = []

    def fail():
        raise error

    for callback in (lambda: seen.append(1), fail, lambda: seen.append(2)):
        future.add_done_callback(callback)
    future.set()
    assert sorted(seen) == [1, 2]
    assert messages(caplog) == ["A callback of a future failed"]


# Waiting.


def test_a_thread_that_waits_without_limit_gets_the_answer(future):
    waiting = on_thread(future.get)
    future.set("answer")
    assert waiting() == "answer"


@pytest.mark.parametrize("timeout_s", [-1, 0, INSTANT_S])
def test_an_answer_that_does_not_come_is_a_timeout(future, timeout_s):
    with pytest.raises(Timeout):
        future.get(timeout=timeout_s)


@pytest.mark.parametrize("timeout_s", [-1, 0])
def test_a_look_at_the_answer_that_waits_for_nothing_is_no_deadlock(future, loop_dispatcher, timeout_s):
    looked = queue.SimpleQueue()

    def look():
        try:
            future.get(timeout=timeout_s)
        except (Timeout, WouldDeadlock) as error:
            looked.put(type(error))

    loop_dispatcher.loop.call_soon_threadsafe(look)
    assert looked.get(timeout=SOON_S) is Timeout


def test_the_dispatcher_of_the_answer_runs_while_a_thread_waits(future):
    class Answering(Dispatcher):
        def drive(self, done, timeout_s):
            assert not done()
            future.set(timeout_s)

    future.driver = Answering()
    assert future.get(timeout=0.5) == 0.5


# Hooks.


def test_a_hook_is_asked_once_and_told_how_long_it_may_take(future):
    asked = []
    future.set_get_hook(lambda timeout: asked.append(timeout) or "computed")
    assert [future.get(timeout=3), future.get(), asyncio.run(awaited(future))] == ["computed"] * 3
    assert asked == [3]


async def awaited(future):
    return await future


@pytest.mark.parametrize("timeout_s", [-1, 0, INSTANT_S])
def test_a_thread_waits_no_longer_than_it_may_for_the_hook_of_another(future, timeout_s):
    begun, gate = threading.Event(), threading.Event()
    future.set_get_hook(lambda _: (begun.set(), gate.wait(0.9)))
    computing = on_thread(future.get)
    assert begun.wait(SOON_S)
    with pytest.raises(Timeout):
        future.get(timeout=timeout_s)
    patient = on_thread(future.get)
    gate.set()
    assert computing() == patient() == (None, True)


# Awaiting.


def noticed(work):
    """The complaints of the event loop while it runs a coroutine and the rounds after it."""
    complaints = []

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        await work()
        await asyncio.wait_for(asyncio.to_thread(int), SOON_S)

    asyncio.run(run())
    return complaints


def test_an_answer_after_the_wait_for_it_was_given_up_disturbs_no_loop(future):
    async def give_up():
        waiting = asyncio.ensure_future(awaited(future))
        await asyncio.wait((waiting,), timeout=0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        future.set("late")

    assert noticed(give_up) == []


def test_an_answer_after_its_loop_was_closed_is_no_error(future, caplog):
    async def give_up():
        with pytest.raises(Timeout):
            await future.within(0)

    asyncio.run(give_up())
    future.set("late")
    assert (future.get(), records(caplog)) == ("late", [])


def test_an_answer_that_is_there_is_awaited_on_any_loop(future):
    future.set("answer")
    assert [asyncio.run(awaited(future)) for _ in range(2)] == ["answer"] * 2
    assert asyncio.run(future.within(0)) == "answer"


def test_an_answer_is_awaited_without_a_thread(future):
    before = set(threading.enumerate())

    async def wait():
        waiting = asyncio.ensure_future(awaited(future))
        await asyncio.wait((waiting,), timeout=0)
        begun = set(threading.enumerate()) - before
        future.set("answer")
        return begun, await waiting

    assert asyncio.run(wait()) == (set(), "answer")


# Coroutines that block.


def test_a_coroutine_that_only_blocks_runs_without_an_event_loop(future):
    async def ask():
        return await blocking(future, SOON_S)

    setting = on_thread(lambda: future.set("answer"))
    assert run_blocking(ask()) == "answer"
    assert setting() is None


def test_a_coroutine_that_suspends_all_the_same_is_refused(future):
    waiting = awaited_bare()
    with pytest.raises(RuntimeError, match="was to block has suspended"):
        run_blocking(waiting)
    waiting.close()


@types.coroutine
def suspend():
    yield


async def awaited_bare():
    await suspend()
