"""The engine of a node: its life, and the commands for the shards of this node and of others."""

import logging
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from ...actors.dispatch.run.future import AwaitAnswer, DispatchedFuture
from ...actors.engine import Engine
from ...actors.ports import Clock
from ...domain.cluster.left_incidents import LeftIncident, TakingShards
from ...domain.cluster.stamp import ConfigurationStamp
from ...domain.errors import (
    NotRunning,
    NotSent,
    StoreFenced,
    UnknownName,
    UsageError,
    WatchkeeperError,
)
from ...domain.incidents.record import PauseMark
from ...domain.line import one_line
from ...domain.read_model.node_status import ShardCounts
from ...domain.read_model.status import AbandonedWork
from ...domain.time.moment import Deadline, Moment
from ...protocol.message import Message
from ...protocol.owner import Acknowledge, EndDrill, Unacknowledge
from ...protocol.sink import Mute, Unmute
from ...protocol.supervisor import Beat, CheckNow, Pause, Resume, Track, Untrack
from ..configured import ConfiguredTargets
from ..restart_buffer import HostReport
from ..sharing.engine_access import STATED_BY_ALL
from .cluster_questions import ClusterQuestions
from .merging import merged_work
from .node import Node, NodeMembership
from .problem_exchange import ProblemExchange
from .remote_owners import RemoteOwners, ShardOwners
from .remote_refusals import RemoteRefusals
from .shard_configuration import FIRST_SHARD
from .shard_engines import ShardEngines
from .shard_feed import NodeFeed
from .shard_responder import OfTarget, ReceivedCommand, ShardResponder

R = TypeVar("R")
NodeCommand: TypeAlias = Track | Untrack | Pause | Resume | HostReport
logger = logging.getLogger(__name__)


class ClusterMembership(NodeMembership, Protocol):
    """The row of this node, and the commands for its shards; see `Membership`."""

    def join(self, now: Moment) -> int: ...

    def take(self, shards: Collection[int]) -> Iterable[ReceivedCommand]: ...

    def left_incidents(self) -> Iterable[LeftIncident]: ...

    def answer(self, command_id: int, answer: bytes) -> None: ...


class NodeParts(NamedTuple):
    """The parts that a node is given."""

    store: str
    membership: ClusterMembership
    owners: ShardOwners
    clock: Clock
    engines: ShardEngines
    feed: NodeFeed
    stamp: Callable[[], ConfigurationStamp]
    problems: ProblemExchange


