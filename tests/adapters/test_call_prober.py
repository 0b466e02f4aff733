"""The value or exception of a callable is one observation, sync or async, on any thread or loop."""

import asyncio
import contextvars
import functools
import math
import threading

import pytest
from watchkeeper.domain import limits
from watchkeeper.domain.observation.observation import Measurement, Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason

from tests.adapters.calling import LONG_NS, begin, one_turn, prober


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
