"""A node: shows that it lives, takes the shards that are its own and gives the others away."""

import logging
import threading
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from typing import Literal, NamedTuple, Protocol

from pykka import ActorDeadError, Timeout

from ...actors.dispatch.run.future import blocking, run_blocking
from ...actors.engine import Engine
from ...actors.ports import Clock
from ...actors.supervisor.supervisor import RECORDER
from ...domain import limits
from ...domain.cluster.membership import ClusterView, NodePlan, StartRetries
from ...domain.cluster.node_problems import own_problem, shown_problems
from ...domain.cluster.planner import NodePlanner
from ...domain.cluster.stamp import ConfigurationStamp
from ...domain.errors import StoreBusy, StoreCorrupt, StoreError, StoreFenced, StoreNewer, WatchkeeperError
from ...domain.line import count_of, first_line
from ...domain.read_model.event import HealthChanged
from ...domain.read_model.node_status import NodeStatus, ShardCounts, counts_of, node_statuses
from ...domain.read_model.problems import ToldProblems
from ...domain.read_model.status import AbandonedWork
from ...domain.time.moment import NS_PER_S, Deadline, Moment
from ...protocol.recorder import GetIncidents
from .merging import merged_work
from .shard_news import ShardNews

LOOK_EVERY_S = limits.TENURE_LOOK_NS / NS_PER_S
HOUSEKEEPING_EVERY_LOOKS = 60
logger = logging.getLogger(__name__)


class NodeMembership(Protocol):
    """The row of this node in the store, and what it sees from there; see `Membership`."""

    name: str
    incarnation: str

    def beat(self, stamp: ConfigurationStamp, now: Moment, *, is_able: bool) -> ClusterView: ...

    def forget_outlived(self) -> None: ...

    def leave(self) -> None: ...


class EngineFactory(Protocol):
    """Makes the engines of shards, and hears what becomes of them. Its methods are called by several threads."""

    def make(self, shard: int, *, is_outdated: bool, known_epoch: int) -> Engine:
        """Returns the engine of a shard, not started yet.

        `is_outdated` says that its last owner had a newer configuration: then nothing that this one lacks is resolved until it has
        another one itself. Its epoch will be higher than `known_epoch`.
        """
        ...

    def activate(self, shard: int, engine: Engine, begin: Callable[[], None]) -> bool:
        """Calls `begin`, by which commands reach a started engine, and gives it what was commanded since it was made.

        Returns False where it is to begin anew, as targets have moved to it or from it since.
        """
        ...

    def left(self, shard: int) -> None:
        """Hears that this node runs a shard no longer."""
        ...

    def grace_ns(self) -> int:
        """Returns how long an engine may drain."""
        ...


def _tell_nobody(change: HealthChanged) -> None:
    """Takes what nobody has asked for."""


class _NotStarted(Exception):  # it never leaves this module
    """A shard does not run, which is told."""


class ShardRun(NamedTuple):
    """A shard of this node."""

    state: Literal["starting", "running", "stopping"]
    engine: Engine | None = None


