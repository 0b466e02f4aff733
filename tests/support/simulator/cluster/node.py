"""A node of a cluster: a machine with its own clocks, and the process that runs on it with the engines of its shards."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple, Protocol

from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.ports import Messenger, Prober
from watchkeeper.actors.system import SINK, System, SystemDependencies, shut_down
from watchkeeper.domain import limits
from watchkeeper.domain.cluster.membership import ClusterView, StartRetries
from watchkeeper.domain.cluster.node_problems import own_problem
from watchkeeper.domain.cluster.placement import Placement
from watchkeeper.domain.cluster.stamp import ConfigurationStamp, stamp_of
from watchkeeper.domain.errors import StoreBusy, StoreError
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probes.kinds import KINDS
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Moment
from watchkeeper.host.cluster.problem_exchange import ProblemExchange
from watchkeeper.host.cluster.shard_configuration import ShardedConfiguration
from watchkeeper.host.cluster.shard_store import ShardStore
from watchkeeper.host.subscriptions import Subscriptions
from watchkeeper.protocol.recorder import HealthReported
from watchkeeper.testing.clock import START_MONOTONIC_NS, START_WALL_NS, ManualClock
from watchkeeper.testing.expectations import ScriptedExpectations

from ..surroundings.micro_faults import ProcessDied
from .controls import Parts
from .database import ClusterStore, Database
from .problems import PART, TEXT, Reports, ShardProblem

GRACE_NS = 2 * NS_PER_S
WAIT_SLICE_NS = 10 * NS_PER_MS


class Surroundings(Protocol):
    """The parts and clocks that all nodes have in common."""

    database: Database
    parts: Parts
    problem: ShardProblem
    dice: Callable[[], float]

    def struck(self, link: "Link", point: str) -> None: ...

    def happened(self, situation: str) -> None: ...

    def pass_time(self, length_ns: int) -> None: ...

    def choose(self, process: "Process") -> int: ...

    def prober(self, process: "Process") -> Prober: ...

    def messenger(self, process: "Process", store: ClusterStore, channel: str) -> Messenger: ...


class Strike(NamedTuple):
    """A fault of a node, and the point at which it comes."""

    what: str
    point: str
    length_ns: int


class NodeDispatcher(SimulatedDispatcher):
    """Stops once its process is dead."""

    def run_through(self, until_ns: int, done: Callable[[], bool]) -> None:
        """Runs turns and moves time up to a moment, unless it is over before."""
        self._run_through(until_ns, done)
        if not done() and self._clock.read().monotonic_ns < until_ns:
            self._clock.advance_to(until_ns)


class Link:
    """The way of one engine to its shard."""

    def __init__(self, process: "Process", shard: int, number: int) -> None:
        self.process, self.shard = process, shard
        self.node = process.node.name
        self.incarnation = f"{process.incarnation}/{number}"
        self.stamp_text, self.known_epoch = process.stamp.text, process.planner.known_epoch(shard)

    def reach(self) -> None:
        self.process.reach()

    def struck(self, point: str) -> None:
        self.process.node.ground.struck(self, point)
        if self.process.is_dead:
            raise ProcessDied(point)


class Shard:
    """The engine of a shard on a node."""

    def __init__(self, store: ClusterStore, system: System) -> None:
        self.store, self.system = store, system
        self.is_stopping = False
        self.has_said = False
        """Whether the engine has been told of the problem of its shard."""

    @property
    def is_lost(self) -> bool:
        return SINK in self.system.ended


class Process:
    """One start of a node: its incarnation, its engines, and what it remembers."""

    def __init__(self, node: "Node") -> None:
        self.node = node
        node.starts += 1
        self.incarnation = f"{node.name}{node.starts}"
        self.name = node.name
        self.dispatcher = NodeDispatcher(node.clock, lambda _: node.ground.choose(self))
        self.planner = node.ground.parts.planner(self.incarnation)
        self.retries = StartRetries()
        self.shards: dict[int, Shard] = {}
        self.is_dead = False
        self.view = ClusterView()
        self.configuration = node.configuration
        self._given = stamp_of(self.configuration, node.clock.read().wall_ns)
        self._times = node.ground.parts.times()
        self._sharded = ShardedConfiguration(
            self.configuration, Placement(self.configuration, len(node.ground.database.shards))
        )
        self.problems = ProblemExchange(Reports(self), node.clock)
        self._look_ns = 0
        self._links = 0

    @property
    def stamp(self) -> ConfigurationStamp:
        """That of its configuration, by the clock of the database."""
        return self._times.by_store(self._given, self.skew_ns)

    @property
    def skew_ns(self) -> int:
        """How far the wall clock of its machine is ahead of that of the database."""
        return self.node.ground.database.skew_of(self.node.clock.now)

    def rows(self) -> Database:
        """Returns the database. Raises: as `reach` does."""
        self.reach()
        return self.node.ground.database

    def reach(self) -> None:
        """Raises: ProcessDied in a dead process; StoreError where the database cannot be reached."""
        if self.is_dead:
            raise ProcessDied(self.incarnation)
        if self.node.is_cut_off:
            raise StoreError("the database cannot be reached, as drawn")
        self.node.ground.database.pass_to(self.node.now_ns)

    def run(self, until_ns: int) -> None:
        """Runs up to a time of this machine's monotonic clock, unless the process dies before."""
        clock = self.node.clock
        while not self._is_over() and clock.now.monotonic_ns < until_ns:
            self.dispatcher.run_through(
                max(min(until_ns, self._look_ns), clock.now.monotonic_ns), self._is_over
            )
            is_due = clock.now.monotonic_ns >= self._look_ns
            if is_due and not (self._is_over() or self.node.is_frozen):
                self._look_ns = clock.now.monotonic_ns + limits.TENURE_LOOK_NS
                self._look(clock.read())

    def _is_over(self) -> bool:
        return self.is_dead

    def _look(self, now: Moment) -> None:
        for shard in [shard for shard, run in self.shards.items() if run.is_lost and not run.is_stopping]:
            self.node.ground.happened("ended by itself")
            self.stop(shard, NS_PER_S)
        try:
            self.reach()
            view = self._beat(now)
        except StoreBusy:
            self.planner.look_failed()
            for shard in list(self.shards):
                self.stop(shard, GRACE_NS)
            return
        except StoreError:
            self.planner.look_failed()
            return
        self.view = view
        held = self.shards.keys() | self.retries.waiting(now.monotonic_ns)
        planned = self.planner.look(view, held, now)
        for shard in planned.claim:
            self._start(shard)
        for shard in planned.release:
            if shard in self.shards:
                self.node.ground.happened("handed over")
                self.stop(shard, GRACE_NS)
        if not self._is_over():
            self._exchange_problems()

    def _exchange_problems(self) -> None:
        for shard, run in self.shards.items():
            is_on = self.node.ground.problem.is_on(shard, self.node.now_ns)
            if run.has_said != is_on:
                run.has_said = is_on
                run.system.recorder.tell(HealthReported(PART, TEXT if is_on else ""))
        with suppress(StoreError):
            self.problems.look(
                self.view, own_problem(self.view, self.incarnation, "", {}), self.shards.keys()
            )

    def _beat(self, now: Moment) -> ClusterView:
        database = self.node.ground.database
        is_able = self.retries.is_able(now.monotonic_ns)
        return database.beat(self.node.name, self.incarnation, self.stamp, now, is_able=is_able)

    # Engines.

    def _start(self, shard: int) -> None:
        if self.is_dead:
            return
        ground, row = self.node.ground, self.view.shards[shard]
        is_outdated = row.stamp.is_newer_than(self.stamp)
        self._links += 1
        store = ground.parts.store(ground.database, shard, Link(self, shard, self._links))
        system = self._system(shard, store, is_outdated=is_outdated)
        self.shards[shard] = Shard(store, system)
        system.start()
        self.dispatcher.run_through(self.node.clock.now.monotonic_ns, self._is_over)
        if self._is_over():
            return
        error = system.ended.get(SINK)
        if SINK in system.ended:
            self.stop(shard, NS_PER_S)
            if not isinstance(error, StoreBusy):
                now_ns = self.node.clock.now.monotonic_ns
                self.retries.failed(shard, now_ns, is_of_shard=False)
            return
        self.retries.started(shard)
        ground.happened("claimed a free shard" if row.is_free else "claimed from a silent owner")
        if is_outdated:
            ground.happened("claimed by an older configuration")

    def _system(self, shard: int, store: ClusterStore, *, is_outdated: bool) -> System:
        ground, configuration = self.node.ground, self._sharded.of(shard)
        parts = SystemDependencies(
            clock=self.node.clock,
            dispatcher=self.dispatcher,
            sink_dispatcher=self.dispatcher,
            probers=dict.fromkeys(KINDS.values(), ground.prober(self)),
            messengers={
                channel.id: ground.messenger(self, store, channel.id) for channel in configuration.channels
            },
            store=ShardStore(store, self._sharded.probe_only_on(shard)),
            publisher=Subscriptions(),
            expectation_of=ScriptedExpectations(),
            dice=ground.dice,
            changed=lambda: None,
            is_whole=not is_outdated,
            is_outdated=lambda: is_outdated,
            with_others=partial(self.problems.with_others, shard),
        )
        return System(parts, configuration)

    def stop(self, shard: int, within_ns: int) -> None:
        """Stops an engine in order."""
        run = self.shards.get(shard)
        if run is None or run.is_stopping:
            return
        run.is_stopping = True
        shut_down(run.system, self._wait, self.node.clock.read(), within_ns)
        if not self.is_dead:
            run.system.stop(run.system.recorder)
            self.shards.pop(shard, None)
            self.problems.forget(shard)

    def _wait(self, done: Callable[[], bool], until_ns: int) -> bool:
        """Lets time pass for all nodes: another thread of this process waits."""
        clock, over = self.node.clock, partial(_either, done, self._is_over)
        self.dispatcher.run_through(clock.now.monotonic_ns, over)
        while not over() and clock.now.monotonic_ns < until_ns:
            self.node.ground.pass_time(WAIT_SLICE_NS)
        return over()

    def leave(self) -> None:
        """Ends in order: every shard is free for the others at once."""
        for shard in list(self.shards):
            if not self.is_dead:
                self.stop(shard, GRACE_NS)
        if not (self.is_dead or self.node.is_cut_off):
            self.node.ground.database.leave(self.node.name, self.incarnation)
        self.is_dead = True


