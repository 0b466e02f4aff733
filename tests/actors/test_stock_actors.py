"""Actors that are started as pykka starts them: its contract of start, ask, stop and references, on every execution model."""

import threading

import pytest
from execution_models import LoopActor, PoolActor, SimulatedActor
from pykka import ActorDeadError, ActorRegistry
from pykka._envelope import Envelope
from watchkeeper.actors.dispatch.pykka_compat.stopped_flag import StoppedFlag
from watchkeeper.actors.dispatch.run.future import DispatchedFuture
from watchkeeper.actors.dispatch.run.loop import LoopDispatcher
from watchkeeper.domain.limits import TURN_MESSAGES_MAX

SOON_S = 20.0
MODELS = [LoopActor, PoolActor, SimulatedActor]


@pytest.fixture(params=MODELS, ids=lambda model: model.__name__)
def echo(request):
    """An actor that calls its messages, and records them."""

    class Echo(request.param):
        def __init__(self):
            super().__init__()
            self.heard = []

        def on_receive(self, message):
            self.heard.append(message)
            return message() if callable(message) else message

    reference = Echo.start()
    yield reference
    reference.stop(timeout=SOON_S)


def test_a_stock_actor_answers_in_the_order_of_its_questions(echo):
    answers = [echo.ask(number, block=False) for number in range(3 * TURN_MESSAGES_MAX)]
    assert [answer.get(timeout=SOON_S) for answer in answers] == list(range(3 * TURN_MESSAGES_MAX))


def test_a_stock_actor_stops_once(echo):
    assert echo.is_alive()
    assert echo.stop(timeout=SOON_S) is True
    assert echo.stop(timeout=SOON_S) is False
    assert echo.stop(block=False).get(timeout=SOON_S) is False
    assert not echo.is_alive()
    assert echo not in ActorRegistry.get_all()


def test_questions_behind_a_stop_are_answered_with_the_end(echo):
    gate = threading.Event()
    held = echo.ask(lambda: gate.wait(SOON_S), block=False)
    stopping = echo.stop(block=False)
    behind = [echo.ask(number, block=False) for number in range(2 * TURN_MESSAGES_MAX)]
    gate.set()
    assert (held.get(timeout=SOON_S), stopping.get(timeout=SOON_S)) == (True, True)
    for answer in behind:
        with pytest.raises(ActorDeadError):
            answer.get(timeout=SOON_S)
    with pytest.raises(ActorDeadError):
        echo.ask("later", timeout=SOON_S)


def test_a_question_of_a_sender_that_saw_the_actor_alive_is_answered_after_its_end(echo):
    echo.stop(timeout=SOON_S)
    late = DispatchedFuture()
    echo.actor_inbox.put(Envelope("late", reply_to=late))
    with pytest.raises(ActorDeadError):
        late.get(timeout=SOON_S)


def test_an_error_of_a_stock_actor_reaches_its_asker_and_the_actor_goes_on(echo):
    with pytest.raises(ZeroDivisionError):
        echo.ask(lambda: 1 / 0, timeout=SOON_S)
    assert echo.ask("still here", timeout=SOON_S) == "still here"


@pytest.mark.parametrize("block", [True, False])
def test_a_stop_from_a_dispatchers_thread_asks_and_does_not_wait(echo, block):
    other = type(
        echo.actor_class.__name__, (LoopActor,), {"on_receive": lambda _, message: message()}
    ).start()
    stopped = other.ask(lambda: echo.stop(block=block), timeout=SOON_S)
    if block:
        assert stopped is True
        assert other.ask(lambda: other.stop(block=True), timeout=SOON_S) is True
        assert echo.actor_stopped.wait(SOON_S)
    else:
        assert stopped.get(timeout=SOON_S) is True
    assert other.stop(timeout=SOON_S) in {True, False}


def test_a_turn_of_a_stock_actor_ends_after_its_messages():
    dispatcher, order = LoopDispatcher(), []

    class Writer(LoopActor):
        def __init__(self, name):
            super().__init__()
            self.name = name

        @classmethod
        def default_dispatcher(cls):
            return dispatcher

        def on_receive(self, message):
            order.append(self.name)

    writers = [Writer.start(name) for name in "ab"]
    for writer in writers:
        for _ in range(TURN_MESSAGES_MAX + 1):
            writer.tell(None)
    dispatcher.start()
    for writer in writers:
        assert writer.stop(timeout=SOON_S)
    assert order == ["a"] * TURN_MESSAGES_MAX + ["b"] * TURN_MESSAGES_MAX + ["a", "b"]
    assert dispatcher.stop(SOON_S) == ()


# The stopped flag.


@pytest.mark.parametrize("waited", [False, True])
def test_a_stopped_flag_is_set_for_good_and_wakes_each_that_waits(waited):
    flag, woken = StoppedFlag(), []
    assert (flag.is_set(), flag.wait(0) if waited else False) == (False, False)
    thread = threading.Thread(target=lambda: woken.append(flag.wait(SOON_S)))
    thread.start()
    flag.set()
    thread.join(SOON_S)
    assert (woken, flag.is_set(), flag.wait(), flag.wait(0)) == ([True], True, True, True)
