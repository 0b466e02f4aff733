"""The ground of a cluster: the time that all nodes share, the truth about the targets, the receivers, and the faults that strike."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random

import msgspec
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.notice import Answer, Notice
from watchkeeper.domain.observation.attempt import ProbeRequest
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration, RuntimeOptions
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline
from watchkeeper.testing.clock import START_WALL_NS
from watchkeeper.testing.fakes import Pending
from watchkeeper.testing.script import ALWAYS_DOWN, ALWAYS_OK

from .controls import COMPLETE, Parts
from .database import ClusterStore, Database
from .node import Link, Node, Process
from .problems import PART, ShardProblem

NODES, SHARDS, OUTAGES = 3, 4, 3
SLICE_NS = 50 * NS_PER_MS
OUTAGE_NS = 40 * NS_PER_S
"""Each outage, and each pause between two, is longer than the longest fault, the take-over after it and the judgement after that."""
PHASE_NS_MAX = 8 * NS_PER_S
"""Targets fail one after the other, so that a fault meets some of them before, some after and some between."""
FAULT_NS_MAX = 12 * NS_PER_S
PEACE_NS = 60 * NS_PER_S
TAKEOVER_NS = limits.TENURE_LEASE_NS + 2 * NS_PER_S
"""From the last fault until each shard has a living owner that can write."""
SKEW_NS_MAX = 300 * NS_PER_S
OLDER_BY_NS = 3 * NS_PER_S
CHANNELS = ("ops", "chat")
TARGETS = tuple(
    Target(
        id=name,
        every="2s",
        timeout="500ms",
        tcp=Tcp(host="a", port=1),
        rules=(Consecutive(id="down", after=2, recover=1),),
        notify=CHANNELS,
        default_rules=False,
        flapping=False,
    )
    for name in ("shop", "mail", "desk", "door", "bank")
)
NEWEST = Configuration(
    # Nothing connects to it; the actors have other times for a database than for a file.
    runtime=RuntimeOptions(store="postgresql://watch@127.0.0.1/watch"),
    channels=tuple(Channel(id=name, log=Log()) for name in CHANNELS),
    targets=TARGETS,
)
OLDER = msgspec.structs.replace(NEWEST, targets=TARGETS[:-1])
"""One target less: where it decides, an incident of that one seems to have no target."""


class Sent(msgspec.Struct, frozen=True):
    """One notice as its receiver has seen it."""

    at_ns: int
    notice: Notice
    node: str
    shard: int
    is_stray: bool
    """Whether its sender was no owner any more."""


class Truth:
    """The targets as they are, for every node alike."""

    def __init__(self, ground: "Ground", process: Process) -> None:
        self._ground, self._process = ground, process

    def start(self, request: ProbeRequest, done: Callable[[Observation], None]) -> Pending:
        is_down = self._ground.is_down(request.attempt.target, self._process.node.now_ns)
        observation = (ALWAYS_DOWN if is_down else ALWAYS_OK).at(0).observation
        at_ns = self._process.node.clock.now.monotonic_ns + NS_PER_MS
        return Pending(self._process.dispatcher.call_at, at_ns, partial(done, observation))

    def close(self) -> None:
        """Nothing to release."""


class Receiver:
    """The way of one engine to one receiver, which accepts everything after a while."""

    def __init__(self, ground: "Ground", process: Process, store: ClusterStore) -> None:
        self._ground, self._process, self._store = ground, process, store

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> Pending:
        del attempt, deadline, memory
        node = self._process.node
        if notice.incident.rule == PART:
            is_of_another = notice.incident.cause.startswith("node ")
            self._ground.happened(f"own problem of {'another' if is_of_another else 'the same'} node told")
        self._ground.sent.append(
            Sent(node.now_ns, notice, node.name, self._store.shard, not self._store.is_current)
        )
        after_ns = (1 + self._ground.chance.randrange(400)) * NS_PER_MS
        answer = partial(done, Answer(accepted=True, detail="HTTP 200"))
        return Pending(self._process.dispatcher.call_at, node.clock.now.monotonic_ns + after_ns, answer)

    def close(self) -> None:
        """Nothing to release."""


class Ground:
    """The clock, the database, the targets and the receivers of one course."""

    def __init__(self, seed: int, parts: Parts = COMPLETE) -> None:
        self.chance = Random(f"cluster/{seed}")
        self.parts = parts
        self.dice = Random(f"dice/{seed}").random
        self.now_ns = 0
        self.database = Database(SHARDS, START_WALL_NS + self._skew())
        self.sent: list[Sent] = []
        self.sometimes: Counter[str] = Counter()
        self.rewinds: list[tuple[int, int]] = []
        """Each as the time of the copy and that of the return to it."""
        self.moved: list[str] = []
        """Shards that should have stayed where they were, with their new owners."""
        self.calm_at_ns = 0
        self.is_over = False
        """Whether the course ends here, as it computes without end."""
        self.unserved_ns: dict[int, int] = {}
        """Since when each shard has had no owner that could write."""
        self.latest_served_ns = 0
        """When the last shard got its owner again."""
        self.problem = ShardProblem(seed, SHARDS)
        self._phases = {target.id: self.chance.randrange(PHASE_NS_MAX) for target in TARGETS}
        self.nodes = [
            Node(self, name, number, self._skew(), OLDER if number == NODES - 1 else NEWEST)
            for number, name in enumerate("abc")
        ]
        # The older configuration was given before those of the others: its process starts first.
        self.nodes[-1].returns_at_ns = 0
        for node in self.nodes[:-1]:
            node.returns_at_ns = OLDER_BY_NS + self.chance.randrange(NS_PER_S)

    def _skew(self) -> int:
        return self.chance.randrange(-SKEW_NS_MAX, SKEW_NS_MAX)

    def happened(self, situation: str) -> None:
        """Counts a situation."""
        self.sometimes[situation] += 1

    @property
    def steps(self) -> int:
        """The turns of all processes so far."""
        return sum(node.steps for node in self.nodes)

    # The outside.

    def is_down(self, target: str, at_ns: int) -> bool:
        """Whether a target is down at a time."""
        number, is_second = divmod((at_ns - self._phases[target]) // OUTAGE_NS, 2)
        return 0 <= number < OUTAGES and is_second == 1

    def began_ns(self, target: str, half: int) -> int:
        """Returns when a target goes down (odd) or up (even)."""
        return self._phases[target] + half * OUTAGE_NS

    def prober(self, process: Process) -> Truth:
        """Returns the prober of an engine."""
        return Truth(self, process)

    def messenger(self, process: Process, store: ClusterStore, channel: str) -> Receiver:
        """Returns the messenger of an engine."""
        del channel
        return Receiver(self, process, store)

    # Time.

    def pass_time(self, length_ns: int) -> None:
        """Lets time pass for all nodes. Faults within a commit call it again from there."""
        until_ns = self.now_ns + length_ns
        while self.now_ns < until_ns and not self.is_over:
            end_ns = min(self.now_ns + SLICE_NS, until_ns)
            for node in self.chance.sample(self.nodes, len(self.nodes)):
                if node.returns_at_ns is not None and node.returns_at_ns <= end_ns:
                    node.begin()
                node.run(end_ns)
            self.now_ns = max(self.now_ns, end_ns)
            self.database.pass_to(self.now_ns)
            self._watch_shards()

    def _watch_shards(self) -> None:
        served = self.served()
        for shard in range(SHARDS):
            if shard not in served:
                self.unserved_ns.setdefault(shard, self.now_ns)
            elif self.unserved_ns.pop(shard, None) is not None:
                self.latest_served_ns = self.now_ns

    def served(self) -> dict[int, str]:
        """Returns the node of each shard that has an owner which could write now."""
        return {
            shard: node.name
            for node in self.nodes
            if node.process is not None and not node.is_frozen and not node.is_cut_off
            for shard, run in node.process.shards.items()
            if run.store.owns
        }

    # Faults.

    def choose(self, process: Process) -> int:
        """Before each turn of a node: a notice that was handed out may be on its way."""
        if process.node.armed is not None:
            self._strike_at(process.node, "with a notice on its way")
        return 0

    def struck(self, link: Link, point: str) -> None:
        """Lets an armed fault strike at its point. Raises: StoreError for an answer that never comes."""
        node = link.process.node
        if node.armed is None or link.process.is_dead or node.is_frozen:
            return
        if point == "once a notice leaves" and node.armed.point == point:
            node.armed = node.armed._replace(point="with a notice on its way")
            return
        self._strike_at(node, point)

    def _strike_at(self, node: Node, point: str) -> None:
        armed = node.armed
        if armed is None or armed.point != point:
            return
        node.armed = None
        self.happened(f"{armed.what} {point}")
        match armed.what:
            case "frozen":
                self.freeze(node, armed.length_ns)
            case "killed":
                node.die(armed.length_ns)
            case "hung":
                self.pass_time(armed.length_ns)
            case _:
                self.pass_time(armed.length_ns)
                raise StoreError("no answer in time, as drawn")

    def freeze(self, node: Node, length_ns: int) -> None:
        """Lets time pass while nothing of a node runs."""
        node.is_frozen = True
        try:
            self.pass_time(length_ns)
        finally:
            node.is_frozen = False

    def cut_off(self, nodes: list[Node], length_ns: int) -> None:
        """Lets time pass while nodes run and do not reach the database."""
        for node in nodes:
            node.is_cut_off = True
        self.pass_time(length_ns)
        for node in nodes:
            node.is_cut_off = False