def _either(first: Callable[[], bool], second: Callable[[], bool]) -> bool:
    return first() or second()


class Node:
    """A machine of the cluster. Its monotonic clock has its own beginning, and its wall clock is wrong by its own amount."""

    def __init__(
        self, ground: Surroundings, name: str, number: int, skew_ns: int, configuration: Configuration
    ) -> None:
        self.ground, self.name, self.skew_ns, self.configuration = ground, name, skew_ns, configuration
        self._began_ns = START_MONOTONIC_NS * (1 + 1_000 * number)
        self.clock = ManualClock(self._began_ns, START_WALL_NS + skew_ns)
        self.starts = self._steps = 0
        self.is_frozen = self.is_cut_off = False
        self.armed: Strike | None = None
        """The fault that waits for its point."""
        self.returns_at_ns: int | None = None
        """When a process starts again after a death; None while one runs."""
        self.process: Process | None = None

    @property
    def now_ns(self) -> int:
        """The time of the ground as this machine has it."""
        return self.clock.now.monotonic_ns - self._began_ns

    @property
    def steps(self) -> int:
        """The turns of its processes."""
        return self._steps + (self.process.dispatcher.steps if self.process else 0)

    def begin(self) -> None:
        """Starts a process."""
        self.returns_at_ns = None
        self.process = Process(self)

    def run(self, until_ns: int) -> None:
        """Runs up to a time of the ground; without a process, or while it is frozen, only the clocks go on."""
        own_ns = until_ns + self._began_ns
        if self.process is not None and not self.is_frozen:
            self.process.run(own_ns)
        self.catch_up(until_ns)

    def catch_up(self, until_ns: int) -> None:
        """Moves the clocks to a time of the ground."""
        if self.now_ns < until_ns:
            self.clock.advance(until_ns - self.now_ns)

    def die(self, away_ns: int) -> None:
        """Ends the process as kill -9 does; the next one starts after a while."""
        if self.process is not None:
            self._steps += self.process.dispatcher.steps
            self.process.is_dead = True
            self.process, self.returns_at_ns = None, self.now_ns + away_ns
