"""Two processes with one store in virtual time: killed, frozen between turns or within a commit, and thawed late.

Each process is a world with its own actors; both share the clock, the record, the truth about the targets and the receiver.
"""

from random import Random

from watchkeeper.adapters.stores.memory import MemoryStore, SharedRecord
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.supervision.tenure import SilenceWatch
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S
from watchkeeper.testing.clock import ManualClock
from watchkeeper.testing.fakes import Pending, ScriptedProber
from watchkeeper.testing.script import Script
from watchkeeper.testing.world import World

SLICE_NS = 50 * NS_PER_MS
OUTAGE_NS = 40 * NS_PER_S
"""Each outage, and each pause between two, is longer than the longest freeze and the takeover after it."""
FREEZE_NS_MAX = 15 * NS_PER_S
TARGET = Target(
    id="shop",
    every="1s",
    timeout="500ms",
    tcp=Tcp(host="a", port=1),
    rules=(Consecutive(id="down", after=3, recover=2),),
    notify=("ops",),
    default_rules=False,
    flapping=False,
)


class Truth(ScriptedProber):
    """The targets as they are, for every process alike."""

    def __init__(self, ground, world):
        super().__init__(ground.clock.read, world.dispatcher.call_at)
        self._ground, self._world = ground, world

    def start(self, request, done):
        observation = Script.parse("down" if self._ground.is_down else "ok").at(0).observation
        now_ns = self._ground.clock.read().monotonic_ns
        return Pending(self._world.dispatcher.call_at, now_ns + NS_PER_MS, lambda: done(observation))


class Faulty(MemoryStore):
    """The store of one process, which may be frozen before or after a commit."""

    def __init__(self, ground, process, name):
        super().__init__(ground.shared, name)
        self._ground, self._process, self.epoch = ground, process, 0

    def open(self, now):
        restored = super().open(now)
        self.epoch = restored.epoch
        return restored

    def commit(self, batch):
        self._ground.pass_point(self._process, "before a commit")
        left_out = super().commit(batch)
        self._ground.epochs.append(self.epoch)
        self._ground.pass_point(self._process, "after a commit")
        if batch.deliveries and self._process.freeze_at == "once a notice leaves":
            self._process.freeze_at = "with a notice on its way"
        return left_out


class Unfenced(Faulty):
    """The same without the fence: the control."""

    def __init__(self, ground, process, name):
        super().__init__(ground, process, name)
        self.lease_ns = 0

    @property
    def _is_owner(self):
        return True

    def beat(self):
        """A stand-by sees no sign of life without one either."""


class Outgoing(list):
    """The posts of one process: all come to the same receiver, which sees from whom."""

    def __init__(self, ground, store):
        super().__init__()
        self._ground, self._store = ground, store

    def append(self, post):
        super().append(post)
        self._ground.posts.append(post)
        if self._store.epoch != self._ground.shared.tenure.epoch:
            self._ground.strays += 1


class Process:
    """A process that waits for the store, and runs an engine while it has it."""

    def __init__(self, ground, name):
        self.ground, self.name = ground, name
        self.world = None
        self.watch = SilenceWatch()
        self.is_frozen = False
        self.freeze_at = None
        self.tenures = 0

    @property
    def is_owner(self):
        return self.world is not None

    def run(self, until_ns):
        if self.world is None:
            self.look()
        if self.world is not None:
            self.world.dispatcher.run_until(until_ns)
        if self.world is not None and "sink" in self.world.system.ended:
            self.ground.happened(f"{self.name} ended by itself")
            self.leave()

    def choose(self, count):
        """Before each turn, while messages wait in mailboxes: a notice that was handed out among them."""
        self.ground.pass_point(self, "with a notice on its way")
        return 0

    def look(self):
        ground, now = self.ground, self.ground.clock.read()
        found = ground.shared.tenure
        lapsed = self.watch.look(found, now.monotonic_ns)
        if found.may_be_claimed("", has_lock=ground.shared.lock_holder is None, lapsed=lapsed):
            self.begin(lapsed)

    def begin(self, lapsed):
        ground = self.ground
        self.tenures += 1
        world = World((TARGET,), clock=ground.clock, choose=self.choose)
        world.store.close()
        world.store = ground.store(ground, self, f"{self.name}{self.tenures}")
        world.store.lapsed = lapsed
        world.prober = Truth(ground, world)
        for messenger in world.messengers.values():
            messenger.posts = Outgoing(ground, world.store)
        world.crash()
        if "sink" not in world.system.ended:
            self.world = world
            ground.happened("claimed from a frozen owner" if lapsed else "claimed a free store")

    def leave(self):
        self.world, self.watch = None, SilenceWatch()

    def die(self):
        shared = self.ground.shared
        if self.world is not None and shared.lock_holder == f"{self.name}{self.tenures}":
            shared.lock_holder = None
        self.leave()


