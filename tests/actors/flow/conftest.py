"""The production actors in virtual time, with drivers, channels and a store under the test's hand."""

import pytest
from records import opened
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.protocol.recorder import GetAttempts
from watchkeeper.testing.world import World

from tests.actors.flow.driver import Driver
from tests.actors.flow.sink_alone import SinkAlone


class Watched:
    """Passes every call on to a store and keeps the committed batches; fails the call that `failing` names."""

    def __init__(self, inner):
        self.inner = inner
        self.failing = None
        self.failures = 0
        self.batches = []
        self.attempted = set()

    def _fail(self, call):
        if self.failing == call:
            self.failures += 1
            raise StoreError("disk full")

    def open(self, now):
        self._fail("open")
        return self.inner.open(now)

    def commit(self, batch):
        self._fail("commit")
        left_out = self.inner.commit(batch)
        self.batches.append(batch)
        self.attempted |= {(delivery.key, delivery.attempts) for delivery in batch.deliveries}
        return left_out

    @property
    def lease_ns(self):
        return self.inner.lease_ns

    def beat(self):
        self._fail("beat")
        self.inner.beat()

    def recall(self, key):
        self._fail("recall")
        return self.inner.recall(key)

    def run_maintenance(self, now):
        self._fail("run_maintenance")
        return self.inner.run_maintenance(now)

    def file_problem(self):
        return self.inner.file_problem()

    def close(self):
        self.inner.close()

    def steps(self):
        return [step for batch in self.batches for step in batch.transitions]

    def changes(self):
        return [step.change.value for step in self.steps()]

    def samples(self, target):
        return [sample for batch in self.batches for sample in batch.samples if sample.target == target]


@pytest.fixture
def shop():
    """Makes a target of sensible values; keyword arguments replace them."""

    def make(name="shop", **fields):
        said = {
            "every": "10s",
            "timeout": "2s",
            "tcp": Tcp(host="a", port=1),
            "rules": (Consecutive(id="down", after=3, recover=2),),
            "notify": ("ops",),
            "default_rules": False,
        }
        return Target(id=name, **(said | fields))

    return make


@pytest.fixture
def driven():
    """Makes a world whose probes answer only on request of the test."""

    def make(*targets, on_cancel=CancelOutcome.WITHOUT_EFFECT, **named):
        world = World(targets, **{"through_bytes": True, **named})
        world.prober = Driver(on_cancel)
        world.store.close()
        world.store = Watched(world.store)
        world.crash()
        return world

    return make


@pytest.fixture
def watched():
    """Makes a world whose store records its batches and fails on request."""

    def make(*targets, **named):
        world = World(targets, **{"through_bytes": True, **named})
        world.store.close()
        world.store = Watched(world.store)
        world.crash()
        return world

    return make


def _attempts(world, target="shop"):
    return world.system.recorder.ask(GetAttempts(target), 60.0)


def _counter(world, name):
    world.run("5s")
    return dict(world.status().counters).get(name, 0)


def _target(world, name="shop"):
    return next(target for target in world.status().targets if target.id == name)


@pytest.fixture
def attempts():
    """The newest attempts of a target, as the recorder shows them."""
    return _attempts


@pytest.fixture
def counter():
    """A counter, after the flush that publishes it."""
    return _counter


@pytest.fixture
def target_of():
    """A target as the read model has it."""
    return _target


@pytest.fixture
def sink():
    """A sink that is alone and has opened an empty record."""
    made = SinkAlone()
    made.forget()
    return made


@pytest.fixture
def carrying(sink):
    """A sink that is alone and whose courier holds the first attempt of one notice; and that notice."""
    sink.record(opened())
    ((notice, _),) = sink.delivered()
    sink.forget()
    return sink, notice
