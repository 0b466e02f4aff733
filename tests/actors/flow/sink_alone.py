"""The sink alone: its neighbours note what they are told, and its store what is committed, opened and closed."""

import msgspec
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import address_for, spawn
from watchkeeper.actors.ports import Neighbours
from watchkeeper.actors.sink import IncidentSink
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.notice import Answer, Delivery
from watchkeeper.domain.incidents.record import Restored
from watchkeeper.domain.limits import GENERATIONS_PER_RUN
from watchkeeper.domain.specification.channel import Channel, Log, Webhook
from watchkeeper.domain.suppression.suppression import Suppression
from watchkeeper.protocol.courier import Deliver
from watchkeeper.protocol.recorder import CommitFinished
from watchkeeper.protocol.sink import DeliveryAnswered, RecordSamples
from watchkeeper.protocol.supervisor import StoreAnswered, StoreAsked
from watchkeeper.testing.clock import ManualClock

from tests.actors.flow.alone import Told

S = 1_000_000_000
CHANNELS = (
    Channel(id="ops", webhook=Webhook(url="https://ops.example/", timeout="7s"), in_flight_max=2),
    Channel(id="calm", log=Log()),
)
ACCEPTED, REFUSED = Answer(accepted=True, detail="thanks"), Answer(accepted=False, detail="busy")


class Shelf:
    """A store that keeps its batches and, apart from them, marks of what was heard and tries; fails at the named calls."""

    lease_ns = 0

    def __init__(self, restored):
        self.restored = restored
        self.batches = []
        self.marks = []
        self.tries = []
        self.calls = []
        self.failing = set()
        self.dead = {}
        self.problem = ""
        self.left_out = 0
        self.slices_left = 0

    def call(self, name):
        self.calls.append(name)
        if name in self.failing:
            raise StoreError(f"{name} failed")

    def open(self, now):
        self.call("open")
        return self.restored

    def commit(self, batch):
        self.call("commit")
        self.marks.extend(batch.heard)
        self.tries.extend(batch.tries)
        if len(batch) or not (batch.heard or batch.tries):
            self.batches.append(msgspec.structs.replace(batch, heard=(), tries=()))
        left_out, self.left_out = self.left_out, 0
        return left_out

    def beat(self):
        self.call("beat")

    def recall(self, key):
        self.call("recall")
        return self.dead.get(key)

    def run_maintenance(self, now):
        self.call("run_maintenance")
        self.slices_left = max(self.slices_left - 1, 0)
        return self.slices_left > 0

    def file_problem(self):
        return self.problem

    def close(self):
        self.call("close")

    def take(self):
        """The batches since the last call, without those of mere marks."""
        taken, self.batches = self.batches, []
        return taken


class Watching(Told):
    """The supervisor, with the announcements of calls to the store apart from all else."""

    def __init__(self, name, now_ns):
        super().__init__(name, now_ns)
        self.announced = []

    def tell(self, message):
        if type(message) in {StoreAsked, StoreAnswered}:
            self.announced.append(type(message))
        else:
            super().tell(message)


class Reading(Told):
    """The recorder, with the figures of commits apart from all else."""

    def __init__(self, name, now_ns):
        super().__init__(name, now_ns)
        self.commits = []

    def tell(self, message):
        if type(message) is CommitFinished:
            self.commits.append(message)
        else:
            super().tell(message)


class SinkAlone:
    """One sink between listeners that only listen."""

    def __init__(self, restored=None, make_policy=Suppression):
        self.clock = ManualClock()
        self.dispatcher = SimulatedDispatcher(self.clock)
        self.store = Shelf(restored or Restored())
        self.owner, self.ops, self.calm = (Told(name, self.now_ns) for name in ("owner", "ops", "calm"))
        self.recorder = Reading("recorder", self.now_ns)
        self.supervisor = Watching("supervisor", self.now_ns)
        self.sink = address_for(IncidentSink, "sink")
        self.ends = []
        spawn(
            IncidentSink,
            self.clock,
            self.store,
            CHANNELS,
            Neighbours(
                self.supervisor, self.owner, self.sink, self.recorder, {"ops": self.ops, "calm": self.calm}
            ),
            make_policy,
            dispatcher=self.dispatcher,
            address=self.sink,
            on_exit=lambda *exit_: self.ends.append(exit_),
        )
        self.dispatcher.run_until_idle()
        self.generation = self.store.restored.epoch * GENERATIONS_PER_RUN + 1

    def now_ns(self):
        return self.clock.read().monotonic_ns

    @property
    def wall_ns(self):
        return self.clock.read().wall_ns

    def forget(self):
        """Forget everything that was noted until now."""
        for listener in (self.supervisor, self.owner, self.recorder, self.ops, self.calm):
            listener.clear()
        self.recorder.commits.clear()
        self.store.calls.clear()
        self.store.take()

    def tell(self, *messages):
        for message in messages:
            self.sink.tell(message)
        self.dispatcher.run_until_idle()
        for *_, error in self.ends:
            if error is not None:
                raise error

    def ask(self, question):
        return self.sink.ask(question, 60.0)

    def recorded(self, *transitions, samples=(), checkpoints=(), generation=None):
        """The message of an owner that has judged in this generation."""
        return RecordSamples(generation or self.generation, samples, transitions, checkpoints)

    def record(self, *transitions, **fields):
        self.tell(self.recorded(*transitions, **fields))

    def delivery(self, notice, state, attempts, detail):
        """The record of a notice that is in a state since now."""
        return Delivery(key=notice.key, state=state, attempts=attempts, at_ns=self.wall_ns, detail=detail)

    def delivered(self, channel="ops"):
        """The notices that a courier was given and that were not taken, with the number of the attempt."""
        courier = {"ops": self.ops, "calm": self.calm}[channel]
        return [(message.notice, message.attempt) for message in courier.of(Deliver)]

    def answer(self, notice, answer, attempt=1):
        self.tell(DeliveryAnswered(notice.key, attempt, answer))
