"""Debug mode: a violated invariant is logged, counted and shown while the runtime runs, and costs no notice."""

import logging
from types import MappingProxyType

import pytest
from logged import records
from watchkeeper.actors.dispatch.run.alarm import MillisecondTimer
from watchkeeper.actors.dispatch.run.future import blocking, run_blocking
from watchkeeper.actors.driver_loop import DriverLoop
from watchkeeper.actors.engine import Engine, EngineDependencies
from watchkeeper.actors.supervisor.supervisor import RECORDER
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.expectations import Expectations
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.notice import Answer, DeliveryState
from watchkeeper.domain.incidents.record import Restored
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.read_model.event import HealthChanged, NoticeEnded
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration, RuntimeOptions
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.host.subscriptions import Subscriptions
from watchkeeper.protocol.recorder import GetStatus
from watchkeeper.protocol.sink import Redrive
from watchkeeper.protocol.supervisor import Beat

JOB = Target(
    id="job",
    every="1h",
    heartbeat=Heartbeat(grace="1h"),
    rules=(Consecutive(id="down", after=1, recover=1),),
    default_rules=False,
    notify=("ops",),
)
WITHIN_S = 20.0


class Forgetful(MemoryStore):
    """Restores no open incident once `open` has failed."""

    failed = False

    def recall(self, key):
        self.failed = True
        raise StoreError("injected: it cannot be read")

    def open(self, now):
        restored = super().open(now)
        return Restored(epoch=restored.epoch) if self.failed else restored


class Outside:
    """One channel that takes everything."""

    probers = MappingProxyType({})
    pinger = None

    def __init__(self, dispatcher):
        self._loop = dispatcher.loop
        self.messengers = {"ops": self}

    def send(self, notice, attempt, deadline, done, memory=""):
        self._loop.call_soon(done, Answer(accepted=True))

    def located(self, target):
        return None

    def report_locations(self, listener):
        pass

    def forget_locations(self, listener):
        pass

    def close(self):
        return ()


@pytest.fixture
def engine():
    """Makes and starts an engine; stopped afterwards."""
    started = []

    def make(*, debug):
        feed = Subscriptions()
        events = feed.subscribe()
        configuration = Configuration(
            runtime=RuntimeOptions(debug=debug), channels=(Channel(id="ops", log=Log()),), targets=(JOB,)
        )
        fittings = EngineDependencies(
            clock=SystemClock(),
            loop=DriverLoop(SystemClock(), MillisecondTimer, Outside),
            store=Forgetful(),
            publisher=feed,
            expectation_of=Expectations(),
            dice=lambda: 1.0,
            asked=lambda listener: listener((JOB,)),
        )
        made = Engine(configuration, fittings)
        made.start()
        started.append(made)
        return made, events

    yield make
    for made in started:
        made.stop(5_000_000_000)


def beat(engine, outcome):
    engine.system.supervisor.tell(Beat("job", outcome, "", engine.clock.read()))


def until(events, wanted):
    event = events.get(WITHIN_S)
    while event is not None and not wanted(event):
        event = events.get(WITHIN_S)
    return event


def delivered(event):
    return isinstance(event, NoticeEnded) and event.delivery.state is DeliveryState.DELIVERED


def about(part):
    return lambda event: isinstance(event, HealthChanged) and event.part == part


@pytest.mark.parametrize("debug", [True, False])
def test_a_broken_invariant_is_said_and_shown_and_nothing_is_lost(engine, caplog, debug):
    running, events = engine(debug=debug)
    beat(running, Outcome.DOWN)
    assert until(events, delivered).notice.change.value == "opened"
    running.system.sink.ask(Redrive("msg_unknown"), WITHIN_S)
    store = until(events, about("store"))
    while store.detail:
        store = until(events, about("store"))
    beat(running, Outcome.UP)
    assert until(events, delivered).notice.change.value == "resolved"
    status = run_blocking(
        running.ask(
            RECORDER, GetStatus(), running.clock.read().monotonic_ns + int(WITHIN_S * NS_PER_S), blocking
        )
    )
    assert ("invariants" in dict(status.problems)) is debug
    assert dict(status.counters).get("invariants_broken", 0) == (2 if debug else 0)
    said = [record.getMessage() for record in records(caplog) if record.levelno == logging.ERROR]
    assert any("Invariant S11 is broken" in line for line in said) is debug
