"""A runtime called as a newcomer guesses: each refusal says what to write."""

import asyncio
from datetime import UTC, datetime

import pytest
from watchkeeper import (
    CallChannel,
    Channel,
    ConfigurationError,
    Heartbeat,
    Runtime,
    Target,
    UnknownName,
    UsageError,
)

JOB = Target(id="etl", every="1h", heartbeat=Heartbeat(), notify=("team",))
TEAM = Channel(id="team", call=CallChannel(name="announce"))


def made(**given):
    return Runtime(targets=[JOB], channels=[TEAM], callables={"announce": lambda notice: None}, **given)


@pytest.fixture(scope="module", params=["active", "standby"])
def runtime(request, tmp_path_factory):
    """A runtime that watches, and one that stands by for it: the refusals are the same."""
    store = tmp_path_factory.mktemp("guesses") / "watch.db"
    with made(store=store) as active, made(store=store) as waiting:
        assert waiting.role == "standby"
        yield {"active": active, "standby": waiting}[request.param]


GUESSES = [
    (lambda it: it.silence("etl", until="2h"), ValueError, "'2h' is no moment: write it like 2026-"),
    (lambda it: it.silence("etl", until=datetime.now(UTC)), TypeError, "a moment is a text like 2026-"),
    (lambda it: it.silence("etl", until=None), TypeError, "a moment is a text like 2026-"),
    (lambda it: it.silence("etl", "1h", match=None), TypeError, "matchers are texts such as group=shop"),
    (lambda it: it.silence("etl", "1h", match=[7]), TypeError, "matchers are texts such as group=shop"),
    (lambda it: it.silence("etl", "1h", by=None), TypeError, "expected a text, got None"),
    (lambda it: it.silence("etl", "1h", id=7), UsageError, "7 is no id of a silence: 1 to 128 characters"),
    (lambda it: it.silence("etl", "1h", id=""), UsageError, "'' is no id of a silence"),
    (
        lambda it: it.silence("etl", "1h", id=".."),
        UsageError,
        "'..' is no id of a silence: .* neither . nor .. alone",
    ),
    (lambda it: it.silence("etl", "1h", id="a/b"), UsageError, "'a/b' is no id of a silence: .* no slash"),
    (lambda it: it.heartbeat("etl", detail=1_204), TypeError, "expected a text, got 1204"),
    (lambda it: it.heartbeat(JOB), TypeError, "named by its id, which is a text, not by Target"),
    (lambda it: it.pause(None), TypeError, "named by its id, which is a text, not by None"),
    (lambda it: it.resume(7), TypeError, "named by its id, which is a text, not by 7"),
    (lambda it: it.check_now(7), TypeError, "named by its id, which is a text, not by 7"),
    (lambda it: it.untrack(7), TypeError, "named by its id, which is a text, not by 7"),
    (lambda it: it.job(7), TypeError, "named by its id, which is a text, not by 7"),
    (lambda it: it.job("elt"), UnknownName, "no target is named 'elt', did you mean etl"),
    (lambda it: it.redrive(7), TypeError, "expected a text, got 7"),
    (lambda it: it.test_channel(TEAM), TypeError, "named by its id, which is a text, not by Channel"),
    (lambda it: it.acknowledge(JOB, "ann"), TypeError, "expected a text, got Target"),
    (lambda it: it.attempts("elt"), UnknownName, "no target is named 'elt', did you mean etl"),
    (lambda it: it.status()["elt"], UnknownName, "no target 'elt' is watched, did you mean etl"),
    (lambda it: it.reload("watch.yaml"), TypeError, r"reload\(\) takes a Configuration, not 'watch.yaml'"),
    (lambda it: it.asgi("anna"), TypeError, "actor is a function of a request's scope, not 'anna'"),
]


@pytest.mark.parametrize(("ask", "error", "says"), GUESSES)
def test_a_wrong_value_is_refused_with_what_to_write(runtime, ask, error, says):
    with pytest.raises(error, match=says):
        ask(runtime)


@pytest.mark.parametrize("name", ["attempts", "preview_silence", "test_channel"])
def test_an_unknown_name_is_refused_by_the_awaitable_method_as_well(runtime, name):
    with pytest.raises(UnknownName) as blocking:
        getattr(runtime, name)("elt")
    with pytest.raises(UnknownName) as awaited:
        asyncio.run(getattr(runtime.aio, name)("elt"))
    assert str(awaited.value) == str(blocking.value)


def test_callables_that_have_no_names_are_refused():
    with pytest.raises(
        ConfigurationError, match=r"callables: expected functions by name, like .*, got a list"
    ):
        Runtime(callables=[print])


def test_the_repr_of_a_status_counts_as_people_do(runtime):
    assert repr(runtime.status()) == "<RuntimeStatus: 1 target, 1 unknown, 0 open incidents, healthy>"


def test_a_command_that_is_awaited_is_refused_with_where_it_is(runtime):
    with pytest.raises(
        AttributeError, match=r"runtime\.aio has no 'silence': .* without `await`, on the runtime itself"
    ):
        runtime.aio.silence("etl", "1h")


def test_a_subscription_says_what_waits(runtime):
    with runtime.subscribe() as events:
        assert repr(events) == "<Subscription: 0 events queued, 0 dropped>"