class ClusterEngine:
    """Runs the shards of this node, and answers for all of them: for its own by their engines, for others by the store.

    It never ends by itself: a shard that is lost is another node's, and this one takes what the assignment gives it.
    """

    def __init__(self, configured: ConfiguredTargets, parts: NodeParts) -> None:
        self._clock = parts.clock
        self._membership, self._engines, self._feed = parts.membership, parts.engines, parts.feed
        self._owners = RemoteOwners(parts.owners, parts.clock)
        self._shards = 1
        self._refusals = RemoteRefusals(configured, parts.store, parts.clock)
        self._responder = ShardResponder(
            configured, parts.clock, self._require_open, parts.membership.answer, self._route
        )
        self._sending = ThreadPoolExecutor(1, "watchkeeper-commands")
        self._node = Node(
            parts.membership, parts.clock, parts.stamp, parts.engines, self._after_look, parts.feed.tell
        )
        self._questions = ClusterQuestions(
            configured, parts.store, parts.clock, parts.engines, self._node, self._owners
        )
        self._problems = parts.problems
        self._taking = TakingShards()
        self.pauses: tuple[PauseMark, ...] = ()

    @property
    def name(self) -> str:
        """The name of this node."""
        return self._node.name

    def counts(self) -> ShardCounts:
        """Returns the nodes and shards in figures."""
        return self._node.counts()

    # Start and stop.

    def start(self) -> None:
        """Joins the nodes of the store, and starts the engines of free shards. Blocks.

        Raises: StoreBusy where another living node has the name; StoreError; what kept its shards from starting, where none has.
        """
        self._shards = self._membership.join(self._clock.read())
        try:
            self._engines.share(self._shards)
            self._node.start()
        except BaseException:
            self._close()
            raise
        self.pauses = tuple(mark for engine in self._node.engines.values() for mark in engine.pauses)

    def stop(self, within_ns: int) -> AbandonedWork:
        """Gives all shards away. Blocks at most `within_ns`, and a few seconds for closing."""
        try:
            left = self._node.stop(within_ns)
        finally:
            unclosed = self._close()
        return merged_work((left, unclosed))

    def _close(self) -> AbandonedWork:
        self._responder.close()
        self._sending.shutdown(wait=False, cancel_futures=True)
        return self._engines.close()

    def on_end(self, callback: Callable[[StoreFenced], None]) -> None:
        """Does nothing: a node never ends by itself."""

    async def arrival(self, future: DispatchedFuture[None], within_s: float, wait: AwaitAnswer) -> None:
        """Waits until a future is set that an event of an engine sets. Raises: Timeout where it is not in time."""
        await wait(future, within_s)

    def _after_look(self) -> None:
        self._take_commands()
        self._take_incidents()
        node = self._node
        self._problems.look(node.view, node.own_problem(), node.engines)

    def _take_incidents(self) -> None:
        """Lets shards begin anew for which others have left open incidents: they take them at their opening."""
        if any(row.has_left for row in self._node.view.shards):
            left = self._membership.left_incidents()
            placement, engines = self._engines.sharded.placement, self._node.engines
            self._node.begin_anew(self._taking.shards_for(left, placement, engines, self._clock.read()))

    # Commands.

    def _take_commands(self) -> None:
        engines = self._node.engines
        for command in self._membership.take(engines.keys()):
            if command.shard in engines:
                self._responder.take(command, engines[command.shard])

    def _route(self, command: OfTarget, asked: int) -> Engine | None:
        """Returns the engine of a target's shard: a node with an older configuration asks the former one. None where another node obeyed.

        Raises: NotRunning where this node no longer runs the shard; as `RemoteOwners.ask` does.
        """
        placement, engines = self._engines.sharded.placement, self._node.engines
        shard = (
            placement.shard_of(command.target) if placement.lies_elsewhere(command.target, asked) else asked
        )
        if shard in engines:
            return engines[shard]
        if shard == asked:
            raise NotRunning("this node no longer runs the shard")
        self._owners.ask([shard], command, self._owners.until())
        return None

    def _require_open(self, incident: str) -> None:
        if self._feed.shard_of(incident) is None:
            raise UnknownName(f"no open incident is {one_line(incident)}")

    def tell(self, command: NodeCommand) -> None:
        """Sends a command to the engines of this node that it is for. Never blocks."""
        if isinstance(command, Track | Untrack):
            # The whole configuration decides on which shard a target lies, and it is known by now.
            self._node.begin_anew(self._engines.reconfigured())
            return
        engines = self._node.engines
        for shard in self._shards_for(command):
            engine = engines.get(shard)
            if engine is not None:
                engine.tell(command)
            elif not isinstance(command, Mute | Unmute):
                # It was this node's when the command was given.
                with suppress(RuntimeError):
                    self._sending.submit(self._send, shard, command)

    def _shards_for(self, command: NodeCommand) -> Collection[int]:
        match command:
            case Pause() | Resume() | CheckNow() | Beat():
                return (self._engines.sharded.placement.shard_of(command.target),)
            case Acknowledge() | Unacknowledge() | EndDrill():
                shard = self._feed.shard_of(command.incident)
                return () if shard is None else (shard,)
            case Mute() | Unmute():
                return range(self._shards)
            case _:
                return (FIRST_SHARD,)

    def _send(self, shard: int, command: Message) -> None:
        try:
            self._owners.ask([shard], command, self._owners.until())
        except (WatchkeeperError, ValueError, TimeoutError) as error:
            logger.error("A command for shard %d was not obeyed: %s: %s", shard, command, error)  # noqa: TRY400

    def pass_on(self, command: NodeCommand) -> bool:
        """Has the owners of shards on other nodes obey a command. Returns False where this node alone is to obey.

        Blocks until the effect is durable there, at most 7 s: a take-over is waited for.

        Raises: UnknownName for a target or an incident that is not there; UsageError for a target that a command states; what the owner
        raises; NotSent where nothing was done; TimeoutError and StoreError where it may be obeyed yet.
        """
        if isinstance(command, Track | Untrack):
            raise UsageError(STATED_BY_ALL)
        until = self._owners.until()
        if isinstance(command, Mute | Unmute):
            return self._pass_to_all(command, until)
        shard = self._shard_to_obey(command, until)
        if shard in self._node.engines:
            return False
        self._refusals.require(command)
        self._owners.ask([shard], command, until)
        return True

    def _shard_to_obey(self, command: NodeCommand, until: Deadline) -> int:
        found = [*self._shards_for(command)]
        if not found and isinstance(command, Acknowledge | Unacknowledge | EndDrill):
            owner = self._owners.owner_of(until, incident=command.incident)
            if owner is None:
                raise UnknownName(f"no open incident is {one_line(command.incident)}")
            return owner
        return found[0]

    def _pass_to_all(self, command: Mute | Unmute, until: Deadline) -> bool:
        """Silences hold on every shard: each has a copy. Those of this node obey what the others may obey yet."""
        engines = self._node.engines
        others = [shard for shard in range(self._shards) if shard not in engines]
        if not others:
            return False
        self._refusals.require(command)
        try:
            self._owners.ask(others, command, until)
        except NotSent:
            raise
        except Exception:
            _tell_all(engines.values(), command)
            raise
        _tell_all(engines.values(), command)
        # Other nodes read from the store what these shards have.
        for engine in engines.values():
            self._node.settle(engine, until)
        return True

    async def ask(self, listener: str, question: Message, until_ns: int, wait: AwaitAnswer) -> Any:
        """Returns the answer for all shards; see `Engine.ask`."""
        return await self._questions.ask(listener, question, until_ns, wait)


def _tell_all(engines: Iterable[Engine], command: Mute | Unmute) -> None:
    for engine in engines:
        engine.tell(command)