class Ground:
    """The clock, the record, the targets and the receiver that both processes share."""

    def __init__(self, seed, outages, store=Faulty):
        self.outages = outages
        self.chance = Random(seed)
        self.store = store
        self.clock = ManualClock()
        self.shared = SharedRecord()
        self.epochs, self.posts, self.happenings = [], [], []
        self.strays = 0
        self.began_ns = self.clock.read().monotonic_ns
        self.processes = [Process(self, "a"), Process(self, "b")]

    # The outside.

    @property
    def since_ns(self):
        return self.clock.read().monotonic_ns - self.began_ns

    @property
    def is_down(self):
        numbers = divmod(self.since_ns // OUTAGE_NS, 2)
        return numbers[0] < self.outages and numbers[1] == 1

    def applied(self):
        """The notices that a receiver which applies each key once has applied, in order."""
        found = {}
        for post in self.posts:
            if post.accepted:
                found.setdefault(post.notice.key, post.notice)
        return list(found.values())

    def happened(self, event):
        self.happenings.append(event)

    # Time and faults.

    def pass_time(self, length_ns):
        until_ns = self.clock.read().monotonic_ns + length_ns
        while (now_ns := self.clock.read().monotonic_ns) < until_ns:
            end_ns = min(now_ns + SLICE_NS, until_ns)
            for process in self.chance.sample(self.processes, 2):
                if not process.is_frozen:
                    process.run(end_ns)
            if self.clock.read().monotonic_ns < end_ns:
                self.clock.advance_to(end_ns)

    def freeze(self, process):
        """Lets time pass while a process does not run, from wherever it is."""
        process.is_frozen = True
        try:
            self.pass_time(self.chance.randrange(NS_PER_S, FREEZE_NS_MAX))
        finally:
            process.is_frozen = False

    def pass_point(self, process, point):
        if process.freeze_at == point:
            process.freeze_at = None
            self.happened(f"frozen {point}")
            self.freeze(process)

    def strike(self):
        """One fault of the owner; the other process is well."""
        owner = next((process for process in self.processes if process.is_owner), None)
        if owner is None:
            return
        match self.chance.randrange(5):
            case 0:
                self.happened("killed")
                owner.die()
            case 1:
                self.happened("frozen between turns")
                self.freeze(owner)
            case 2:
                owner.freeze_at = "before a commit"
            case 3:
                owner.freeze_at = "once a notice leaves"
            case _:
                owner.freeze_at = "after a commit"

    def live(self):
        """Lives through all outages, with a fault near each of their begins and ends, and then in peace."""
        while self.since_ns < 2 * self.outages * OUTAGE_NS:
            left_ns = OUTAGE_NS - self.since_ns % OUTAGE_NS
            self.pass_time(max(left_ns - self.chance.randrange(NS_PER_S), SLICE_NS))
            self.pass_time(self.chance.randrange(5 * NS_PER_S))
            self.strike()
            self.pass_time(5 * NS_PER_S)
        for process in self.processes:
            process.freeze_at = None
        self.pass_time(30 * NS_PER_S)

    def faults(self):
        """Returns the faults: a lost or repeated notice, or a commit of an owner after the claim of another."""
        changes = [notice.change for notice in self.applied()]
        wanted = [TransitionKind.OPENED, TransitionKind.RESOLVED] * self.outages
        found = []
        if changes != wanted:
            found.append(f"told {[change.value for change in changes]}")
        if self.epochs != sorted(self.epochs):
            found.append("a former owner has committed")
        if self.strays:
            found.append(f"a former owner has sent {self.strays} notices")
        if sum(process.is_owner for process in self.processes) != 1:
            found.append("not one owner at the end")
        return found


assert FREEZE_NS_MAX + limits.TENURE_LEASE_NS + 10 * NS_PER_S < OUTAGE_NS
