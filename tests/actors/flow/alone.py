"""The supervisor alone: its neighbours and its pollers note what they are told and when, and only the test moves time."""

from collections import Counter

from records import sample_at
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import address_for, spawn
from watchkeeper.actors.policies import supervisor_policies
from watchkeeper.actors.ports import Neighbours
from watchkeeper.actors.supervisor.poller_registry import PollerRegistry, Roster, RosterHandover
from watchkeeper.actors.supervisor.supervisor import Supervisor
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import RuntimeOptions
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.supervision.blindness import BlindnessDetector
from watchkeeper.domain.time.cadence import Cadence
from watchkeeper.domain.time.duration import duration_ns
from watchkeeper.protocol.owner import SampleTaken
from watchkeeper.protocol.poller import StartAttempt
from watchkeeper.protocol.recorder import CounterIncreased, HealthReported
from watchkeeper.protocol.supervisor import AttemptFinished, Track
from watchkeeper.testing.clock import ManualClock

S = 1_000_000_000


def beating(shop, name="job", every="1m", grace="10s", **fields):
    """A target whose host is to report at least every minute and ten seconds."""
    return shop(name, every=every, tcp=None, heartbeat=Heartbeat(grace=grace), **fields)


class Told(list):
    """A listener that notes each message with its moment, in nanoseconds since the start."""

    def __init__(self, name, now_ns):
        self.name = name
        self.now_ns = now_ns
        self.alive = True
        self.dismissed = False

    def tell(self, message):
        self.append((self.now_ns(), message))

    def dismiss(self):
        self.alive = False
        self.dismissed = True

    def take(self):
        """The messages since the last call, without their moments."""
        taken = [message for _, message in self]
        self.clear()
        return taken

    def moments(self, kind):
        """The moments of all messages of a kind that were not taken."""
        return [at_ns for at_ns, message in self if type(message) is kind]

    def of(self, kind):
        """All messages of a kind that were not taken."""
        return [message for _, message in self if type(message) is kind]


class Alone:
    """One supervisor between listeners that only listen."""

    def __init__(
        self,
        *targets,
        in_flight_max=100,
        store=None,
        children=(),
        dice=0.5,
        clock=None,
        is_outdated=bool,
    ):
        self.clock = clock or ManualClock()
        self.dispatcher = SimulatedDispatcher(self.clock)
        self.began_ns = self.clock.read().monotonic_ns
        self.owner, self.sink, self.recorder, self.ops = map(
            self.listener, ("owner", "sink", "recorder", "ops")
        )
        self.pollers = {}
        self.starts = []
        self.failing = set()
        self.alarms = []
        registry = PollerRegistry(self.poller, self.start_poller)
        self.roster = Roster({target.id: target for target in targets}, registry, {}, BlindnessDetector())
        self.handover = RosterHandover(self.roster)
        self.supervisor = address_for(Supervisor, "supervisor")
        self.ends = []
        self.error = None
        self.arguments = {
            "handover": self.handover,
            "policies": supervisor_policies(
                [Channel(id="ops", log=Log())], RuntimeOptions(in_flight_max=in_flight_max, store=store)
            ),
            "neighbours": Neighbours(
                self.supervisor, self.owner, self.sink, self.recorder, {"ops": self.ops}
            ),
            "children": children,
            "call_at": self.call_at,
            "dice": lambda: dice,
            "is_outdated": is_outdated,
        }
        self.start()

    def start(self):
        """Start an incarnation, and let it settle."""
        spawn(
            Supervisor,
            self.clock,
            dispatcher=self.dispatcher,
            address=self.supervisor,
            on_exit=self.ended,
            **self.arguments,
        )
        self.dispatcher.run_until_idle()

    def ended(self, _address, _epoch, reason, error):
        self.ends.append(reason)
        self.error = error

    def crash(self):
        """Crash the supervisor, as nothing else may."""
        self.supervisor.tell(object())
        self.dispatcher.run_until_idle()
        self.error = None

    def settle(self, until_ns=None):
        """Let everything happen until a moment. Raises the error of a supervisor that has crashed."""
        if until_ns is None:
            self.dispatcher.run_until_idle()
        else:
            self.dispatcher.run_until(until_ns)
        if self.error is not None:
            raise self.error

    def now_ns(self):
        """The time since the start."""
        return self.clock.read().monotonic_ns - self.began_ns

    def call_at(self, monotonic_ns, callback):
        self.set_for_ns = monotonic_ns
        self.alarms.append(self.dispatcher.call_at(monotonic_ns, callback))
        return self.alarms[-1]

    def wakes_ns(self):
        """The moment for which its one alarm is set."""
        assert [alarm.armed for alarm in self.alarms].count(True) == 1
        return self.set_for_ns

    def listener(self, name):
        return Told(name, self.now_ns)

    def poller(self, name):
        poller = self.listener(name)
        poller.alive = False
        self.pollers[name.removeprefix("poller/")] = poller
        return poller

    def start_poller(self, address, target):
        if target.id in self.failing:
            raise LookupError("no such probe")
        address.alive = True
        self.starts.append((self.now_ns(), target.id))

    def tell(self, *messages):
        """Tell the supervisor, and let it react."""
        for message in messages:
            self.supervisor.tell(message)
        self.settle()

    def ask(self, question):
        return self.supervisor.ask(question, 60.0)

    def track(self, target):
        self.tell(Track(target))

    def run(self, length):
        """Let time pass."""
        self.settle(self.clock.read().monotonic_ns + duration_ns(length))

    def run_to(self, at_ns):
        """Let time pass until so long after the start."""
        self.settle(self.began_ns + at_ns)

    def requests(self, target="shop"):
        """The attempts that the poller of a target was asked to start."""
        return [message.request for message in self.pollers[target].of(StartAttempt)]

    def run_to_start(self, target="shop"):
        """Let time pass, from alarm to alarm, until an attempt of a target is started. Returns its request."""
        before = len(self.requests(target))
        for _ in range(1_000):
            self.settle(self.dispatcher.next_alarm_ns())
            if len(self.requests(target)) > before:
                return self.requests(target)[-1]
        raise AssertionError(f"no attempt of {target} was started")

    def answer(self, request, outcome=Outcome.UP, **fields):
        """Answer an attempt as its poller would, begun where it was asked for."""
        attempt = request.attempt
        after_ns = request.started.monotonic_ns - sample_at(0).at.monotonic_ns
        sample = sample_at(
            after_ns, target=attempt.target, outcome=outcome, **{"attempt": attempt.number} | fields
        )
        self.tell(AttemptFinished(attempt, sample))
        return sample

    def in_turn(self, *names):
        """The names of targets of ten seconds that were tracked at the start, ordered by their first ticks."""
        return sorted(names, key=lambda name: Cadence.of(name, 10 * S).first_after(self.began_ns, len(names)))

    def judged(self, target="shop"):
        """The samples of a target that the owner was given and that were not taken, each with its record."""
        taken = [message for message in self.owner.of(SampleTaken) if message.sample.target == target]
        return [(message.sample, message.record) for message in taken]

    def last(self, target="shop"):
        return self.judged(target)[-1]

    def reported(self):
        """The problems that the recorder was told and that were not taken."""
        return [(said.part, said.detail) for said in self.recorder.of(HealthReported)]

    def counted(self):
        """The counters that were published, after the next flush, since the last call."""
        self.run("5s")
        counts = Counter()
        for each in self.recorder.of(CounterIncreased):
            counts[each.counter] += each.by
        self.recorder.clear()
        return dict(counts)
