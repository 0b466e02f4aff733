"""An engine alone: what a start, a question and a stop wait for, and what a stop says was left."""

import threading

import pytest
from pykka import ActorDeadError, Timeout
from watchkeeper.actors.dispatch.run.alarm import MillisecondTimer
from watchkeeper.actors.dispatch.run.future import blocking, run_blocking
from watchkeeper.actors.driver_loop import DriverLoop
from watchkeeper.actors.engine import Engine, EngineDependencies
from watchkeeper.actors.supervisor.supervisor import RECORDER
from watchkeeper.actors.system import SINK
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.expectations import Expectations
from watchkeeper.adapters.stores.memory import MemoryStore, SharedRecord
from watchkeeper.domain.errors import StoreError, StoreFenced
from watchkeeper.domain.incidents.record import Silence
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.read_model.status import Status
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration, RuntimeOptions
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S
from watchkeeper.host.subscriptions import Subscriptions
from watchkeeper.protocol.owner import Acknowledge
from watchkeeper.protocol.recorder import GetIncidents, GetMetrics, GetStatus
from watchkeeper.protocol.sink import Mute, Redrive
from watchkeeper.protocol.supervisor import Beat, CheckNow, Pause, Resume, Track, Untrack

from tests.actors.test_debug_mode import JOB, Outside
from tests.support.left_behind import threads_since

WITHIN_S = 20.0


class Gated(MemoryStore):
    """A store that stands still while its gate is shut, and fails to open on request."""

    def __init__(self):
        super().__init__()
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()
        self.refusal = None
        self.commits = 0

    def open(self, now):
        if self.refusal is not None:
            raise self.refusal
        return super().open(now)

    def commit(self, batch):
        self.entered.set()
        self.gate.wait(WITHIN_S)
        self.commits += 1
        if self.refusal is not None:
            raise self.refusal
        return super().commit(batch)


class Drivers(Outside):
    """Drivers that say on request that something still runs, or cannot be closed."""

    left, error = (), None

    def close(self):
        if self.error is not None:
            raise self.error
        return self.left


@pytest.fixture
def store():
    return Gated()


@pytest.fixture
def shared(store):
    """The record of the engine's store, which another may claim."""
    shared = SharedRecord()
    MemoryStore.__init__(store, shared, "a")
    return shared


@pytest.fixture
def engine(store):
    """Makes an engine that watches one heartbeat; its threads have ended afterwards."""
    before, made = set(threading.enumerate()), []

    def make(make_drivers=Drivers, file=None):
        configuration = Configuration(
            runtime=RuntimeOptions(store=file), channels=(Channel(id="ops", log=Log()),), targets=(JOB,)
        )
        dependencies = EngineDependencies(
            clock=SystemClock(),
            loop=DriverLoop(SystemClock(), MillisecondTimer, make_drivers),
            store=store,
            publisher=Subscriptions(),
            expectation_of=Expectations(),
            dice=lambda: 1.0,
            asked=lambda listener: listener((JOB,)),
        )
        made.append(Engine(configuration, dependencies))
        return made[-1]

    yield make
    store.gate.set()
    for each in made:
        # An engine is stopped once; its recorder ends last.
        if each.system.recorder.alive:
            each.stop(5 * NS_PER_S)
    for thread in set(threading.enumerate()) - before:
        thread.join(WITHIN_S)
    assert threads_since(before) == set()


def ask(engine, question, listener=RECORDER, within_ns=10 * NS_PER_S):
    until_ns = engine.clock.read().monotonic_ns + within_ns
    return run_blocking(engine.ask(listener, question, until_ns, blocking))


def beat(engine, outcome=Outcome.UP):
    return Beat("job", outcome, "", engine.clock.read())


def test_a_start_returns_once_every_target_is_scheduled(engine):
    made = engine()
    made.start()
    assert [target.id for target in ask(made, GetStatus()).targets] == ["job"]


def test_a_store_that_cannot_be_opened_is_the_error_of_the_start(engine, store):
    store.refusal = StoreError("another process holds it")
    made = engine()
    with pytest.raises(StoreError, match="another process holds it") as raised:
        made.start()
    assert raised.value is store.refusal


def test_drivers_that_cannot_be_made_are_the_error_of_the_engine(engine):
    before = set(threading.enumerate())

    def fail(dispatcher):
        raise LookupError("no driver")

    with pytest.raises(LookupError, match="no driver"):
        engine(fail)
    assert threads_since(before) == set()


def test_a_host_finds_its_own_commands_in_the_next_answer(engine, store):
    made = engine()
    made.start()

    def status():
        (target,) = ask(made, GetStatus()).targets
        return target.status

    made.tell(beat(made, Outcome.DOWN))
    assert status() is Status.DOWN
    (incident,) = ask(made, GetIncidents(True))
    made.tell(Acknowledge(incident.id, "ann"))
    assert ask(made, GetIncidents(True))[0].acknowledged_by == "ann"
    made.tell(Pause("job"))
    assert status() is Status.PAUSED
    made.tell(Resume("job"))
    assert status() is Status.DOWN
    made.tell(Mute(Silence(id="s", until_ns=made.clock.read().wall_ns + 3_600 * NS_PER_S)))
    assert [silence.id for silence in ask(made, GetStatus()).silences] == ["s"]
    made.tell(Untrack("job"))
    assert ask(made, GetStatus()).targets == ()
    made.tell(Track(JOB))
    assert [target.id for target in ask(made, GetStatus()).targets] == ["job"]
    assert ask(made, Redrive("unheard of"), SINK) is False


