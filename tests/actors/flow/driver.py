"""A probe driver under the test's hand, and the attempts that it was asked for."""

from collections import Counter

from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.cadence import Cadence

UP = Observation(connected=True, response_time_ns=5_000_000)
DOWN = Observation(connected=False, outcome=Outcome.DOWN, reason=Reason.CONNECTION_REFUSED)


class Driver:
    """A probe driver that answers on request of the test, and never by itself."""

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
    """The handle of a started attempt; its cancel has the outcome that the test has set."""

    def __init__(self, driver, attempt):
        self.driver = driver
        self.attempt = attempt

    def cancel(self):
        self.driver.cancelled.append(self.attempt)
        self.driver.in_flight[self.attempt.target] -= 1
        return self.driver.on_cancel


def poller(world, target="shop"):
    """The address of a target's living poller; None where it has crashed, or was stopped."""
    return next((actor for actor in world.dispatcher.living if actor.name == f"poller/{target}"), None)


def run_until_due(world, name, every_ns):
    """Let time pass until the next tick of a target's grid."""
    world.dispatcher.run_until(Cadence.of(name, every_ns).next_after(world.now.monotonic_ns))


def start_times(world, name="shop"):
    return [
        request.started.monotonic_ns for request in world.prober.requests if request.attempt.target == name
    ]


def run_to_start(world):
    """Let time pass until an attempt is under way."""
    before = len(world.prober.requests)
    for _ in range(200):
        world.run("100ms")
        if len(world.prober.requests) > before:
            return world.prober.requests[-1].attempt
    raise AssertionError("no attempt was started")