class Node:
    """Owns the shards that this process runs, and the thread that keeps its row alive.

    Engines start and stop on a few threads of their own, so that a slow one holds up neither the row nor the others.
    """

    def __init__(
        self,
        membership: NodeMembership,
        clock: Clock,
        stamp: Callable[[], ConfigurationStamp],
        factory: EngineFactory,
        looked: Callable[[], None],
        tell: Callable[[HealthChanged], None] = _tell_nobody,
    ) -> None:
        """`stamp` returns that of the configuration of this process; `looked` runs after each look, and may raise StoreError.

        `tell` is given each change of what is wrong with the nodes.
        """
        self._membership, self._clock, self._stamp, self._factory = membership, clock, stamp, factory
        self._after_look, self._tell = looked, tell
        self._guard = threading.Lock()
        self._shards: dict[int, ShardRun] = {}
        self._workers = ThreadPoolExecutor(limits.NODE_CLAIMS_MAX, "watchkeeper-shards")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchkeeper-node", daemon=True)
        self._anew: frozenset[int] = frozenset()
        """Shards that are not claimed until all of them have stopped."""
        self._looks = 0
        self._news = ShardNews(membership.name)
        self._starting: set[Future[None]] = set()
        self._planner = NodePlanner(membership.incarnation)
        self.view = ClusterView()
        """All nodes and shards at the last look that succeeded."""
        self._looked: Moment | None = None
        self._retries = StartRetries()
        self._problem = ""
        """Why the last look failed."""
        self._refused: BaseException | None = None
        """The last error of a start."""
        self._told = ToldProblems()
        self._failed: dict[int, str] = {}
        """Why shards did not start."""

    @property
    def name(self) -> str:
        return self._membership.name

    @property
    def incarnation(self) -> str:
        return self._membership.incarnation

    @property
    def engines(self) -> dict[int, Engine]:
        """The engines that run, by shard."""
        with self._guard:
            return {
                shard: run.engine
                for shard, run in sorted(self._shards.items())
                if run.engine is not None and run.state == "running"
            }

    # Start and stop.

    def start(self) -> None:
        """Takes what is free. Blocks until these shards run.

        Raises: StoreBusy where another living node has the name; StoreError; what kept its shards from starting, where none has.
        """
        try:
            self._join()
            # The row is kept alive from now on: many engines may take longer to start than a lease.
            self._thread.start()
            wait(tuple(self._starting), limits.START_WITHIN_S)
        except BaseException:
            self.stop(NS_PER_S)
            raise
        if self._refused is not None and not self.engines:
            self.stop(NS_PER_S)
            raise self._refused
        self._news.begin(self.engines)

    def _join(self) -> None:
        """Looks for the first time. The row of a node that was killed a moment ago, and had this name, is silent within a lease.

        Raises: StoreBusy where it is not; StoreError.
        """
        until = Deadline.after(self._clock.read(), limits.TENURE_LEASE_NS + 2 * limits.TENURE_LOOK_NS)
        while True:
            try:
                return self._look()
            except StoreBusy:
                if until.expired(self._clock.read()) or self._over.wait(LOOK_EVERY_S):
                    raise

    def stop(self, within_ns: int) -> AbandonedWork:
        """Gives every shard away and leaves. Blocks; returns the work left undone."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(limits.POSTGRES_ANSWER_NS / NS_PER_S + 1)
        if held := self.engines:
            logger.info("Node %s hands over its %s and leaves", self.name, count_of(len(held), "shard"))
        left = self._stop_all(self.engines, within_ns)
        self._workers.shutdown(wait=True)
        self._membership.leave()
        return left

    def _stop_all(self, shards: Iterable[int], within_ns: int) -> AbandonedWork:
        """Stops engines all at once: each has the whole time."""
        ends: list[AbandonedWork] = []
        stopping = [
            threading.Thread(
                target=lambda shard=shard: ends.append(self._stop(shard, within_ns)), daemon=True
            )
            for shard in shards
        ]
        for each in stopping:
            each.start()
        for each in stopping:
            each.join()
        return merged_work(ends)

    def begin_anew(self, shards: Collection[int]) -> None:
        """Stops the engines of some shards; once all have stopped, the next look starts them again. Never blocks."""
        if shards:
            with suppress(RuntimeError):  # the node ends
                self._workers.submit(self._begin_anew, frozenset(shards))

    def _begin_anew(self, shards: frozenset[int]) -> None:
        with self._guard:
            self._anew |= shards
        try:
            self._stop_all(shards, self._factory.grace_ns())
        finally:
            with self._guard:
                self._anew -= shards

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            try:
                self._look()
                self._note("")
                self._tell_news()
            except StoreBusy as busy:
                # Another process has taken the name while this one was frozen: its shards are for the others.
                self._note(str(busy))
                self._apply(NodePlan(release=tuple(self.engines)))
            except StoreError as error:
                self._note(str(error))
            except Exception as error:
                logger.exception("The node met an internal fault")
                self._note(first_line(f"{type(error).__name__}: {error}"))
            for part, detail in self._told.look(self.problems(), self._clock.read()):
                self._tell(HealthChanged(part, detail))

    def _tell_news(self) -> None:
        """Logs the shards that were taken or given away since the last line, all of one moment in one."""
        with self._guard:
            is_settled = not self._anew and all(run.state == "running" for run in self._shards.values())
        for level, text in self._news.lines(self.engines, len(self.view.shards), is_settled=is_settled):
            logger.log(level, text)

    def _note(self, problem: str) -> None:
        """Logs a problem once, until another one comes."""
        if problem and problem != self._problem:
            logger.error("Node %s: %s", self.name, problem)
        self._problem = problem

    def _look(self) -> None:
        now = self._clock.read()
        try:
            is_able = self._retries.is_able(now.monotonic_ns)
            view = self._membership.beat(self._stamp(), now, is_able=is_able)
        except StoreError:
            self._planner.look_failed()
            raise
        self.view, self._looked = view, now
        with self._guard:
            held = frozenset(self._shards) | self._anew | self._retries.waiting(now.monotonic_ns)
        self._apply(self._planner.look(view, held, now))
        self._looks += 1
        if self._looks % HOUSEKEEPING_EVERY_LOOKS == 0:
            self._membership.forget_outlived()
        self._after_look()

    def _apply(self, wanted: NodePlan) -> None:
        with self._guard:
            for shard in wanted.claim:
                row = self.view.shards[shard]
                is_taken = row.is_silent and not row.is_free
                self._news.claims(shard, self.view.name_of(row) if is_taken else "")
                self._shards[shard] = ShardRun("starting")
                future = self._workers.submit(self._worked, self._start, shard)
                self._starting.add(future)
                future.add_done_callback(self._starting.discard)
        for shard in wanted.release:
            if shard in self.engines:
                self._workers.submit(self._worked, self._stop, shard, self._factory.grace_ns())

    # One shard, on a thread of the workers.

    def _worked(self, work: Callable[..., object], *said: object) -> None:
        """Does work whose future nobody asks for its error; those of the store are told where they are met."""
        try:
            work(*said)
        except _NotStarted:
            pass  # told already
        except StoreError as error:
            logger.debug("Node %s: %s", self.name, first_line(str(error)))
        except Exception:
            logger.exception("The node met an internal fault")

    def _start(self, shard: int) -> None:
        if self._over.is_set():
            self._drop(shard)
            return
        try:
            is_outdated = self.view.shards[shard].stamp.is_newer_than(self._stamp())
            known_epoch = self._planner.known_epoch(shard)
            engine = self._factory.make(shard, is_outdated=is_outdated, known_epoch=known_epoch)
            engine.start()
        except BaseException as error:
            self._drop(shard)
            if not isinstance(error, StoreBusy):
                self._fail(shard, error)
            raise _NotStarted from error
        try:
            is_placed = self._factory.activate(shard, engine, partial(self._begin, shard, engine))
        except BaseException as error:
            self._fail(shard, error)
            engine.stop(NS_PER_S)
            self._drop(shard)
            raise _NotStarted from error
        self._failed.pop(shard, None)
        self._retries.started(shard)
        if not is_placed:
            self.begin_anew((shard,))
        engine.on_end(partial(self._lost, shard, engine))
        # Now, as the first question would: a status is not to wait for it where the store hangs later.
        self.settle(engine)
        if self._over.is_set():
            self._stop(shard, NS_PER_S)

    def settle(self, engine: Engine, until: Deadline | None = None) -> None:
        """Waits until what an engine was told is durable, and after a start what that has changed. Blocks for a bounded time."""
        until = until or Deadline.after(self._clock.read(), limits.ANSWER_WITHIN_NS)
        with suppress(ActorDeadError, Timeout):
            question = GetIncidents(open_only=True)
            run_blocking(engine.ask(RECORDER, question, until.monotonic_ns, blocking))

    def _begin(self, shard: int, engine: Engine) -> None:
        with self._guard:
            self._shards[shard] = ShardRun("running", engine)

    def _fail(self, shard: int, error: BaseException) -> None:
        """Tries a shard later, and leaves the others to other nodes for a while unless the record of this one is to blame."""
        kind, fault = type(error).__name__, None if isinstance(error, WatchkeeperError) else error
        says = first_line(f"{kind}: {error}" if fault else str(error) or kind)
        if self._failed.get(shard) != says:
            logger.error("Shard %d does not start on node %s: %s", shard, self.name, says, exc_info=fault)
        self._failed[shard], self._refused = says, error
        of_shard, lasting = isinstance(error, StoreCorrupt), isinstance(error, StoreNewer)
        now_ns = self._clock.read().monotonic_ns
        self._retries.failed(shard, now_ns, is_of_shard=of_shard, is_lasting=lasting)

    def _stop(self, shard: int, within_ns: int) -> AbandonedWork:
        with self._guard:
            run = self._shards.get(shard)
            if run is None or run.engine is None or run.state != "running":
                return AbandonedWork()
            self._shards[shard] = ShardRun("stopping", run.engine)
        try:
            return run.engine.stop(within_ns)
        finally:
            self._drop(shard)

    def _lost(self, shard: int, engine: Engine, error: StoreFenced) -> None:
        """Hears from a thread of an engine that it has ended by itself, as another node has claimed its shard."""
        logger.debug("Shard %d was claimed from node %s: %s", shard, self.name, first_line(str(error)))
        self._news.loses(shard)
        with suppress(RuntimeError):  # the node ends
            self._workers.submit(self._worked, self._stop, shard, NS_PER_S)

    def _drop(self, shard: int) -> None:
        # In this order: a shard that is free here may be claimed again, and its next run must not be cleared away with this one.
        self._factory.left(shard)
        with self._guard:
            self._shards.pop(shard, None)

    # For people.

    def problems(self) -> Iterable[tuple[str, str]]:
        """Returns what is wrong with this node, the others and the shards: a part and a text each."""
        unserved = self._planner.unserved_for(limits.NODE_UNSERVED_NS, self._clock.read())
        return shown_problems(self.view, self.own_problem(), unserved)

    def own_problem(self) -> str:
        """Returns what is wrong with this node itself; empty for nothing."""
        return own_problem(self.view, self.incarnation, self._problem, self._failed)

    def nodes(self, targets_on: Callable[[int], int]) -> tuple[NodeStatus, ...]:
        """Returns all nodes as they were at the last look; `targets_on` returns the number of targets on a shard."""
        looked_ns = 0 if self._looked is None else self._looked.wall_ns
        return node_statuses(self.view, looked_ns, targets_on, self.incarnation, tuple(self.engines))

    def counts(self) -> ShardCounts:
        """Returns the nodes and shards in figures, as they were at the last look."""
        return counts_of(self.view, self.name, len(self.engines))
