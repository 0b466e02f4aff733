"""The production actors in virtual time, with drivers, channels and a store under the test's hand."""

from collections import Counter

import pytest
from watchkeeper.domain.attempt import CancelOutcome
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.observation import Observation
from watchkeeper.domain.outcome import Outcome, Reason
from watchkeeper.domain.probe import Tcp
from watchkeeper.domain.rule import Consecutive
from watchkeeper.domain.target import Target
from watchkeeper.protocol.recorder import GetAttempts
from watchkeeper.testing.world import World

S = 1_000_000_000
UP = Observation(connected=True, response_time_ns=5_000_000)
DOWN = Observation(connected=False, outcome=Outcome.DOWN, reason=Reason.CONNECTION_REFUSED)


class Driver:
    """A probe driver that answers when the test says so, and never by itself."""

    def __init__(self, on_cancel=CancelOutcome.WITHOUT_EFFECT):
        self.on_cancel = on_cancel
        self.requests = []
        self.done = {}
        self.cancelled = []
        self.in_flight = Counter()
        self.in_flight_max = Counter()

    def start(self, request, done):
        target = request.attempt.target
        self.requests.append(request)
        self.done[request.attempt] = done
        self.in_flight[target] += 1
        self.in_flight_max[target] = max(self.in_flight_max[target], self.in_flight[target])
        return Handle(self, request.attempt)

    def answer(self, attempt=None, observation=UP):
        """Answer an attempt (the newest), as late or as often as the test likes."""
        attempt = self.requests[-1].attempt if attempt is None else attempt
        self.in_flight[attempt.target] -= 1
        self.done[attempt](observation)

    def close(self):
        """Holds nothing."""


class Handle:
    """What a driver gives back: a cancel comes to whatever the test has set."""

    def __init__(self, driver, attempt):
        self.driver = driver
        self.attempt = attempt

    def cancel(self):
        self.driver.cancelled.append(self.attempt)
        self.driver.in_flight[self.attempt.target] -= 1
        return self.driver.on_cancel


class Watched:
    """Passes everything on to a store, and keeps what became durable; fails while it is told to."""

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
        self.inner.commit(batch)
        self.batches.append(batch)
        self.attempted |= {(delivery.key, delivery.attempts) for delivery in batch.deliveries}

    def recall(self, key):
        self._fail("recall")
        return self.inner.recall(key)

    def keep_house(self, now):
        self._fail("keep_house")
        self.inner.keep_house(now)

    def close(self):
        self.inner.close()

    def changes(self):
        return [step.change.value for batch in self.batches for step in batch.transitions]


@pytest.fixture
def shop():
    """Makes a target of sensible values with others in their place."""

    def make(name="shop", **fields):
        said = {
            "every": "10s",
            "timeout": "2s",
            "tcp": Tcp(host="a", port=1),
            "rules": (Consecutive(id="down", after=3, recover=2),),
            "notify": ("ops",),
        }
        return Target(id=name, **(said | fields))

    return make


@pytest.fixture
def driven():
    """Makes a world whose probes answer only when the test says so."""

    def make(*targets, on_cancel=CancelOutcome.WITHOUT_EFFECT, **named):
        world = World(targets, **{"through_bytes": True, **named})
        world.prober = Driver(on_cancel)
        world.crash()
        return world

    return make


@pytest.fixture
def watched():
    """Makes a world whose store is watched and fails when it is told to."""

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
    """The newest attempts of a target, as anybody may inspect them."""
    return _attempts


@pytest.fixture
def counter():
    """A counter, after the pulse that makes it known."""
    return _counter


@pytest.fixture
def target_of():
    """A target as the read model has it."""
    return _target
