"""Every length of time that a host gives may be a number of seconds, a timedelta or a text."""

import asyncio
from datetime import timedelta
from threading import Event

import pytest
from watchkeeper import ALL, ConfigurationError, Http, Runtime, RuntimeOptions, Target
from watchkeeper.testing import World

LENGTHS = {"whole": 3_600, "number": 3_600.0, "delta": timedelta(hours=1), "text": "1h"}


def silences_of(runtime, count):
    """The silences once there are as many; every sample is a reason to look again."""
    with runtime.subscribe(samples=True) as events:
        return next(found for _ in events if len(found := runtime.status().silences) == count)


def test_a_silence_ends_after_the_same_length_however_it_is_written(shop, ops):
    with Runtime(targets=[shop], **ops) as runtime:
        for name, length in LENGTHS.items():
            runtime.silence(ALL, length, id=name)
        ends = [silence.until_ns for silence in silences_of(runtime, len(LENGTHS))]
        assert max(ends) - min(ends) < 60 * 10**9


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_a_stop_a_status_and_a_check_take_every_length(length, shop, ops):
    with Runtime(targets=[shop], **ops) as runtime:
        runtime.check("depth", every=length, notify=["ops"])(lambda: 1)
        assert [target.id for target in runtime.status(max_age=length).targets] == ["shop", "depth"]
        assert not runtime.stop(within=length).lost


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_the_awaitable_surface_takes_every_length(length, shop, ops):
    async def ask():
        async with Runtime(targets=[shop], **ops) as runtime:
            assert (await runtime.aio.status(length)).healthy
            assert not (await runtime.aio.stop(length)).lost

    asyncio.run(ask())


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_a_world_passes_every_length(length):
    world = World([Target(id="shop", every="10m", http=Http(url="http://shop/"))])
    before = world.now
    world.run(length)
    assert world.now.since(before) == 3_600 * 10**9


def test_a_stop_within_nothing_does_not_wait_for_the_grace(ops):
    entered, over = Event(), Event()
    runtime = Runtime(options=RuntimeOptions(grace="1h"), **ops)

    @runtime.check("stuck", every="50ms", timeout="50ms")
    def stuck():
        entered.set()
        over.wait()

    with runtime:
        assert entered.wait(20)
        runtime.stop(within=0)
        over.set()


@pytest.mark.parametrize("length", [-1, "-1s", timedelta(-1), float("nan"), "soon"], ids=repr)
def test_a_text_that_is_no_length_is_refused_and_stops_nothing(length, shop, ops):
    with Runtime(targets=[shop], **ops) as runtime:
        for call in (runtime.stop, runtime.status, lambda length: runtime.silence(ALL, length=length)):
            with pytest.raises(ValueError, match=r"is no duration|is below zero"):
                call(length)
        with pytest.raises(ConfigurationError, match="depth': every: "):
            runtime.check("depth", every=length)
        assert runtime.status().healthy


def test_a_value_of_another_type_than_a_length_is_a_type_error(shop, ops):
    with Runtime(targets=[shop], **ops) as runtime, pytest.raises(TypeError, match="got \\['5s'\\]"):
        runtime.status(["5s"])


def test_a_check_says_at_once_what_is_wrong_with_its_fields(ops):
    with pytest.raises(ConfigurationError, match="interval: unknown key, did you mean every"):
        Runtime(**ops).check("depth", interval=5)