def test_a_store_that_refuses_a_command_is_a_problem_of_the_next_answer(engine, store):
    """The sink is refused, the supervisor says so, and the recorder shows it: a host that asks must not be faster."""
    for _ in range(12):
        made = engine()
        made.start()
        store.refusal = StoreError("the disk is full")
        made.tell(Mute(Silence(id="s", until_ns=made.clock.read().wall_ns + 3_600 * NS_PER_S)))
        problems = dict(ask(made, GetStatus()).problems)
        store.refusal = None
        made.stop(5 * NS_PER_S)
        assert problems == {"store": "the disk is full"}


def test_a_flood_of_checks_of_one_target_keeps_one_waiting(engine):
    made = engine()
    made.start()
    entered, gate = threading.Event(), threading.Event()

    def stand_still():
        entered.set()
        gate.wait(WITHIN_S)

    made.system.supervisor.question(Pause("job")).add_done_callback(stand_still)
    assert entered.wait(WITHIN_S)
    for _ in range(1_000):
        made.tell(CheckNow("job"))
        made.tell(CheckNow("shop"))
    # Beside the two: what the sink says of the pause.
    assert len(made.system.supervisor) < 10
    gate.set()
    ask(made, GetStatus())
    made.tell(CheckNow("job"))
    assert ask(made, GetStatus()).healthy


def test_an_answer_waits_for_the_disk_only_behind_a_command(engine, store):
    made = engine()
    made.start()
    ask(made, GetStatus())
    store.gate.clear()
    made.system.supervisor.tell(beat(made, Outcome.DOWN))
    assert store.entered.wait(WITHIN_S)
    assert ask(made, GetStatus()).healthy
    made.tell(Pause("job"))
    for _ in range(2):
        with pytest.raises(Timeout):
            ask(made, GetStatus(), within_ns=50 * NS_PER_MS)
    assert ask(made, GetMetrics()).in_flight == 0
    store.gate.set()
    assert ask(made, GetStatus()).targets[0].paused
    store.entered.clear()
    store.gate.clear()
    made.system.supervisor.tell(Resume("job"))
    made.system.supervisor.tell(beat(made))
    assert store.entered.wait(WITHIN_S)
    assert ask(made, GetStatus()).healthy


def test_a_stop_without_anything_undone_says_nothing(engine):
    made = engine(file="watch.db")
    made.start()
    left = made.stop(5 * NS_PER_S)
    assert (left.left, left.store, bool(left)) == ((), "watch.db", False)
    with pytest.raises(ActorDeadError):
        ask(made, GetStatus())


def test_a_stop_names_the_actor_and_the_thread_that_hang(engine, store):
    made = engine()
    made.start()
    store.gate.clear()
    made.tell(beat(made, Outcome.DOWN))
    assert store.entered.wait(WITHIN_S)
    left = dict(made.stop(200 * NS_PER_MS).left)
    assert left["actors that did not end in time"] == ("sink",)
    (thread,) = left["threads that did not end"]
    assert thread.startswith("watchkeeper-sink-0: ")


def test_a_stop_names_the_functions_of_the_host_that_still_run(engine):
    made = engine(type("Stuck", (Drivers,), {"left": ("check shop",)}))
    made.start()
    assert made.stop(5 * NS_PER_S).left == (("callables that still run", ("check shop",)),)


def test_drivers_that_cannot_be_closed_are_logged_and_named_and_the_threads_end(engine, caplog):
    made = engine(type("Broken", (Drivers,), {"error": OSError("no such handle")}))
    made.start()
    assert made.stop(5 * NS_PER_S).left == (("not closed", ("drivers: OSError('no such handle')",)),)
    assert "The drivers could not be closed" in caplog.text


def test_a_stop_says_so_where_the_recorder_did_not_answer(engine):
    made = engine()
    made.start()
    made.system.stop(made.system.recorder)
    left = made.stop(5 * NS_PER_S).left
    assert left == (("unknown work, as the recorder did not answer", ("recorder",)),)


def owned_by_another(shared):
    """Another store claims the record, as after a freeze of the owner."""
    other = MemoryStore(shared, "b")
    other.lapsed = shared.tenure
    other.open(SystemClock().read())


def test_an_engine_ends_by_itself_once_it_has_lost_its_store(shared, engine):
    made, reasons, ended = engine(), [], threading.Event()
    made.start()

    def on_end(reason):
        reasons.append(reason)
        ended.set()

    made.on_end(on_end)
    owned_by_another(shared)
    assert ended.wait(WITHIN_S)
    made.on_end(reasons.append)
    (first, again) = reasons
    assert isinstance(first, StoreFenced)
    assert first is again
    made.stop(5 * NS_PER_S)
    assert shared.tenure.owner == "b"


def test_an_engine_that_is_stopped_has_not_ended_by_itself(engine):
    made, reasons = engine(), []
    made.start()
    made.on_end(reasons.append)
    made.stop(5 * NS_PER_S)
    assert reasons == []
